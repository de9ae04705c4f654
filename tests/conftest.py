import os
from fnmatch import fnmatch
from pathlib import Path

import pytest
from hypothesis import settings

from batchata import make_client
from batchata.simulator import Simulator
from tests.servers import server_of_the_session

settings.register_profile("batchata", max_examples=60, deadline=None, derandomize=True, database=None)
settings.load_profile("batchata")

for name in [name for name in os.environ if name.startswith(("ANTHROPIC_", "PREFECT_"))]:
    del os.environ[name]


LONGEST_FIRST = (
    ("tests/contract/*",),
    ("tests/flows/test_dask.py", "tests/flows/test_shards.py"),
    ("tests/flows/*", "tests/io/test_cache.py"),
    ("tests/acceptance/test_stack.py",),
    ("tests/acceptance/*",),
    ("tests/*",),
)
"""The files of the first three share a Prefect server each, whose start takes as long as many a test."""

_SHARED = 3


def _place(path):
    return next(n for n, patterns in enumerate(LONGEST_FIRST) if any(fnmatch(path, each) for each in patterns))


def pytest_collection_modifyitems(items):
    """What takes longest begins first, so that several processes end at about the same time."""
    root = Path(__file__).parents[1]
    items.sort(key=lambda item: _place(item.path.relative_to(root).as_posix()))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from xdist.scheduler import LoadFileScheduling

    class ByServer(LoadFileScheduling):
        def _split_scope(self, nodeid):
            path = nodeid.split("::", 1)[0]
            place = _place(path)
            return str(LONGEST_FIRST[place]) if place < _SHARED else path

    config.option.loadscopereorder = False
    return ByServer(config, log)


@pytest.fixture(autouse=True)
def _nobody_is_logged_in(monkeypatch, tmp_path):
    """No profile of the machine's owner, no .env of a parent folder."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def simulator():
    simulator = Simulator(seed=7)
    simulator.start()
    yield simulator
    simulator.stop()


@pytest.fixture
def client(simulator):
    with make_client(api_key="none", base_url=simulator.url) as client:
        yield client


@pytest.fixture(scope="session")
def real_server():
    """One Prefect server for all tests, which other processes reach too."""
    with server_of_the_session() as server:
        yield server


@pytest.fixture
def inside(real_server):
    """Flows of the test itself use the server too."""
    with real_server.in_process():
        yield real_server
