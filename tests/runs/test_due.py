"""Runs that nobody waits for are brought home by whoever looks next."""

from pathlib import Path

import pytest

from batchata.errors import CredentialsError
from batchata.io.ledger import open_ledger
from batchata.running.gate import Approval
from batchata.running.local import LocalHands
from batchata.runs.carrying import cancel, carry_out
from batchata.runs.due import collect_due, report, sentence
from batchata.runs.folder import folder_of
from batchata.runs.spec import spec_of
from tests.runs.conftest import HOUR

HOME = Path(".batchata")


def visits():
    return list(collect_due(HOME))


def test_a_run_of_hours_is_brought_home_in_visits(hourly, notes, spec):
    notes(*(f"Nr{n}" for n in range(13)))
    first = carry_out(spec(files=["notes"], wait=False, max_parallel_jobs=2))
    assert (first["in_flight_items"], first["pending_items"]) == (10, 3)
    assert [visit.summary["in_flight_items"] for visit in visits()] == [10]
    hourly.advance(HOUR)
    (visit,) = visits()
    assert (visit.summary["completed_items"], visit.summary["in_flight_items"]) == (10, 3)
    hourly.advance(HOUR)
    (visit,) = visits()
    assert visit.summary["completed_items"] == 13
    assert visits() == []
    assert hourly.state()["items_billed"] == 13


def test_a_finished_run_is_not_even_read(simulator, notes, spec):
    notes("Ada")
    one = spec(files=["notes"])
    carry_out(one)
    folder_of(one).ledger.chmod(0)
    assert folder_of(one).is_settled()
    assert visits() == []


def test_a_run_that_reached_its_limit_waits_for_a_person(simulator, notes, spec):
    notes(*(f"Nr{n}" for n in range(20)))
    one = spec(files=["notes"], max_cost=0.00042, max_tokens=1000)
    summary = carry_out(one)
    assert summary["cost_limit_reached"]
    before = simulator.state()["create_calls"]
    assert visits() == []
    assert simulator.state()["create_calls"] == before
    assert carry_out(spec(files=["notes"], max_cost=5, max_tokens=1000))["completed_items"] == 20


def test_a_run_that_comes_to_its_limit_between_visits_wants_a_person_asked_once(hourly, notes, spec):
    notes(*(f"Nr{n}" for n in range(20)))
    one = spec(files=["notes"], max_cost=0.00042, max_tokens=1000, wait=False)
    assert carry_out(one)["in_flight_items"] == 1
    folder_of(one).describe(one.model_copy(update={"on_cost_limit": "pause"}))
    asked = []
    for _ in range(12):
        hourly.advance(HOUR)
        asked += [visit for visit in visits() if visit.asks]
    (visit,) = asked
    assert visit.summary["cost_limit_reached"]
    assert visit.parameters()["state_dir"] == str(folder_of(one).path)
    assert visit.parameters()["files"] == ["notes"]


def test_when_a_sample_comes_home_a_person_is_asked_once_and_nothing_more_is_sent(hourly, notes, spec):
    notes(*(f"Nr{n}" for n in range(20)))
    one = spec(files=["notes"], wait=False, sample=4)
    assert carry_out(one)["in_flight_items"] == 4
    assert [visit.asks for visit in visits()] == [False]
    hourly.advance(HOUR)
    (visit,) = visits()
    assert visit.asks
    assert "the sample of 4 items is done" in visit.summary["stopped"]
    assert spec_of(visit.parameters()).sampled == 4
    assert visits() == []
    assert hourly.state()["items_billed"] == 4
    carry_out(spec_of(visit.parameters() | {"approve_below": 50}))
    for _ in range(3):
        hourly.advance(HOUR)
        visits()
    assert hourly.state()["items_billed"] == 20


def test_the_sample_of_a_cancelled_run_is_collected_and_nobody_is_asked(hourly, notes, spec):
    notes(*(f"Nr{n}" for n in range(20)))
    one = spec(files=["notes"], wait=False, sample=4)
    carry_out(one)
    cancel(folder_of(one))
    hourly.advance(HOUR)
    (visit,) = visits()
    assert (visit.summary["in_flight_items"], visit.summary["pending_items"], visit.asks) == (0, 16, False)
    assert visits() == []


def test_a_sample_that_is_cheap_enough_is_gone_on_with_between_visits(hourly, notes, spec):
    notes(*(f"Nr{n}" for n in range(20)))
    carry_out(spec(files=["notes"], wait=False, sample=0.2, approve_below=50))
    asked = []
    for _ in range(4):
        hourly.advance(HOUR)
        asked += [visit for visit in visits() if visit.asks]
    assert asked == []
    assert hourly.state()["items_billed"] == 20


def test_of_a_cancelled_run_is_collected_what_was_sent_and_nothing_is_sent(hourly, notes, spec):
    notes(*(f"Nr{n}" for n in range(13)))
    one = spec(files=["notes"], wait=False, max_parallel_jobs=2)
    carry_out(one)
    cancel(folder_of(one))
    hourly.advance(HOUR)
    (visit,) = visits()
    assert visit.summary["in_flight_items"] == 0
    assert visit.summary["pending_items"] == 3
    assert visits() == []
    assert hourly.state()["create_calls"] == 2


def test_a_run_that_is_cancelled_while_it_is_looked_at_sends_nothing_more(hourly, notes, spec, tmp_path, slow_file):
    notes(*(f"Nr{n}" for n in range(13)))
    (tmp_path / "prompt.txt").write_text("Who is it?")
    one = spec(files=["notes"], prompt=None, prompt_file="prompt.txt", wait=False, max_parallel_jobs=2)
    carry_out(one)
    hourly.advance(HOUR)
    with slow_file(tmp_path / "prompt.txt", lambda: cancel(folder_of(one))):
        (visit,) = visits()
    assert (visit.halted, visit.asks) == (True, False)
    assert (visit.summary["in_flight_items"], visit.summary["pending_items"]) == (0, 3)
    assert visits() == []
    assert hourly.state()["create_calls"] == 2


def test_a_run_that_is_worked_on_is_left_alone(hourly, notes, spec):
    notes("Ada")
    one = spec(files=["notes"], wait=False)
    carry_out(one)
    with open_ledger(folder_of(one).ledger):
        assert visits() == []


@pytest.mark.parametrize("odd", ["[]", '{"in_flight_items": null, "pending_items": 0}', "7"])
def test_a_run_that_cannot_be_gone_on_with_keeps_no_other_from_it(hourly, notes, spec, odd):
    notes("Ada", folder="a")
    notes("Bob", folder="b")
    for folder in "ab":
        carry_out(spec(files=[folder], wait=False))
    folder = folder_of(spec(files=["a"]))
    (folder.path / "run.json").write_text("{}")
    (folder.path / "summary.json").write_text(odd)
    hourly.advance(HOUR)
    broken, whole = visits()
    assert "is not the state folder of a run" in broken.trouble
    assert whole.summary["completed_items"] == 1
    assert "2 runs were open: 1 finished, 0 still open, 1 cannot be gone on with" in sentence([broken, whole])
    assert report([broken, whole]).splitlines()[5:7] == ["**Cannot be gone on with:**", ""]
    assert "is not the state folder of a run" in report([broken, whole])
    assert broken.is_news
    assert [visit.is_news for visit in visits()] == [False]


def test_of_a_run_whose_files_went_away_is_collected_what_was_sent(hourly, notes, spec, tmp_path, monkeypatch):
    notes(*(f"Nr{n}" for n in range(13)))
    carry_out(spec(files=["notes"], wait=False, max_parallel_jobs=2))
    for path in (tmp_path / "notes").iterdir():
        path.unlink()
    hourly.advance(HOUR)
    (visit,) = visits()
    assert visit.summary["completed_items"] == 10
    assert "3 of 13 items cannot be sent" in visit.trouble
    assert "1 cannot be gone on with" in sentence([visit])
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    cancel(visit.folder)  # with nothing in flight it needs no key
    assert visits() == []


def test_a_run_that_never_began_for_want_of_a_key_is_nobodys_business(notes, spec, monkeypatch):
    notes("Ada")
    with pytest.raises(CredentialsError):
        carry_out(spec(files=["notes"], wait=False))
    assert visits() == []


def test_a_run_whose_key_is_gone_is_told_once(hourly, notes, spec, monkeypatch):
    notes(*(f"Nr{n}" for n in range(13)))
    carry_out(spec(files=["notes"], wait=False, max_parallel_jobs=1))
    hourly.advance(HOUR)
    assert [visit.trouble for visit in visits()] == [""]
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    assert [visit.is_news for _ in range(3) for visit in visits()] == [True, False, False]
    monkeypatch.setenv("ANTHROPIC_API_KEY", "any")
    assert [visit.trouble for visit in visits()] == [""]
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    assert [visit.is_news for visit in visits()] == [True]


def test_nothing_open_is_a_sentence():
    assert sentence([]) == "no run is open"


def test_a_killed_run_is_gone_on_with(hourly, notes, spec):
    notes("Ada")
    one = spec(files=["notes"], wait=False)
    carry_out(one)
    (folder_of(one).path / "summary.json").unlink()
    hourly.advance(HOUR)
    assert [visit.summary["completed_items"] for visit in visits()] == [1]


def test_a_home_that_is_not_there_holds_no_run(tmp_path):
    assert list(collect_due(tmp_path / "nowhere")) == []


def test_while_a_person_is_asked_about_a_sample_nobody_else_is(simulator, notes, spec, monkeypatch):
    """The flow run that asks is suspended: its process ends, and its answer counts for the question it had asked."""

    class Suspended(BaseException):
        pass

    def suspended(*_):
        raise Suspended

    notes(*(f"Nr{n}" for n in range(20)))
    one = spec(files=["notes"], sample=4)
    monkeypatch.setattr(LocalHands, "confirm", suspended)
    with pytest.raises(Suspended):
        carry_out(one)
    asked = folder_of(one).state().answers
    assert visits() == []
    assert visits() == []
    assert folder_of(one).state().answers == asked
    monkeypatch.setattr(LocalHands, "confirm", lambda *_: Approval(passed=True, reason="a person chose to continue"))
    assert carry_out(one)["completed_items"] == 20
