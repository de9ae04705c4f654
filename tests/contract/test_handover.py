"""A run that one pair of hands began is finished by the other."""

import pytest

from batchata import CredentialsError
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
