"""A sample first, then a question, then the rest: whoever carries it out."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from batchata import BatchManager, InputError, make_client
from batchata.simulator import OnClock, Simulator
from tests.contract.conftest import MODEL, Contact
from tests.contract.test_contract import events, everybody, first_try_of, names_of

pytestmark = pytest.mark.filterwarnings("default")  # Prefect's own warnings are not ours to fail on


@pytest.fixture
def letters():
    """Messages of 1 to 60 lines, so that the items differ in what they cost."""

    def make(count, first=0):
        return [
            [
                {
                    "role": "user",
                    "content": f"Name: Person Nr{number}\n" + "Thank you for your letter.\n" * (number * 37 % 60),
                }
            ]
            for number in range(first, first + count)
        ]

    return make


@pytest.fixture
def asked(simulator):
    """An `approve` that keeps the reports, and what was billed by then."""

    class Asked(list):
        billed = []

        def yes(self, report):
            self.append(report)
            self.billed = [*self.billed, simulator.state()["items_billed"]]
            return True

        def no(self, report):
            return not self.yes(report)

    return Asked()


def yes(report):
    return True


def sampled(each):
    [event] = [event for event in events(each) if event.get("what") == "sample"]
    return event["items"]


def sent_before_approval(each):
    """The items of the batches that were created before anybody said yes."""
    items = []
    for event in events(each):
        if event["event"] == "intent":
            items.extend(item[0] for item in event["items"])
        if event.get("what") == "approved":
            return items
    return items


def test_the_sample_is_sent_first_and_the_rest_when_it_is_approved(manager, letters, simulator, asked):
    each = manager(letters(60))
    summary = each.run(sample=0.2, approve=asked.yes)
    [report] = asked
    assert asked.billed == [12]
    assert (report.items, report.total, report.waiting, report.outcomes) == (12, 60, 48, {"succeeded": 12})
    assert sorted(sent_before_approval(each)) == sampled(each)
    assert summary["completed_items"] == 60
    assert simulator.state()["items_billed"] == 60
    assert names_of(each) == everybody(60)
    assert [record.result.name for record in report.results] == [f"Person Nr{index}" for index in sampled(each)[:5]]
    assert report.low <= report.forecast <= report.high
    assert 0.5 < float(report.forecast) / summary["total_cost"] < 2  # the interval misses one draw in twenty
    assert 0.75 < float(report.forecast) / summary["total_cost"] < 1.33


def test_who_says_no_is_told_how_to_go_on_and_nothing_is_paid_again(manager, letters, simulator, asked):
    each = manager(letters(30))
    summary = each.run(sample=6, approve=asked.no)
    assert (summary["completed_items"], summary["pending_items"], simulator.state()["items_billed"]) == (6, 24, 6)
    for words in ("sample of 6 items is done and the rest was not approved", "forecast for all 30 items is $", "95 %",
                  "`run(sample=None)` sends them", "asks again"):  # fmt: skip
        assert words in summary["stopped"]
    assert (summary["awaits_approval"], each.stats["awaits_approval"]) == (True, True)
    first = sampled(each)
    again = manager(letters(30))
    again.run(sample=0.5, approve=asked.no)
    assert asked[0] == asked[1]
    assert sampled(again) == first
    assert asked.billed == [6, 6]
    last = manager(letters(30))
    summary = last.run()
    assert (summary["completed_items"], summary["awaits_approval"]) == (30, False)
    assert simulator.state()["items_billed"] == 30
    assert names_of(last) == everybody(30)


def test_what_was_approved_is_not_asked_again(manager, letters, simulator, asked):
    each = manager(letters(20))
    each.run(sample=4, approve=asked.yes)
    later = manager(letters(26))
    assert later.run(sample=4, approve=asked.no)["completed_items"] == 26
    assert len(asked) == 1
    assert simulator.state()["items_billed"] == 26


def test_an_exception_of_the_callable_is_the_users_own(manager, letters, simulator, asked):
    def approve(report):
        raise ZeroDivisionError("my own")

    each = manager(letters(20))
    with pytest.raises(ZeroDivisionError, match="my own"):
        each.run(sample=4, approve=approve)
    assert (each.stats["completed_items"], each.stats["in_flight_items"]) == (4, 0)
    with pytest.raises(InputError, match="approve returned None"):
        manager(letters(20)).run(sample=4, approve=lambda report: None)
    assert simulator.state()["items_billed"] == 4
    assert manager(letters(20)).run(sample=4, approve=asked.yes)["completed_items"] == 20
    assert simulator.state()["items_billed"] == 20
    assert asked.billed == [4]


@pytest.mark.parametrize(("amount", "reports"), [(50.0, 0), (0.000001, 1)])
def test_a_forecast_that_is_low_enough_needs_nobody(manager, letters, simulator, asked, amount, reports):
    each = manager(letters(20))
    summary = each.run(sample=5, approve=asked.no, approve_below=amount)
    assert len(asked) == reports
    assert summary["completed_items"] == (5 if reports else 20)


def test_what_is_sent_again_of_the_sample_belongs_to_it(manager, letters, simulator, asked):
    simulator.faults.outcome("truncated", match=first_try_of(*range(30)), times=3)
    each = manager(letters(30))
    each.run(sample=6, approve=asked.yes)
    [report] = asked
    assert asked.billed == [9]
    assert report.outcomes == {"succeeded": 6}
    assert report.cost_per_item * 6 == report.spent
    assert simulator.state()["items_billed"] == 33


def test_answers_from_the_cache_cost_nothing_and_are_said(manager, letters, simulator, asked, tmp_path):
    place = tmp_path / "cache"
    manager(letters(10), cache=place, state_path=tmp_path / "first").run()
    each = manager(letters(20), cache=place)
    each.run(sample=10, approve=asked.yes)
    [report] = asked
    assert report.cached == sum(index < 10 for index in sampled(each)) > 0
    assert f"{report.cached}, which cost nothing" in str(report)
    assert simulator.state()["items_billed"] == 20


def test_the_limit_holds_within_the_sample(manager, letters, simulator, asked):
    each = manager(letters(40), max_cost=0.0005, max_tokens=1000)
    summary = each.run(sample=30, approve=asked.yes)
    assert summary["cost_limit_reached"]
    assert summary["total_cost"] <= 0.0005
    assert not asked
    assert set(sent_before_approval(each)) <= set(sampled(each))
    more = manager(letters(40), max_cost=5, max_tokens=1000)
    assert more.run(sample=30, approve=asked.yes)["completed_items"] == 40
    assert simulator.state()["items_billed"] == 40
    assert asked.billed == [30]


def test_failed_items_of_the_sample_can_be_sent_again_before_it_is_approved(manager, letters, simulator, asked):
    simulator.faults.outcome("refused", match=first_try_of(*range(20)), times=2)
    each = manager(letters(20))
    assert each.run(sample=5, approve=asked.no)["failed_items"] == 2
    assert each.retry_failed()["completed_items"] == 5
    each.run(sample=5, approve=asked.yes)
    assert [report.outcomes for report in asked] == [{"succeeded": 3, "refused": 2}, {"succeeded": 5}]
    assert each.stats["completed_items"] == 20


@pytest.mark.parametrize("options", [
    {"sample": 0}, {"sample": 0.0}, {"sample": 1.5}, {"sample": True}, {"sample": "1%"}, {"sample": float("nan")},
    {"approve": yes}, {"approve_below": 5}, {"sample": 5, "approve": 5}, {"sample": 5, "approve_below": -1},
])  # fmt: skip
def test_nonsense_is_refused_before_anything_is_sent(manager, letters, simulator, options):
    with pytest.raises(InputError):
        manager(letters(3)).run(**options)
    assert simulator.state()["create_calls"] == 0


def test_a_run_that_does_not_wait_asks_when_the_sample_is_home(manager, letters, asked):
    slow = Simulator(progress=OnClock(3600), seed=7)
    with slow as url, make_client(api_key="none", base_url=url) as client:
        each = manager(letters(20), client=client)
        summary = each.run(sample=4, approve=asked.yes, wait=False)
        assert (summary["in_flight_items"], summary["pending_items"], len(asked)) == (4, 16, 0)
        slow.advance(3600)
        summary = each.run(sample=4, approve=asked.yes, wait=False)
        assert (summary["completed_items"], summary["in_flight_items"], len(asked)) == (4, 10, 1)
        for _ in range(2):
            slow.advance(3600)
            summary = each.run(sample=4, approve=asked.yes, wait=False)
        assert (summary["completed_items"], slow.state()["items_billed"], len(asked)) == (20, 20, 1)


WORKER = """
import sys
from batchata import BatchManager, make_client
from tests.contract.conftest import Contact

url, state, orchestrator = sys.argv[1:]
people = [[{"role": "user", "content": f"Name: Person Nr{n}"}] for n in range(30)]
BatchManager(messages=people, model="claude-haiku-5-5", response_model=Contact, items_per_job=3, max_parallel_jobs=1,
             state_path=state, results_dir=state + ".results", cache=False, orchestrator=orchestrator, lost_after=0.3,
             client=make_client(api_key="none", base_url=url)).run(sample=9, approve=lambda report: True)
"""


def test_a_run_that_was_killed_goes_on_with_the_same_sample(people, tmp_path, real_server, orchestrator, asked):
    """After the first of the three batches of the sample."""
    state = tmp_path / "killed.jsonl"
    slow = Simulator(progress=OnClock(0.5), seed=7)
    with slow as url, make_client(api_key="none", base_url=url) as client:
        environment = real_server.environment | {"PYTHONPATH": str(Path(__file__).parents[2])}
        process = subprocess.Popen([sys.executable, "-c", WORKER, url, str(state), orchestrator], env=environment)
        while not (state.exists() and b'"submitted","job":2' in state.read_bytes()):
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
        process.wait()
        each = BatchManager(
            messages=people(30), model=MODEL, response_model=Contact, items_per_job=3, state_path=state,
            results_dir=f"{state}.results", cache=False, orchestrator=orchestrator, client=client, lost_after=0.3,
        )  # fmt: skip
        before = sampled(each)
        assert each.run(sample=9, approve=asked.yes)["completed_items"] == 30
        assert sampled(each) == before
        assert [report.items for report in asked] == [9]
        assert sorted(sent_before_approval(each)) == before
        assert slow.state()["items_billed"] == 30
    assert names_of(each) == everybody(30)
