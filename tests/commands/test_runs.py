"""Runs begun, gone on with, asked about, interrupted, at a terminal and without one."""

import copy
import json
import os
import shlex
import signal

import pytest

from batchata.simulator import Simulator

from .conftest import WORK, Shell, document, ended, until

PLAIN = ["--prompt", "Whose note is it?", "--model", "claude-haiku-5-5", "--cache", "no"]
TIGHT = ["--max-tokens", "100", "--items-per-job", "2"]


@pytest.fixture(scope="module")
def quick(tmp_path_factory, launcher):
    """Its batches end at once."""
    simulator = Simulator()
    with simulator as url:
        shell = Shell(launcher, tmp_path_factory.mktemp("quick"), url)
        shell.simulator = simulator
        yield shell


@pytest.fixture
def slow(tmp_path, launcher, hourly):
    """Its batches take an hour of a clock that only we move."""
    shell = Shell(launcher, tmp_path, hourly.url)
    shell.simulator = hourly
    return shell


def in_flight(shell, batches=1):
    looks = lambda: shell.simulator.state()["calls"].get("retrieve", 0)  # noqa: E731
    until(lambda: shell.simulator.state()["batches_created"] >= batches and looks() >= batches)


def test_a_run_at_a_terminal_comes_to_its_limit_asks_and_finishes(quick):
    child = quick.terminal("run", "notes", *PLAIN, *TIGHT, "--max-cost", "0.00003", "--out", "limit")
    child.expect("notes 20.*6 items")
    child.expect("The limit of .*is reached")
    child.expect("A new limit in USD")
    for refused in ("0.00001", "nan", "inf"):
        child.sendline(refused)
        child.expect("It must be more than")
    child.sendline("1")
    text, code = ended(child)
    assert code == 0
    assert "6 succeeded" in text
    assert "of $1.00" in text
    assert document(quick.run("status", "limit", "--json"))["limit"] == "1.0"


def test_without_a_terminal_it_stops_at_its_limit_and_says_how_to_go_on(quick):
    done = quick.run("run", "notes", *PLAIN, *TIGHT, "--max-cost", "0.00003", "--out", "stops", "--json")
    each = document(done)
    assert done.returncode == 4
    assert each["limit_reached"]
    assert each["next"][0]["command"] == "batchata run --out stops --max-cost USD"
    again = quick.run("run", "--out", "stops", "--max-cost", "1", "--json", "--quiet")
    assert again.returncode == 0
    assert again.stderr == ""
    assert document(again)["succeeded"] == 6


def test_a_sample_is_shown_and_approved_at_the_terminal(quick):
    child = quick.terminal("run", "notes", *PLAIN, "--sample", "2", "--out", "sample")
    child.expect("Send the other 4 items")
    child.send("\x04")
    text, code = ended(child)
    assert code == 4
    assert "Traceback" not in text
    child = quick.terminal("run", "--out", "sample")
    child.expect("Sample of 2 of 6 items")
    child.expect("forecast for all")
    child.expect("Send the other 4 items")
    child.sendline("n")
    text, code = ended(child)
    assert code == 4
    assert "nobody has approved the rest" in text
    done = quick.run("run", "--out", "sample", "--yes", "--json")
    assert (done.returncode, document(done)["succeeded"]) == (0, 6)


def test_ctrl_c_at_a_terminal_says_what_goes_on_and_the_run_is_taken_up_again(slow):
    child = slow.terminal("run", "notes", *WORK, "--out", "out")
    in_flight(slow)
    child.send("\x03")
    text, code = ended(child)
    assert code == 130
    assert "Traceback" not in text
    told = " ".join(text.split())
    assert "1 message batch with 6 items in flight" in told
    assert "batchata run --out out" in told
    assert "collects what has ended, and goes on" in told
    found = document(slow.run("status", "out", "--json"))
    assert (found["in_flight"], found["at_work"]) == (6, None)
    slow.simulator.advance(3600)
    done = slow.run("run", "--out", "out", "--json")
    assert (done.returncode, document(done)["succeeded"]) == (0, 6)
    assert slow.simulator.state()["batches_created"] == 1


def test_another_shell_sees_a_run_at_work_and_cancels_it(slow):
    started = slow.start("run", "notes", *WORK, "--out", "out")
    in_flight(slow)
    status = slow.run("status", "out")
    assert status.returncode == 5
    assert f"process {started.pid} on" in status.stdout
    watching = slow.terminal("status", "out", "--watch")
    watching.expect("at work")
    second = slow.start("run", "--out", "out")
    until(lambda: "another process works on" in second.err.read_text())
    second.told(signal.SIGINT)
    assert second.returncode() == 130
    canceled = document(slow.run("cancel", "out", "--json"))["canceled"]
    assert len(canceled) == 1
    assert started.returncode() == 3
    assert "6 canceled" in started.out.read_text()
    assert ended(watching)[1] == 3
    slow.simulator.advance(3600)
    retried = slow.start("retry", "out", "--json")
    in_flight(slow, 2)
    slow.simulator.advance(3600)
    assert retried.returncode() == 0
    assert json.loads(retried.out.read_text())["succeeded"] == 6


def test_sigterm_and_no_wait_leave_a_ledger_that_goes_on(slow):
    started = slow.start("run", "notes", *WORK, "--out", "out")
    in_flight(slow)
    started.told(signal.SIGTERM)
    assert started.returncode() == 143
    assert "in flight" in started.err.read_text()
    left = slow.run("run", "--out", "out", "--no-wait")
    assert left.returncode == 5
    slow.simulator.advance(3600)
    assert slow.run("run", "--out", "out", "-q").returncode == 0
    assert slow.simulator.state()["batches_created"] == 1


def pasted(shell, printed):
    """What a shell would make of a printed command, in the folder that it was printed in."""
    words, there = shlex.split(printed), copy.copy(shell)
    if words[0] == "cd":
        there.folder, words = shell.folder / words[1], words[3:]
    assert words[0] == "batchata"
    return there.run(*words[1:], "--json")


def test_each_command_that_is_printed_can_be_pasted(quick, tmp_path):
    """Blanks in names, a folder that nobody named, another working directory; the amount alone is the user's to fill in."""
    place = ["--out", "its 1st run/out"]
    for arguments in (["--sample", "2", *place], ["--sample", "2"], [*TIGHT, "--max-cost", "0.00003"]):
        stopped = document(quick.run("run", "notes", *PLAIN, "-p", f"system={arguments}", *arguments, "--json"))
        steps = [each["command"].replace("USD", "1") for each in stopped["next"]]
        done = pasted(quick, steps[0])
        assert (done.returncode, document(done)["succeeded"]) == (0, 6), done.stderr
        assert pasted(quick, document(done)["next"][0]["command"]).returncode == 0
        assert steps[0].startswith(
            "batchata run --out '" if arguments[-2:] == place else "batchata run --out .batchata/runs/"
        )


def test_after_a_kill_the_status_says_from_where_it_is_gone_on_with(slow):
    (slow.folder / "a b").mkdir()
    inside = copy.copy(slow)
    inside.folder = slow.folder / "a b"
    started = inside.start("run", "../notes", *PLAIN, "--out", "my out")
    in_flight(slow)
    started.told(signal.SIGKILL)
    started.returncode()
    slow.simulator.advance(3600)
    steps = [each["command"] for each in document(slow.run("status", "a b/my out", "--json"))["next"]]
    assert steps == [f"cd '{inside.folder}' && batchata run --out 'my out'", "batchata cancel 'a b/my out'"]
    done = pasted(slow, steps[0])
    assert (done.returncode, document(done)["succeeded"]) == (0, 6), done.stderr
    assert slow.simulator.state()["batches_created"] == 1


def test_a_full_disk_is_a_sentence_and_a_ledger_that_goes_on(quick):
    """A limit on the size of files ends a write in the middle, as a full disk does."""
    arguments = ("run", "notes", *PLAIN, "--items-per-job", "1", "--max-parallel-jobs", "1", "--out", "full")
    done = quick.run(*arguments, limits={"RLIMIT_FSIZE": 2_000})
    assert (done.returncode, done.stdout) == (1, "")
    assert "error: the ledger" in done.stderr
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
    before = quick.simulator.state()["items_billed"]
    again = quick.run("run", "--out", "full", "--json")
    assert (again.returncode, document(again)["succeeded"]) == (0, 6)
    assert quick.simulator.state()["items_billed"] <= before + 6
    assert quick.run("reconcile", "full").returncode == 0


def test_a_reader_that_stops_reading_ends_it_with_a_sentence(quick, tmp_path):
    """Progress goes into a pipe that nobody reads any more."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    started_reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    started = quick.start("run", "notes", *WORK, "--out", "piped", "--json", stdout=pipe)
    os.close(started_reading)
    assert started.returncode() == 141
    assert started.err.read_text().endswith("whoever read the output has stopped reading\n")
    assert quick.run("status", "piped", "-q").returncode == 0


def test_progress_that_nobody_reads_ends_a_run_that_goes_on(slow, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    started = slow.start("run", "notes", *WORK, "--out", "out", stderr=pipe)
    in_flight(slow)
    os.close(reading)
    slow.simulator.advance(3600)
    assert started.returncode() == 141
    done = slow.run("run", "--out", "out", "--json")
    assert (done.returncode, document(done)["succeeded"]) == (0, 6)
    assert slow.simulator.state()["batches_created"] == 1


def test_help_whose_reader_stops_ends_so_too(quick, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    started_reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    started = quick.start("run", "--help", stdout=pipe)
    os.close(started_reading)
    assert started.returncode() == 141


def test_a_full_output_is_a_sentence(quick):
    done = quick.run("models", stdout="/dev/full")
    assert done.returncode == 1
    assert done.stderr == "error: No space left on device\n"


def test_without_a_key_it_says_what_to_try(quick):
    done = quick.run("models", ANTHROPIC_API_KEY="")
    assert done.returncode == 1
    assert "batchata simulate" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run"], "give files, or --messages"),
        (["run", "notes", "--prompt", "nowhere.txt"], "looks like the name of a file"),
        (["run", "notes", "--prompt", "x", "-p", "temperature"], "write name=JSON"),
        (["run", "notes", "--prompt", "x", "--max-tokens", "-3"], "--max-tokens: Input should be greater than 0"),
        (["run", "notes", "--prompt", "x", "--prompt-file", "y"], "not --prompt and --prompt-file"),
        (["demo", "--json", "--ui"], "give one of them"),
        (["run", "--bogus"], "Did you mean"),
        (["bogus"], "Unknown command"),
    ],
)
def test_what_cannot_be_understood_is_code_2(quick, arguments, told):
    done = quick.run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
