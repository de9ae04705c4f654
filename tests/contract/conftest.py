"""Everything here runs twice: with the local hands, and as flow runs against a real Prefect server."""

import pytest
from pydantic import BaseModel

from batchata import BatchManager
from tests.servers import BARE, server_of_the_session

MODEL = "claude-haiku-5-5"


class Contact(BaseModel):
    name: str


@pytest.fixture(scope="session")
def real_server():
    """One for all of these tests; none of them reads what became of a task run or an event."""
    with server_of_the_session(BARE) as server:
        yield server


@pytest.fixture(params=["local", "prefect"])
def orchestrator(request):
    if request.param == "local":
        yield "local"
        return
    with request.getfixturevalue("real_server").in_process():
        yield "prefect"


@pytest.fixture
def people():
    return lambda count, first=0: [
        [{"role": "user", "content": f"Name: Person Nr{number}"}] for number in range(first, first + count)
    ]


@pytest.fixture
def manager(orchestrator, client, tmp_path):
    """Makes a manager over one ledger; options given later replace these."""

    def make(messages, **options):
        usual = {
            "model": MODEL,
            "response_model": Contact,
            "items_per_job": 5,
            "max_parallel_jobs": 2,
            "state_path": tmp_path / "state.jsonl",
            "results_dir": tmp_path / "results",
            "cache": False,
            "lost_after": 0.3,
            "client": client,
            "orchestrator": orchestrator,
        }
        return BatchManager(messages=messages, **(usual | options))

    return make
