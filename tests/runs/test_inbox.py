"""What is new in a watched folder goes through, once, by content."""

import os
import re
import shutil
from pathlib import Path

import pytest
from upath import UPath

from batchata import InputError, LedgerError, LedgerInUseError, load_results_from_disk
from batchata.runs import inbox as inboxes
from batchata.runs.carrying import cancel, carry_out
from batchata.runs.due import collect_due
from batchata.runs.due import report as visit_report
from batchata.runs.folder import RunFolder, folder_of
from batchata.runs.inbox import inbox_of, process_inbox, report, sentence
from tests.runs.conftest import HOUR


@pytest.fixture
def pick_up(spec):
    return lambda **parameters: process_inbox(spec(**{"files": ["inbox"], **parameters}))


@pytest.fixture
def put(notes):
    return lambda *names, **more: notes(*names, folder="inbox", **more)


def sent(simulator):
    return simulator.state()["items_processed"]


def test_the_second_pickup_sends_what_was_added_between(simulator, put, pick_up):
    put("Ada", "Grace")
    assert (pick_up().new, sent(simulator)) == (2, 2)
    put("Alan", "Edsger", "Tony")
    second = pick_up()
    assert (second.new, second.known, sent(simulator)) == (3, 2, 5)
    assert len(load_results_from_disk(second.runs[0]["results_dir"])) == 3
    assert (pick_up().new, sent(simulator)) == (0, 5)


def test_what_is_new_is_told_by_content(simulator, put, pick_up, tmp_path):
    put("Ada", "Grace")
    pick_up()
    (tmp_path / "inbox" / "Ada.txt").rename(tmp_path / "inbox" / "Countess.txt")
    (tmp_path / "inbox" / "Grace.txt").touch()
    put("Copy", "Twin", text="Name: Ada")
    put("One", "Two", text="Name: Alan")
    found = pick_up()
    assert (found.new, found.known, found.twins) == (1, 4, 1)
    put("Grace", text="Name: Grace Hopper")
    assert pick_up().new == 1
    assert sent(simulator) == 4


def test_what_cannot_be_sent_keeps_nothing_from_it_and_is_told(simulator, put, pick_up, tmp_path):
    put("Ada")
    (tmp_path / "inbox" / "broken.pdf").write_bytes(b"%PDF-1.4 nothing")
    (tmp_path / "inbox" / "empty.txt").write_bytes(b"")
    found = pick_up()
    assert (found.new, sent(simulator)) == (1, 1)
    assert {Path(each.item).name for each in found.unusable} == {"broken.pdf", "empty.txt"}
    assert "1 new file, 0 known before, 2 cannot be sent" in sentence(found)
    assert "empty" in report(found)
    assert len(pick_up().unusable) == 2


def test_what_the_limit_left_belongs_to_the_next_pickup(simulator, put, pick_up):
    put(*(f"Nr{n}" for n in range(20)))
    first = pick_up(max_cost=0.00042, max_tokens=1000)
    left = first.runs[0]["pending_items"]
    assert left > 0
    second = pick_up(max_cost=5, max_tokens=1000)
    assert (second.new, second.known) == (left, 20 - left)
    assert second.runs[-1]["completed_items"] == left
    assert sent(simulator) == 20


def test_a_killed_pickup_is_gone_on_with_before_a_new_one_is_made(hourly, put, pick_up):
    put("Ada", "Grace")
    pick_up(wait=False)
    put("Alan")
    hourly.advance(HOUR)
    found = pick_up(wait=False)
    assert (found.new, found.known) == (1, 2)
    assert [each["completed_items"] for each in found.runs] == [2, 0]
    hourly.advance(HOUR)
    pick_up(wait=False)
    assert sent(hourly) == 3


def test_files_that_changed_or_went_while_they_were_under_way_harm_nothing(hourly, put, pick_up, tmp_path):
    put("Ada", "Grace", "Alan", "Tony")
    pick_up(wait=False, items_per_job=2, max_parallel_jobs=1)
    for name in ("Ada", "Alan"):
        put(name, text="Name: somebody else {name}")
    (tmp_path / "inbox" / "Tony.txt").unlink()
    hourly.advance(HOUR)
    found = pick_up(wait=False)
    assert [each["completed_items"] for each in found.runs] == [2, 0]  # Ada and Alan as they were
    assert found.new == 3  # as they are now, and Grace
    hourly.advance(HOUR)
    found = pick_up(wait=False)
    assert (found.new, found.runs[0]["completed_items"]) == (0, 3)
    assert sent(hourly) == 5


def test_a_pickup_that_is_cancelled_while_it_is_gone_on_with_sends_nothing_more(hourly, put, spec, tmp_path, slow_file):
    put("Ada", "Grace", "Alan", "Tony")
    (tmp_path / "prompt.txt").write_text("Who is it?")
    one = spec(files=["inbox"], prompt=None, prompt_file="prompt.txt", wait=False, items_per_job=2, max_parallel_jobs=1)
    process_inbox(one)
    hourly.advance(HOUR)
    with slow_file(tmp_path / "prompt.txt", lambda: cancel(RunFolder(inbox_of(one).path / "runs" / "00001"))):
        found = process_inbox(one)
    assert (found.new, [each["pending_items"] for each in found.runs]) == (0, [2])
    assert hourly.state()["create_calls"] == 1
    assert process_inbox(one).new == 2, "whoever starts it anew wants it"


def test_runs_of_an_inbox_are_collected_by_whoever_looks_next(hourly, put, pick_up):
    put("Ada")
    pick_up(wait=False)
    hourly.advance(HOUR)
    assert [visit.summary["completed_items"] for visit in collect_due(Path(".batchata"))] == [1]
    assert pick_up().new == 0


def test_another_prompt_is_for_what_is_new(simulator, put, pick_up):
    put("Ada")
    pick_up()
    put("Grace")
    assert pick_up(prompt="Where?").new == 1
    assert sent(simulator) == 2


def test_each_file_goes_with_each_prompt_and_an_answer_is_paid_once(hourly, put, spec, tmp_path):
    (tmp_path / "prompts.txt").write_text("Who?\nWhere?\nWhen?\n")
    asked = {"files": ["inbox"], "prompt": None, "prompts_file": "prompts.txt", "wait": False}
    with pytest.raises(InputError, match="`prompts_file` in an inbox needs the cache"):
        process_inbox(spec(**asked, cache=False))
    put("Ada", "Grace", "Alan")
    one = spec(**asked, cache="./cache", items_per_job=4, max_parallel_jobs=1)
    process_inbox(one)
    hourly.advance(HOUR)
    cancel(RunFolder(inbox_of(one).path / "runs" / "00001"))
    second = process_inbox(spec(**asked, cache="./cache", prompt_caching="off", upload=True))
    assert (second.new, second.known) == (2, 1), "of the second file one prompt of three was answered"
    hourly.advance(HOUR)
    third = process_inbox(spec(**asked, cache="./cache"))
    assert (third.new, third.runs[0]["completed_items"], third.runs[0]["cached_items"]) == (0, 6, 1)
    assert sent(hourly) == 9


def test_an_empty_inbox_is_no_error(simulator, pick_up, tmp_path):
    (tmp_path / "inbox").mkdir()
    assert pick_up().new == 0


def test_a_folder_that_is_not_there_is_an_error_and_no_empty_inbox(pick_up):
    with pytest.raises(InputError, match="there is no folder inbox to watch"):
        pick_up()


def test_a_bucket_is_watched_too(simulator, spec):
    bucket = UPath("memory://watched/today")
    for name in ("Ada", "Grace"):
        (bucket / f"{name}.txt").write_text(f"Name: {name}")
    look = lambda: process_inbox(spec(files=["memory://watched/"], results_dir="memory://results"))  # noqa: E731
    assert look().new == 2
    (bucket / "Alan.txt").write_text("Name: Alan")
    assert (look().new, sent(simulator)) == (1, 3)


def test_two_at_a_time_are_kept_apart(simulator, put, pick_up, spec):
    put("Ada")
    with inbox_of(spec(files=["inbox"])).locked(), pytest.raises(LedgerInUseError, match="another process works on"):
        pick_up()


def test_a_pickup_that_died_before_it_began_is_gone_on_with(simulator, put, pick_up, spec):
    put("Ada", "Grace")
    one = spec(files=["inbox"])
    inbox = inbox_of(one)
    inbox.begin(inbox.look()[0].new, one)
    put("Alan")
    found = pick_up()
    assert [each["completed_items"] for each in found.runs] == [2, 1]
    assert sent(simulator) == 3


def test_what_a_killed_pickup_left_half_made_is_no_run(simulator, put, pick_up, spec):
    put("Ada", "Grace")
    inbox = inbox_of(spec(files=["inbox"]))
    pick_up()
    made = inbox.path / "runs" / "00001"
    killed = inbox.path / ".00001.4711"
    killed.mkdir()
    for name in ("run.json", "files.txt", "files.jsonl"):
        (killed / name).write_bytes((made / name).read_bytes())
    assert list(collect_due(Path(".batchata"))) == []
    assert sent(simulator) == 2


def test_a_run_that_was_tidied_away_gives_its_number_to_no_other(hourly, put, pick_up, spec):
    put("Ada")
    pick_up(wait=False)
    hourly.advance(HOUR)
    pick_up(wait=False)
    inbox = inbox_of(spec(files=["inbox"]))
    shutil.rmtree(inbox.path / "runs" / "00001")
    put("Grace")
    for _ in range(3):
        pick_up(wait=False)
    assert hourly.state()["create_calls"] == 2
    hourly.advance(HOUR)
    assert pick_up(wait=False).known == 2
    assert [each.name for each in sorted((inbox.path / "done").iterdir())] == ["00001.jsonl", "00002.jsonl"]


def test_what_a_pickup_left_is_sent_by_the_next_one_only(hourly, put, pick_up, spec, tmp_path):
    put(*(f"Nr{n}" for n in range(13)))
    pick_up(wait=False, max_parallel_jobs=1)
    away, place = tmp_path / "Nr9.txt", tmp_path / "inbox" / "Nr9.txt"
    place.rename(away)
    hourly.advance(HOUR)
    assert pick_up(wait=False).new == 7
    away.rename(place)
    run = RunFolder(inbox_of(spec(files=["inbox"])).path / "runs" / "00001")
    with pytest.raises(InputError, match=r"sends nothing more: .* belongs to the next one"):
        carry_out(run.spec())
    for _ in range(4):
        assert [visit.trouble for visit in collect_due(Path(".batchata")) if visit.trouble] == []
        hourly.advance(HOUR)
        pick_up(wait=False)
    assert hourly.state()["items_billed"] == 13


@pytest.mark.parametrize("name", ["a\nb", "a ", " a", "a\x0cb", "a\u2028b", "a\x85b", '"a"', "\r"])
def test_a_file_may_be_called_anything(simulator, put, pick_up, tmp_path, name):
    put("a", "b")
    (tmp_path / "inbox" / f"{name}.txt").write_text("Name: Ada")
    (tmp_path / "inbox" / f"x.txt{name}").write_text("Name: Grace")
    first = pick_up()
    assert (first.new, first.unusable, first.runs[0]["completed_items"]) == (4, [], 4)
    assert pick_up().new == 0
    assert sent(simulator) == 4


def test_a_name_that_is_no_text_keeps_nothing_from_it(simulator, put, pick_up):
    put("Ada")
    with open(b"inbox/\xff.txt", "w") as file:  # noqa: PTH123 - a Path takes no bytes
        file.write("Name: Grace")
    found = pick_up()
    assert (found.new, [each.reason[:26] for each in found.unusable]) == (1, ["its name is not UTF-8 text"])
    assert report(found).encode().count(b"udcff.txt") == 1
    assert sent(simulator) == 1


def test_names_are_no_markdown(simulator, notes, pick_up, tmp_path, spec):
    odd = "a|b `c` ![x](y) <img src=x>"
    notes("Ada", folder=odd)
    (tmp_path / odd / "e`m`pty|.txt").touch()
    told = report(pick_up(files=[odd])).splitlines()
    assert told[1].startswith(f"- `` {odd}/e`m`pty|.txt `` cannot be sent: ")
    (tmp_path / odd / "Ada.txt").rename(tmp_path / odd / "Grace.txt")
    (tmp_path / odd / "e`m`pty|.txt").unlink()
    one = spec(files=[odd], name=odd, home=".batchata/a|b", wait=False)
    carry_out(one)
    (folder_of(one).path / "summary.json").unlink()
    RunFolder(tmp_path / ".batchata" / "x|y").describe(spec(files=[odd], prompt_file="gone|`", prompt=None))
    told = visit_report(list(collect_due(Path(".batchata"))))
    assert "gone|\\`" not in told
    assert r"gone\|\`" in told
    rows = [line for line in told.splitlines()[2:] if line.startswith("|")]
    assert len(rows) == 2
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in rows] == [8] * len(rows)
    assert any(r"a\|b \`c\` \!\[x\](y) &lt;img src=x&gt;" in row for row in rows)


def test_a_file_that_goes_away_between_the_look_and_the_run_keeps_no_other_from_it(simulator, put, spec, tmp_path):
    put("Ada", "Grace")
    found = process_inbox(
        spec(files=["inbox"]), began=lambda _: (tmp_path / "inbox" / "Ada.txt").unlink(missing_ok=True)
    )
    assert (found.new, [each["completed_items"] for each in found.runs]) == (1, [1])
    assert inbox_of(spec(files=["inbox"])).open_runs() == []


def test_a_file_that_changes_while_it_is_looked_at_is_left_to_the_next_pickup(put, spec, tmp_path):
    put("Ada", "Grace", "Tony")
    reasons = {}
    looking = inbox_of(spec(files=["inbox"]))._files({}, reasons)
    ada = next(looking)
    (tmp_path / "inbox" / "Grace.txt").unlink()
    assert [each.path for each in looking] == ["inbox/Tony.txt"]
    assert "inbox/Grace.txt is not there" in reasons["inbox/Grace.txt"]
    assert inboxes._being_written(ada) is None
    put("Ada", text="Name: {name} Lovelace")
    assert "written to, or went away" in inboxes._being_written(ada)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_keeps_no_other_from_it(simulator, put, pick_up, tmp_path):
    put("Ada", "Grace")
    (tmp_path / "inbox" / "Ada.txt").chmod(0)
    found = pick_up()
    assert (found.new, [each.item for each in found.unusable]) == (1, ["inbox/Ada.txt"])


@pytest.mark.parametrize("name", ["ledger.jsonl", "run.json"])
def test_a_broken_run_keeps_no_other_from_it_and_its_files_are_not_sent_again(hourly, put, pick_up, spec, name):
    put("Ada")
    pick_up(wait=False)
    run = inbox_of(spec(files=["inbox"])).open_runs()[0]
    whole = (run.path / name).read_bytes()
    (run.path / name).write_text("nonsense\n")
    put("Grace")
    found = pick_up(wait=False)
    assert (found.new, found.known, [each.item for each in found.broken]) == (1, 1, [str(run.path)])
    assert "1 run cannot be gone on with" in sentence(found)
    assert "cannot be gone on with" in report(found)
    (run.path / name).write_bytes(whole)
    hourly.advance(HOUR)
    assert [each["completed_items"] for each in pick_up().runs] == [1, 1]
    assert sent(hourly) == 2


def test_a_home_that_cannot_be_written_is_a_sentence(put, pick_up, spec, tmp_path):
    put("Ada")
    (tmp_path / "full").write_text("no folder")
    with pytest.raises(LedgerError, match=r"what is known of the inbox cannot be kept in .*full/inboxes/"):
        pick_up(home="full")
    inbox = inbox_of(spec(files=["inbox"]))
    (inbox.path / "done").mkdir(parents=True)
    (inbox.path / "done" / "00001.jsonl").write_text("[1, 2]\n")
    with pytest.raises(LedgerError, match="is no list of files of an inbox"):
        pick_up()


def test_an_inbox_is_one_however_it_is_written(simulator, put, pick_up):
    put("Ada")
    assert [pick_up(files=[place]).new for place in ("inbox", "inbox/", "./inbox")] == [1, 0, 0]
    assert sent(simulator) == 1
