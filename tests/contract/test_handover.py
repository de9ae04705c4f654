"""A run that one pair of hands began is finished by the other."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from batchata import BatchManager, CredentialsError, make_client
from batchata.simulator import OnClock, Simulator
from tests.contract.conftest import MODEL, Contact
from tests.contract.test_contract import everybody, names_of

pytestmark = pytest.mark.filterwarnings("default")


def test_the_other_hands_finish(manager, people, simulator, orchestrator, real_server):
    simulator.faults.fail("retrieve", 401)
    first = manager(people(20))
    with pytest.raises(CredentialsError):
        first.run()
    assert first.stats["in_flight_items"] > 0
    other = "prefect" if orchestrator == "local" else "local"
    with real_server.in_process():
        second = manager(people(20), orchestrator=other)
        assert second.run()["completed_items"] == 20
    assert simulator.state()["items_billed"] == 20
    assert names_of(second) == everybody(20)


WORKER = """
import sys
from batchata import BatchManager, make_client
from tests.contract.conftest import Contact

url, state = sys.argv[1:]
people = [[{"role": "user", "content": f"Name: Person Nr{n}"}] for n in range(20)]
BatchManager(messages=people, model="claude-haiku-5-5", response_model=Contact, items_per_job=5, max_parallel_jobs=2,
             state_path=state, results_dir=state + ".results", cache=False, orchestrator="prefect",
             client=make_client(api_key="none", base_url=url)).run()
"""


def test_a_flow_run_that_was_killed_is_gone_on_with(people, tmp_path, real_server):
    state = tmp_path / "killed.jsonl"
    simulator = Simulator(progress=OnClock(2))
    with simulator as url:
        environment = real_server.environment | {"PYTHONPATH": str(Path(__file__).parents[2])}
        process = subprocess.Popen([sys.executable, "-c", WORKER, url, str(state)], env=environment)
        while not (state.exists() and b'"submitted","job":2' in state.read_bytes()):
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
        process.wait()
        with real_server.in_process(), make_client(api_key="none", base_url=url) as client:
            each = BatchManager(
                messages=people(20), model=MODEL, response_model=Contact, items_per_job=5, max_parallel_jobs=2,
                state_path=state, results_dir=f"{state}.results", cache=False, orchestrator="prefect", client=client,
                lost_after=0.3,
            )  # fmt: skip
            assert each.run()["completed_items"] == 20
        assert simulator.state()["items_billed"] == 20
    assert names_of(each) == everybody(20)
