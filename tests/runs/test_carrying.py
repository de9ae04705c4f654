import json
import shutil
import threading
import time

import pytest

from batchata import InputError, LedgerInUseError, LedgerMismatchError, load_results_from_disk
from batchata.io.ledger import open_ledger
from batchata.runs import carrying
from batchata.runs.carrying import cancel, carry_out, retry
from batchata.runs.due import collect_due
from batchata.runs.folder import RunFolder, folder_of
from tests.runs.conftest import HOUR

MODELS = "from pydantic import BaseModel\n\n\nclass Contact(BaseModel):\n    name: str\n"
SCHEMA = {"title": "Contact", "type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


def test_files_go_through_and_come_back_by_a_description(simulator, notes, spec):
    notes("Ada", "Grace", "Edsger")
    summary = carry_out(spec(files=["notes/*.txt"]))
    assert (summary["total_items"], summary["completed_items"]) == (3, 3)
    assert len(load_results_from_disk(summary["results_dir"])) == 3
    assert simulator.state()["items_billed"] == 3


@pytest.mark.parametrize("response_model", ["models.py:Contact", "contacts.shapes:Contact", SCHEMA])
def test_a_response_model_is_named_or_described(simulator, notes, spec, tmp_path, response_model):
    (tmp_path / "models.py").write_text(MODELS)
    (tmp_path / "contacts").mkdir(exist_ok=True)
    (tmp_path / "contacts" / "shapes.py").write_text(MODELS)
    notes("Ada")
    summary = carry_out(spec(files=["notes"], response_model=response_model))
    assert load_results_from_disk(summary["results_dir"])[0]["result"] == {"name": "Ada"}


def test_conversations_and_prompts_come_from_files(simulator, notes, spec, tmp_path):
    lines = [[{"role": "user", "content": f"Name: Nr{n}"}] for n in range(4)]
    text = "\n".join(json.dumps(each) for each in lines[:2]) + "\n\n" + json.dumps({"messages": lines[2]}) + "\n"
    (tmp_path / "mail.jsonl").write_text(text)
    summary = carry_out(spec(messages_file="mail.jsonl", prompt=None))
    assert summary["completed_items"] == 3
    notes("Ada")
    (tmp_path / "prompt.txt").write_text("Who is it?\n")
    assert carry_out(spec(files=["notes"], prompt=None, prompt_file="prompt.txt"))["completed_items"] == 1


def test_the_same_work_is_gone_on_with_and_new_files_are_added_to_it(simulator, notes, spec):
    notes("Bob", "Dan")
    first = carry_out(spec(files=["notes"]))
    notes("Ada", "Carl")
    second = carry_out(spec(files=["notes"], max_cost=3, items_per_job=1))
    assert second["run_id"] == first["run_id"]
    assert (second["total_items"], second["completed_items"]) == (4, 4)
    assert simulator.state()["items_billed"] == 4


@pytest.mark.parametrize(("sample", "sent"), [(0.2, 2), (3, 3), (3.0, 3)])
def test_a_run_is_sampled_by_its_description_and_is_the_same_work(simulator, notes, spec, sample, sent):
    notes(*(f"Nr{n}" for n in range(10)))
    summary = carry_out(spec(files=["notes"], sample=sample))
    assert (summary["completed_items"], summary["awaits_approval"]) == (sent, True)
    assert carry_out(spec(files=["notes"], sample=sample, approve_below=50))["completed_items"] == 10
    with pytest.raises(InputError, match="are about a sample"):
        carry_out(spec(files=["notes"], approve_below=50))


def test_other_work_has_another_ledger(simulator, notes, spec):
    notes("Ada")
    places = {carry_out(spec(files=["notes"], prompt=prompt))["state_path"] for prompt in ("Who?", "Where?")}
    assert len(places) == 2


def test_a_place_of_other_work_is_refused_and_keeps_its_description(simulator, notes, spec):
    notes("Ada")
    one = spec(files=["notes"], state_dir="here")
    carry_out(one)
    with pytest.raises(LedgerMismatchError, match=r"`prompt` is another one.* another `state_dir`"):
        carry_out(spec(files=["notes"], state_dir="here", prompt="Where?"))
    assert folder_of(one).spec() == one
    assert simulator.state()["items_billed"] == 1


def test_a_ledger_that_somebody_looks_into_is_waited_for(simulator, notes, spec):
    notes("Ada")
    one = spec(files=["notes"])
    path = folder_of(one).ledger
    path.parent.mkdir(parents=True)
    held, freed = threading.Event(), threading.Event()

    def look_in():
        with open_ledger(path):
            held.set()
            time.sleep(1.5)
            freed.set()

    threading.Thread(target=look_in).start()
    held.wait()
    assert carry_out(one)["completed_items"] == 1
    assert freed.is_set()


def test_failed_items_are_sent_again(simulator, notes, spec):
    simulator.faults.outcome("refused", match=lambda custom_id: custom_id.endswith("-000001-1"))
    notes("Ada", "Bob")
    one = spec(files=["notes"])
    assert carry_out(one)["failed_items"] == 1
    assert retry(folder_of(one))["failed_items"] == 0
    assert simulator.state()["items_processed"] == 3


def test_a_run_is_cancelled_from_its_folder(hourly, notes, spec):
    notes("Ada", "Bob")
    one = spec(files=["notes"], wait=False)
    summary = carry_out(one)
    assert cancel(folder_of(one)) == summary["batch_ids"]
    assert folder_of(one).state().halted


def test_what_is_no_run_cannot_be_gone_on_with(tmp_path):
    with pytest.raises(InputError, match="is not the state folder of a run"):
        retry(RunFolder(tmp_path / "nothing"))


def test_a_run_is_gone_on_with_from_where_its_paths_are_relative_to(simulator, notes, spec, tmp_path, monkeypatch):
    notes("Ada")
    one = spec(files=["notes"])
    carry_out(one)
    folder = folder_of(one)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="go on with it from there"):
        retry(folder)


def test_of_a_run_and_its_copy_one_goes_on(hourly, notes, spec, tmp_path):
    notes(*(f"Nr{n}" for n in range(13)))
    one = spec(files=["notes"], wait=False, max_parallel_jobs=2)
    carry_out(one)
    original = folder_of(one)
    copied = RunFolder(original.path.with_name("copied"))
    shutil.copytree(original.path, copied.path)
    hourly.advance(HOUR)
    with pytest.raises(LedgerMismatchError, match=r"copied/ledger.jsonl is a copy of .*nothing was sent"):
        carry_out(one.model_copy(update={"state_dir": str(copied.path)}))
    visits = {visit.folder: visit for visit in collect_due(tmp_path / ".batchata")}
    assert "is a copy of" in visits[copied].trouble
    assert (visits[original].trouble, visits[original].summary["in_flight_items"]) == ("", 3)
    assert "is a copy of" in next(visit.trouble for visit in collect_due(tmp_path / ".batchata") if visit.trouble)
    assert hourly.state()["create_calls"] == 3


def test_a_run_that_was_moved_is_gone_on_with_and_so_is_a_project(hourly, notes, spec, tmp_path, monkeypatch):
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    notes("Ada", "Grace", folder="project/notes")
    one = spec(files=["notes"], wait=False, items_per_job=1, max_parallel_jobs=1)
    carry_out(one)
    folder_of(one).path.rename(tmp_path / "project" / "moved")
    hourly.advance(HOUR)
    moved = spec(files=["notes"], wait=False, items_per_job=1, max_parallel_jobs=1, state_dir="moved")
    assert carry_out(moved)["in_flight_items"] == 1
    (tmp_path / "project").rename(tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path / "elsewhere")
    hourly.advance(HOUR)
    assert carry_out(moved)["completed_items"] == 2
    assert hourly.state()["items_billed"] == 2


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({}, "give `files`, `files_from`, `messages_file`, `requests_file` or `rows_file`"),
        ({"files": ["a"], "messages_file": "b"}, "one of them only; `files` and `messages_file` was given"),
        ({"files": ["a"], "prompt": None}, "files need a prompt"),
        ({"files": ["a"], "prompt_file": "p"}, "not `prompt` and `prompt_file`"),
        ({"messages_file": "b"}, "has its prompt in a message"),
        ({"files": ["a"], "max_cost": -1}, "`max_cost`: Input should be greater than 0"),
        ({"files": ["a"], "colour": 1}, "`colour`: Extra inputs"),
        ({"files": ["a"], "sample": 1.5}, "`sample`: a sample is a share below 1, or a whole number of items"),
    ],
)
def test_a_bad_description_is_refused(spec, parameters, told):
    with pytest.raises(InputError, match=told):
        spec(**parameters)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"files": ["nowhere/*.pdf"]}, "nowhere"),
        ({"messages_file": "gone.jsonl", "prompt": None}, "gone.jsonl"),
        ({"messages_file": "bad.jsonl", "prompt": None}, "line 2 of bad.jsonl"),
        ({"files": ["notes"], "prompt": None, "prompt_file": "gone.txt"}, "gone.txt"),
        ({"files": ["notes"], "response_model": "no.such:Thing"}, "no.such:Thing cannot be loaded"),
        ({"files": ["notes"], "response_model": "json:Thing"}, "json:Thing cannot be loaded"),
        ({"files": ["notes"], "response_model": "Thing"}, "write package.module:Model"),
        ({"files": ["notes"], "response_model": {"type": "array"}}, "JSON Schema of an object"),
    ],
)
def test_what_cannot_be_read_is_named_and_nothing_is_sent(simulator, notes, spec, tmp_path, parameters, told):
    notes("Ada")
    (tmp_path / "bad.jsonl").write_text('[{"role": "user", "content": "x"}]\n{"no": 1}\n')
    with pytest.raises(InputError, match=told):
        carry_out(spec(**parameters))
    assert simulator.state()["create_calls"] == 0


def test_a_file_that_is_written_in_another_way_is_not_sent_again(simulator, notes, spec, tmp_path):
    notes("Ada", "Grace")
    for files in (["notes"], ["./notes"], [str(tmp_path / "notes")], ["notes/*.txt"]):
        summary = carry_out(spec(files=files, state_dir="here"))
        assert summary["total_items"] == 2
    assert simulator.state()["items_billed"] == 2


def test_the_same_work_under_another_name_is_the_same_run(simulator, notes, spec):
    notes("Ada", "Grace")
    for name, place in ((None, "notes"), ("people", "notes/"), ("p" * 300, "./notes")):
        carry_out(spec(files=[place], name=name))
    assert simulator.state()["items_billed"] == 2


def test_a_cancel_that_who_has_the_ledger_did_not_hear_is_done_when_it_is_free(hourly, notes, spec):
    notes("Ada", "Bob")
    one = spec(files=["notes"], wait=False)
    batches = carry_out(one)["batch_ids"]
    path, canceled = folder_of(one).ledger, []
    with open_ledger(path):
        thread = threading.Thread(target=lambda: canceled.extend(cancel(folder_of(one))))
        thread.start()
        time.sleep(0.5)
    thread.join(10)
    assert canceled == batches
    assert folder_of(one).state().halted


def test_a_run_is_cancelled_from_anywhere_and_whatever_became_of_its_files(hourly, notes, spec, tmp_path, monkeypatch):
    notes("Ada", "Bob")
    (tmp_path / "prompt.txt").write_text("Who is it?")
    one = spec(files=["notes"], prompt=None, prompt_file="prompt.txt", wait=False)
    batches, folder = carry_out(one)["batch_ids"], folder_of(one)
    (tmp_path / "prompt.txt").unlink()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert cancel(folder) == batches


def test_what_an_emptied_form_sends_is_as_good_as_nothing(spec):
    emptied = dict.fromkeys(
        ("files_from", "messages_file", "prompt_file", "prompts_file", "response_model", "name", "credentials",
         "results_dir", "state_dir", "max_cost", "max_tokens", "sample"), ""
    )  # fmt: skip
    given = spec(files=["", "notes"], **emptied)
    assert (given, folder_of(given)) == (spec(files=["notes"]), folder_of(spec(files=["notes"])))
    assert spec(files=["notes"], response_model=f" {json.dumps(SCHEMA)}\n").response_model == SCHEMA
    assert spec(files=["notes"], max_cost="5", items_per_job="7").items_per_job == 7
    with pytest.raises(InputError, match=r"`response_model` begins as a JSON Schema does, and is no JSON"):
        spec(files=["notes"], response_model="{'type': 'object'}")
    with pytest.raises(InputError, match="`model`: String should have at least 1 character"):
        spec(files=["notes"], model="")
    with pytest.raises(InputError, match="`home`: String should have at least 1 character"):
        spec(files=["notes"], home="")


def test_a_run_that_could_not_begin_is_begun_by_nobody_else(simulator, notes, spec, tmp_path):
    notes("Ada")
    (tmp_path / "notes" / "empty.txt").touch()
    with pytest.raises(InputError, match="the file is empty"):
        carry_out(spec(files=["notes"]))
    notes("empty")
    assert list(collect_due(tmp_path / ".batchata")) == []
    assert simulator.state()["create_calls"] == 0
    assert carry_out(spec(files=["notes"]))["completed_items"] == 2


def test_who_may_not_go_on_with_a_run_leaves_its_description_as_it_was(hourly, notes, spec, monkeypatch):
    notes("Ada")
    one = spec(files=["notes"], wait=False)
    carry_out(one)
    monkeypatch.setattr(carrying, "PATIENCE", 0.0)
    with open_ledger(folder_of(one).ledger), pytest.raises(LedgerInUseError):
        carry_out(spec(files=["notes"], wait=False, max_cost=500))
    assert folder_of(one).spec() == one


@pytest.mark.parametrize("place", ["", " "])
def test_an_empty_state_folder_is_said_so(place):
    with pytest.raises(InputError, match=r"`state_dir` is empty; give the folder of a run, as the summary of the run"):
        RunFolder.at(place)
