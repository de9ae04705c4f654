"""What a run does, whoever carries it out."""

import json
from decimal import Decimal

import pytest

from batchata import AccountError, InputError, LedgerMismatchError, RequestRefusedError, load_results_from_disk
from batchata.running.opening import READ_BEFOREHAND
from tests.contract.conftest import Contact

pytestmark = pytest.mark.filterwarnings("default")  # Prefect's own warnings are not ours to fail on


def item(*numbers):
    """Which items a fault hits, by their number in the input, whatever the attempt."""
    parts = [f"-{number:06d}-" for number in numbers]
    return lambda custom_id: any(part in custom_id for part in parts)


def first_try_of(*numbers):
    names = [f"-{number:06d}-1" for number in numbers]
    return lambda custom_id: custom_id.endswith(tuple(names))


def events(manager):
    return [json.loads(line) for line in manager.state_path.read_text().splitlines()]


def names_of(manager):
    return [entry["result"].name for entry in manager.results()]


def everybody(count):
    return [f"Person Nr{number}" for number in range(count)]


def test_all_items_come_back_in_order(manager, people, simulator):
    each = manager(people(23))
    summary = each.run()
    documented = {
        "total_items": 23,
        "completed_items": 23,
        "failed_items": 0,
        "jobs_completed": 5,
        "cost_limit_reached": False,
    }
    assert summary.items() >= documented.items()
    assert summary["total_cost"] > 0
    assert "retry_count" not in summary
    assert names_of(each) == everybody(23)
    assert simulator.state()["items_billed"] == 23
    assert each.stats == summary


def test_no_more_batches_are_in_flight_than_allowed(manager, people, simulator):
    each = manager(people(30), items_per_job=3, max_parallel_jobs=3)
    each.run()
    in_flight, most = set(), 0
    for event in events(each):
        if event["event"] == "intent":
            in_flight.add(event["job"])
        elif event["event"] == "settled":
            in_flight.discard(event["job"])
        most = max(most, len(in_flight))
    assert most == 3
    assert simulator.state()["batches_created"] == 10


def test_the_limit_holds_and_a_higher_one_goes_on(manager, people, simulator):
    limit = 0.0005
    each = manager(people(40), max_cost=limit, max_tokens=1000)
    summary = each.run()
    assert summary["cost_limit_reached"]
    assert summary["stopped"].startswith("the cost limit of $0.0005 is reached")
    assert 0 < summary["total_cost"] <= limit
    assert summary["pending_items"] == 40 - summary["completed_items"] > 0
    spent = sum(Decimal(event["cost"]) for event in events(each) if event["event"] == "settled")
    assert summary["total_cost"] == float(spent)

    again = manager(people(40), max_cost=1, max_tokens=1000)
    summary = again.run()
    assert not summary["cost_limit_reached"]
    assert summary["completed_items"] == 40
    assert simulator.state()["items_billed"] == 40


def test_failed_items_are_told_and_sent_again_when_asked(manager, people, simulator):
    simulator.faults.outcome("refused", match=first_try_of(3))
    simulator.faults.outcome("errored", match=first_try_of(11), error="invalid_request_error")
    each = manager(people(20))
    summary = each.run()
    assert (summary["completed_items"], summary["failed_items"]) == (18, 2)
    failures = each.failures()
    assert [(record.index, record.outcome) for record in failures] == [(3, "refused"), (11, "errored")]
    assert all(record.reason for record in failures)
    assert [record.index for record in each.outcomes()] == list(range(20))

    summary = each.retry_failed()
    assert (summary["completed_items"], summary["failed_items"], summary["retry_count"]) == (20, 0, 2)
    assert names_of(each) == everybody(20)
    assert simulator.state()["items_processed"] == 22


def test_what_may_pass_is_sent_again(manager, people, simulator):
    simulator.faults.outcome("errored", match=first_try_of(1, 2), error="overloaded_error")
    simulator.faults.outcome("expired", match=first_try_of(4))
    simulator.faults.outcome("invalid", match=first_try_of(6))
    simulator.faults.outcome("truncated", match=first_try_of(8))
    simulator.faults.outcome("errored", match=item(9), error="api_error")
    simulator.faults.outcome("refused", match=item(10))
    each = manager(people(12), max_tokens=1000)
    summary = each.run()
    assert summary["outcomes"] == {"succeeded": 10, "refused": 1, "errored": 1}
    sent = [each for event in events(each) if event["event"] == "intent" for each in event["items"]]
    attempts = {index: sum(row[0] == index for row in sent) for index in range(12)}
    assert attempts == {0: 1, 1: 2, 2: 2, 3: 1, 4: 2, 5: 1, 6: 2, 7: 1, 8: 2, 9: 3, 10: 1, 11: 1}
    assert [row[2] for row in sent if row[0] == 8] == [None, 2000]


@pytest.mark.parametrize("times", [1, 3])
def test_a_batch_whose_id_was_lost_is_found(manager, people, simulator, times):
    simulator.faults.drop("create", "after", times=times)
    each = manager(people(20), lost_after=30)
    assert each.run()["completed_items"] == 20
    assert simulator.state()["items_billed"] == 20
    assert simulator.state()["batches_created"] == 4
    assert names_of(each) == everybody(20)


def test_a_batch_that_was_not_created_is_created_later(manager, people, simulator):
    simulator.faults.drop("create", "before", times=2)
    simulator.faults.fail("create", 529)
    simulator.faults.fail("create", 429)
    each = manager(people(20))
    assert each.run()["completed_items"] == 20
    assert simulator.state()["items_billed"] == 20
    assert sum(event["event"] == "unsent" for event in events(each)) == 4


def test_hiccups_change_nothing(manager, people, simulator):
    for endpoint, status in (("retrieve", 404), ("retrieve", 529), ("results", 500), ("retrieve", 500)):
        simulator.faults.fail(endpoint, status)
    simulator.faults.cut(after_lines=1)
    simulator.faults.drop("results", "before")
    each = manager(people(10))
    assert each.run()["completed_items"] == 10
    assert simulator.state()["create_calls"] == 2


def test_an_account_that_cannot_pay_stops_the_run(manager, people, simulator):
    each = manager(people(20), items_per_job=5, max_parallel_jobs=1)
    simulator.faults.fail("create", 402)
    with pytest.raises(AccountError):
        each.run()
    assert each.stats["pending_items"] == 20
    simulator.faults.outcome("errored", match=item(*range(20)), error="billing_error", times=5)
    with pytest.raises(AccountError, match="wait"):
        each.run()
    assert (each.stats["pending_items"], each.stats["failed_items"]) == (20, 0)
    assert each.run()["completed_items"] == 20
    assert simulator.state()["items_billed"] == 20


def test_one_cause_for_all_is_said_once(manager, people, simulator, caplog):
    message = "output_config.format.schema: it is too complex"
    simulator.faults.outcome("errored", share=1.0, error="invalid_request_error", message=message)
    each = manager(people(100), max_parallel_jobs=1)
    summary = each.run()
    assert summary["failed_items"] == 5
    assert summary["pending_items"] == 95
    assert "too complex" in summary["stopped"]
    assert "for the same reason" in summary["stopped"]
    assert simulator.state()["create_calls"] == 1


def test_a_refused_create_is_an_error_and_costs_no_item(manager, people, simulator):
    simulator.faults.fail("create", 400, message="metadata: nobody knows why")
    each = manager(people(10))
    with pytest.raises(RequestRefusedError, match="nobody knows why"):
        each.run()
    assert each.run()["completed_items"] == 10


def test_a_finished_run_sends_nothing(manager, people, simulator):
    manager(people(10)).run()
    calls = simulator.state()["calls"]
    again = manager(people(10))
    assert again.run()["completed_items"] == 10
    assert simulator.state()["calls"] == calls
    assert names_of(again) == everybody(10)


def test_new_items_at_the_end_are_new_work(manager, people, simulator):
    manager(people(10)).run()
    each = manager(people(13))
    assert each.run()["completed_items"] == 13
    assert simulator.state()["items_billed"] == 13
    assert names_of(each) == everybody(13)


def test_other_work_is_refused(manager, people):
    manager(people(10)).run()
    with pytest.raises(LedgerMismatchError, match=r"item 9 was .* and is now"):
        manager([*people(9), *people(1, first=99)]).run()
    with pytest.raises(LedgerMismatchError, match="`model` was claude-haiku-5-5 and is now claude-sonnet-5-5"):
        manager(people(10), model="claude-sonnet-5-5").run()
    with pytest.raises(LedgerMismatchError, match="parameters is another one"):
        manager(people(10), system="Be brief.").run()
    with pytest.raises(LedgerMismatchError, match="there were 10 items and are now 4"):
        manager(people(4)).run()


def test_the_same_work_elsewhere_is_answered_from_the_cache(manager, people, simulator, tmp_path):
    place = tmp_path / "cache"
    manager(people(10), cache=place).run()
    other = manager(people(14), cache=place, state_path=tmp_path / "other", results_dir=tmp_path / "other.results")
    summary = other.run()
    assert (summary["completed_items"], summary["cached_items"]) == (14, 10)
    assert summary["cost_saved_by_cache"] > 0
    assert simulator.state()["items_billed"] == 14
    assert names_of(other) == everybody(14)
    anew = manager(people(5), cache=place, refresh_cache=True, state_path=tmp_path / "third")
    assert anew.run()["cached_items"] == 0


def test_results_are_read_back_from_disk(manager, people, simulator, tmp_path):
    simulator.faults.outcome("invalid", match=first_try_of(2))
    simulator.faults.outcome("refused", match=item(5))
    each = manager(people(12))
    each.run()
    loaded = load_results_from_disk(tmp_path / "results", Contact)
    assert loaded == each.results()
    assert [entry["result"].name for entry in loaded] == [name for name in everybody(12) if not name.endswith("Nr5")]
    raw = sum(len(path.read_text().splitlines()) for path in (tmp_path / "results" / "raw").iterdir())
    assert raw == 13


def test_bad_input_is_named_before_anything_is_sent(manager, people, simulator):
    with pytest.raises(InputError, match="item 2"):
        manager([*people(2), [{"role": "user", "content": ""}]]).run()
    assert simulator.state()["create_calls"] == 0


def test_a_file_that_turns_out_unreadable_costs_only_itself(manager, simulator, tmp_path, orchestrator):
    paths = [tmp_path / f"{number}.txt" for number in range(READ_BEFOREHAND + 1)]
    for number, path in enumerate(paths):
        path.write_text(f"Name: Person Nr{number}")
    bad = tmp_path / "bad.pdf"
    bad.write_bytes(b"no PDF at all")
    each = manager(None, files=[*paths[:2], bad, *paths[2:]], prompt="Who is it?", items_per_job=1000)
    summary = each.run()
    assert (summary["completed_items"], summary["failed_items"]) == (len(paths), 1)
    (failure,) = each.failures()
    assert (failure.index, failure.outcome, failure.source) == (2, "errored", str(bad))
    assert "not a PDF" in failure.reason
    assert names_of(each) == everybody(len(paths))
    assert [record.source for record in each.outcomes()][:4] == [*map(str, paths[:2]), str(bad), str(paths[2])]


def test_of_a_few_files_all_are_opened_beforehand(manager, simulator, tmp_path):
    bad = tmp_path / "bad.pdf"
    bad.write_bytes(b"no PDF at all")
    with pytest.raises(InputError, match=r"bad\.pdf.*not a PDF"):
        manager(None, files=[bad], prompt="Who is it?").run()
    assert simulator.state()["create_calls"] == 0


def test_both_write_the_same_ledger(manager, people, simulator):
    """One job at a time leaves nothing to chance, so this is the story that either pair of hands tells."""
    simulator.faults.outcome("expired", match=first_try_of(1))
    each = manager(people(7), items_per_job=4, max_parallel_jobs=1)
    each.run()
    told = [(event["event"], event.get("job")) for event in events(each)]
    job = ["intent", "submitted", "ended", "settled"]
    assert told == [("run", None), ("items", None), ("opened", None), *((name, n) for n in (1, 2) for name in job)]
