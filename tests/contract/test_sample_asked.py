"""A sample without a callable: a person is asked through a real Prefect server, or there is nobody."""

import pytest

from tests.contract.test_contract import events, everybody, names_of
from tests.contract.test_pause import answering
from tests.contract.test_sample import sampled

pytestmark = pytest.mark.filterwarnings("default")  # Prefect's own warnings are not ours to fail on


@pytest.fixture
def orchestrator(inside):
    return "prefect"


def decisions(each):
    """After the sample was drawn, without what only collect-due reads."""
    found = [event for event in events(each) if event["event"] == "decision"]
    return [(event["what"], event["reason"]) for event in found if event["what"] not in ("halted", "asked")][1:]


def test_without_prefect_it_stops_and_says_how_to_go_on(manager, people, simulator):
    each = manager(people(20), orchestrator="local")
    summary = each.run(sample=5)
    assert "nobody was asked to approve the rest" in summary["stopped"]
    assert "`run(sample=None)` sends them" in summary["stopped"]
    assert (summary["pending_items"], simulator.state()["items_billed"]) == (15, 5)
    assert each.run()["completed_items"] == 20
    assert simulator.state()["items_billed"] == 20
    assert decisions(each) == [("approved", "it was run without a sample")]


def test_a_person_chooses_to_continue(manager, people, simulator, real_server):
    each = manager(people(20))
    with answering(real_server, "resume", run_input={"decision": "continue"}):
        summary = each.run(sample=5)
    assert summary["completed_items"] == 20
    assert simulator.state()["items_billed"] == 20
    assert decisions(each) == [("approved", "a person chose to continue")]
    assert names_of(each) == everybody(20)


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ({"do": "resume", "run_input": {"decision": "stop"}}, "a person chose to stop"),
        ({"do": "set_state", "state": {"type": "CANCELLING"}, "force": False}, "the run was cancelled"),
    ],
)
def test_a_stop_or_a_cancel_leaves_the_rest_to_be_asked_about_again(
    manager, people, simulator, real_server, action, said
):
    each = manager(people(20))
    with answering(real_server, **action):
        summary = each.run(sample=5)
    assert said in summary["stopped"]
    assert (summary["completed_items"], summary["pending_items"]) == (5, 15)
    before = sampled(each)
    with answering(real_server, "resume", run_input={"decision": "continue"}):
        assert each.run(sample=5)["completed_items"] == 20
    assert sampled(each) == before
    assert simulator.state()["items_billed"] == 20


def test_nobody_answers(manager, people, simulator):
    summary = manager(people(20), answer_within=1).run(sample=5)
    assert "nobody answered in time" in summary["stopped"]
    assert simulator.state()["items_billed"] == 5


def test_a_limit_below_the_forecast_is_asked_about_when_it_is_reached(manager, people, simulator, real_server):
    each = manager(people(30), max_cost=0.0005, max_tokens=1000, on_cost_limit="pause")
    with answering(real_server, "resume", run_input={"decision": "continue", "new_limit_usd": 2}):
        assert each.run(sample=3, approve=lambda report: True)["completed_items"] == 30
    assert [what for what, _ in decisions(each)] == ["approved", "limit_reached", "limit"]
    assert simulator.state()["items_billed"] == 30
