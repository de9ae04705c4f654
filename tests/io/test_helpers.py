"""Who may do the work of a run: what does not go together is said before anything is sent."""

import sys

import pytest

from batchata import BatchManager, InputError
from batchata.running.options import Helpers

pytestmark = pytest.mark.filterwarnings("default")  # Prefect's own warnings are not ours to fail on

TALK = [[{"role": "user", "content": "Name: Somebody"}]]


@pytest.mark.parametrize("helpers", [{"task_runner": "dask"}, {"shards": 2}], ids=str)
def test_a_client_with_a_key_in_it_does_not_travel(client, helpers, tmp_path):
    with pytest.raises(InputError, match="client= has a key in it, and no key is sent to other processes"):
        BatchManager(TALK, client=client, state_path=tmp_path / "state", **helpers)


@pytest.mark.parametrize("helpers", [{"task_runner": "dask"}, {"shards": 2}], ids=str)
@pytest.mark.parametrize("orchestrator", ["local", "prefect", None])
def test_other_processes_need_a_server_that_they_reach(helpers, orchestrator, tmp_path, monkeypatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    manager = BatchManager(TALK, state_path=tmp_path / "state", orchestrator=orchestrator, **helpers)
    with pytest.raises(
        InputError, match="which meet at a Prefect server that all of them reach, and none is configured"
    ):
        manager.run()


def test_it_is_either_a_task_runner_or_shards(tmp_path):
    with pytest.raises(InputError, match="give either `task_runner` or `shards`"):
        BatchManager(TALK, task_runner="dask", shards=2, state_path=tmp_path / "state")


@pytest.mark.parametrize("shards", [-1, 1.5, "2", True])
def test_shards_are_a_number(shards, tmp_path):
    with pytest.raises(InputError, match="`shards` is"):
        BatchManager(TALK, shards=shards, state_path=tmp_path / "state")


@pytest.mark.parametrize("name", ["dask", "ray"])
def test_a_package_that_is_missing_is_named(name, monkeypatch):
    from batchata.orchestration.runners import runner_of

    monkeypatch.setitem(sys.modules, f"prefect_{name}", None)
    with pytest.raises(InputError, match=rf'pip install "batchata\[{name}\]"'):
        runner_of(name, 1)


@pytest.mark.parametrize("given", ["spark", 7])
def test_what_is_no_task_runner_is_refused(given):
    from batchata.orchestration.runners import runner_of

    with pytest.raises(InputError, match="`task_runner` is"):
        runner_of(given, 1)


def test_threads_are_this_process():
    from prefect.task_runners import ThreadPoolTaskRunner

    assert not Helpers().are_elsewhere
    assert not Helpers("threads").are_elsewhere
    assert not Helpers(ThreadPoolTaskRunner()).are_elsewhere
    assert Helpers("ray").are_elsewhere
    assert Helpers(shards=1).are_elsewhere
