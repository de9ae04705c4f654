import os
import tempfile

import pytest
from hypothesis import settings

from batchata import make_client
from batchata.simulator import Simulator
from tests.servers import running_server

settings.register_profile("batchata", max_examples=60, deadline=None, derandomize=True, database=None)
settings.load_profile("batchata")

for name in [name for name in os.environ if name.startswith(("ANTHROPIC_", "PREFECT_"))]:
    del os.environ[name]


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
    os.environ.setdefault("PREFECT_HOME", tempfile.mkdtemp(prefix="prefect-"))  # read when prefect is imported
    os.environ.update(DO_NOT_TRACK="1", PREFECT_LOGGING_LEVEL="ERROR")
    with running_server() as server:
        yield server


@pytest.fixture
def inside(real_server):
    """Flows of the test itself use the server too."""
    with real_server.in_process():
        yield real_server
