"""A look at runs from outside."""

import pytest
from filelock import FileLock

from batchata import BatchManager
from batchata.errors import InputError
from batchata.runs.carrying import carry_out
from batchata.runs.folder import folder_of, folders_below
from batchata.runs.looking import look, record_at, records_of, results_of, run_at, runs_at


@pytest.fixture
def done(simulator, notes, spec):
    one = spec(files=[notes("a", "b", "c")], state_dir="one", results_dir="elsewhere")
    carry_out(one)
    return folder_of(one)


def test_a_run_is_found_by_its_folder_its_ledger_or_as_the_only_one(done, notes, spec, tmp_path, monkeypatch):
    assert run_at("one").path.name == "one"
    assert run_at("one/ledger.jsonl").path.name == "one"
    with pytest.raises(InputError, match=r"no run\.json"):
        run_at(None)
    carry_out(spec(files=["notes/a.txt"]))
    only = run_at(None)
    assert only.path.parent.parent.name == ".batchata"
    carry_out(spec(files=["notes/b.txt"]))
    with pytest.raises(InputError, match="there are 2:"):
        run_at(None)
    assert len(runs_at([".batchata", "one"])) == 3
    with pytest.raises(InputError, match="no run in nowhere"):
        runs_at(["nowhere"])


def test_somebody_at_work_is_seen_and_not_disturbed(done):
    assert look(done).at_work is None
    with FileLock(f"{done.ledger}.lock"):
        assert look(done).at_work is not None
    with FileLock(f"{done.ledger}.lock").acquire(timeout=0):
        pass


def test_results_are_found_from_another_folder(done, tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert results_of(done) == tmp_path / "elsewhere"
    assert [each.index for each in records_of(done)] == [0, 1, 2]
    assert look(done).total == 3


def test_one_item_by_number_and_by_name(done):
    assert record_at(done, "1").source == "notes/b.txt"
    assert record_at(done, "b.txt").index == 1
    assert record_at(done, "notes/c.txt").index == 2
    with pytest.raises(InputError, match=r"no item is called d\.txt; items are numbered from 0 to 2"):
        record_at(done, "d.txt")


def test_only_some_outcomes_and_only_the_first(done):
    assert [each.index for each in records_of(done, ["succeeded"], 2)] == [0, 1]
    assert list(records_of(done, ["refused"])) == []


def test_a_run_of_a_manager_can_be_looked_at_too(client, tmp_path):
    manager = BatchManager(
        messages=[[{"role": "user", "content": "Name: Ann"}]], model="claude-haiku-5-5", client=client, cache=False,
        state_path=tmp_path / "mine" / "ledger.jsonl", orchestrator="local",
    )  # fmt: skip
    manager.run()
    status = look(run_at("mine"))
    assert (status.title, status.total, status.succeeded, list(status.next)) == ("mine", 1, 1, [])
    assert [each.path.name for each in runs_at(["."])] == ["mine"]
    assert record_at(run_at("mine"), "0").succeeded
    assert not list(folders_below(tmp_path)), "nobody goes on with it unasked"
