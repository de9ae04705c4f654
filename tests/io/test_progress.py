"""What a person sees while a run works: a real rich console, and a real terminal."""

import os
import signal
import sys
import time
from dataclasses import replace
from decimal import Decimal
from io import StringIO

import pexpect
import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from batchata.core.snapshots import Snapshot
from batchata.progress import PlainLines, display, duration, next_look, percentage, plain_line, spending, watching

SNAPSHOT = Snapshot(
    total=50_000,
    succeeded=41_234,
    failed=12,
    in_flight=5_000,
    pending=3_754,
    cached=120,
    batches=7,
    spent=Decimal("1.23456"),
    reserved=Decimal("3.2"),
    limit=Decimal(50),
    elapsed=3792.2,
    next_look=11.2,
)
UNKNOWN = replace(SNAPSHOT, spent=None, reserved=None)
NOTHING = Snapshot(0, 0, 0, 0, 0, 0, 0, None, None, None, 0.0, None)


def drawn(snapshot, width):
    console = Console(file=StringIO(), width=width, color_system=None)
    console.print(display(snapshot))
    return console.file.getvalue().splitlines()


class TestText:
    def test_one_line_for_a_log(self):
        assert plain_line(SNAPSHOT) == (
            "41,246 of 50,000 items ended, 12 failed, 120 cached, 7 batches in flight, $1.23 of $50.00, "
            "$3.20 reserved, 1:03:12, next look in 12 s"
        )

    def test_a_sample_is_said(self):
        assert "a sample of 1,200 first, 12 failed" in plain_line(replace(SNAPSHOT, sampled=1_200))
        assert "sample" not in plain_line(SNAPSHOT)

    def test_what_is_zero_or_unknown(self):
        assert plain_line(NOTHING) == "0 of 0 items ended, 0 failed, 0 batches in flight, cost not known, 0:00:00"
        assert "cost not known, limit $50.00, reserve not known" in plain_line(UNKNOWN)
        assert "reserve" not in plain_line(replace(SNAPSHOT, reserved=Decimal(0)))
        assert "cached" not in plain_line(replace(SNAPSHOT, cached=0))
        assert "1 batch in flight" in plain_line(replace(SNAPSHOT, batches=1))

    @pytest.mark.parametrize(
        ("spent", "limit", "text"),
        [
            ("0", "5", "$0.00 of $5.00"),
            ("0.00004", "5", "$0.00004 of $5.00"),
            ("4.99996", "5", "$5.00 of $5.00"),
            ("1234.5", "10000.005", "$1,234.50 of $10,000.005"),
            ("1E+3", "1E+4", "$1,000.00 of $10,000.00"),
            ("1.5", None, "$1.50 spent"),
            (None, None, "cost not known"),
        ],
    )
    def test_money(self, spent, limit, text):
        assert spending(spent and Decimal(spent), limit and Decimal(limit)) == text

    def test_100_percent_is_reached_by_the_last_item(self):
        assert percentage(replace(SNAPSHOT, total=100_000, succeeded=99_999, failed=0)) == 99
        assert percentage(replace(SNAPSHOT, total=100_000, succeeded=99_999, failed=1)) == 100
        assert percentage(NOTHING) == 0

    def test_times(self):
        assert [duration(seconds) for seconds in (0, 59.9, 3600, 90_061)] == [
            "0:00:00",
            "0:00:59",
            "1:00:00",
            "25:01:01",
        ]
        assert [next_look(seconds) for seconds in (None, 0, 0.2, 12)] == [
            "",
            "looking now",
            "next look in 1 s",
            "next look in 12 s",
        ]


class TestDisplay:
    def test_80_columns(self):
        bar, *facts = drawn(SNAPSHOT, 80)
        assert bar.endswith("82%  41,246 of 50,000")
        assert facts == [
            "12 failed · 120 cached · 7 batches in flight · $1.23 of $50.00 · $3.20 reserved",
            "1:03:12 · next look in 12 s",
        ]

    def test_40_columns_show_as_much(self):
        bar, *facts = drawn(SNAPSHOT, 40)
        assert bar.endswith("82%  41,246 of 50,000")
        assert " · ".join(facts) == " · ".join(drawn(SNAPSHOT, 200)[1:])

    @pytest.mark.parametrize("snapshot", [SNAPSHOT, UNKNOWN, NOTHING])
    @pytest.mark.parametrize("width", [1, 5, 12, 20, 40, 80, 300])
    def test_no_line_is_wider_than_the_terminal(self, snapshot, width):
        assert max(map(cell_len, drawn(snapshot, width))) <= width


def terminal(**options):
    return Console(file=StringIO(), force_terminal=True, width=80, _environ={"TERM": "xterm"}, **options)


class TestLive:
    def test_the_last_snapshot_stays(self):
        console = terminal()
        with watching(enabled=True, console=console) as show:
            show(SNAPSHOT)
            show(replace(SNAPSHOT, succeeded=49_988, in_flight=0, pending=0, batches=0, next_look=None))
        written = console.file.getvalue()
        assert "50,000 of 50,000" in written
        assert "41,246" not in written  # replaced before it was time to draw it
        assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l")  # the cursor is back

    def test_the_cursor_is_back_after_an_interruption(self):
        console = terminal()
        with pytest.raises(KeyboardInterrupt), watching(enabled=True, console=console) as show:
            show(SNAPSHOT)
            raise KeyboardInterrupt
        written = console.file.getvalue()
        assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l")

    def test_a_run_that_shows_nothing(self):
        with watching(enabled=True, console=terminal()):
            pass

    def test_not_wanted(self):
        console = terminal()
        with watching(enabled=False, console=console) as show:
            show(SNAPSHOT)
        assert console.file.getvalue() == ""


class TestPlainLines:
    def after(self, seconds, **changes):
        return replace(SNAPSHOT, elapsed=seconds, **changes)

    def test_changed_figures_every_5_seconds(self):
        lines = PlainLines()
        shown = [
            lines.line_for(self.after(0)),
            lines.line_for(self.after(6, next_look=5, spent=Decimal(2))),  # nothing came of it
            lines.line_for(self.after(7, succeeded=42_000)),
            lines.line_for(self.after(8, succeeded=43_000)),  # too early
            lines.line_for(self.after(11.9, batches=6)),  # still
            lines.line_for(self.after(12, batches=6)),
        ]
        assert [line is not None for line in shown] == [True, False, True, False, False, True]
        assert lines.last_line() is None

    def test_the_last_is_always_shown(self):
        lines = PlainLines()
        lines.line_for(self.after(0))
        lines.line_for(self.after(1, succeeded=42_000))
        assert lines.last_line() == plain_line(self.after(1, succeeded=42_000))

    def test_none_without_a_snapshot(self):
        assert PlainLines().last_line() is None

    @pytest.mark.parametrize("environ", [{"TERM": "xterm"}, {"TERM": "dumb"}])
    def test_a_log_has_whole_lines_and_no_codes(self, environ):
        console = Console(file=StringIO(), width=40, _environ=environ, force_terminal=environ["TERM"] == "dumb")
        with watching(enabled=True, console=console) as show:
            show(self.after(0))
            show(self.after(1, succeeded=41_235))
        expected = [plain_line(self.after(0)), plain_line(self.after(1, succeeded=41_235))]
        assert console.file.getvalue().splitlines() == expected

    def test_the_last_line_is_there_after_an_interruption(self):
        console = Console(file=StringIO())
        with pytest.raises(KeyboardInterrupt), watching(enabled=True, console=console) as show:
            show(self.after(0))
            show(self.after(1, succeeded=41_235))
            raise KeyboardInterrupt
        assert len(console.file.getvalue().splitlines()) == 2


SCRIPT = """
import sys, time
from decimal import Decimal
from batchata.core.snapshots import Snapshot
from batchata.progress import watching

def at(done, seconds):
    left = 100 - done
    return Snapshot(100, done, 0, left, 0, 0, 1, Decimal(done) / 100, Decimal(2), Decimal(50), seconds, 3.0)

try:
    with watching(enabled=True) as show:
        for done in range(0, 101, 20):
            show(at(done, done / 10))
            time.sleep(0.3)
            if done == 40:
                print("printed in between", flush=True)
        while "wait" in sys.argv:
            time.sleep(0.1)
except KeyboardInterrupt:
    print("interrupted")
    sys.exit(130)
print("result")
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return path


def spawned(command, arguments, columns=80, term="xterm-256color"):
    environment = {**os.environ, "TERM": term, "COLUMNS": str(columns), "LINES": "24"}
    return pexpect.spawn(command, arguments, env=environment, dimensions=(24, columns), encoding="utf-8", timeout=30)


def printed_by(child):
    child.expect(pexpect.EOF)
    child.close()
    return child.before


def visible(output):
    return Text.from_ansi(output.replace("\r", "")).plain


class TestTerminal:
    @pytest.mark.parametrize("columns", [80, 40])
    def test_a_run_is_watched(self, script, columns):
        child = spawned(sys.executable, [str(script)], columns)
        child.expect("20 of 100")
        child.expect("printed in between")
        child.expect("100 of 100")
        child.expect(r"\$1\.00 of \$50\.00")
        rest = printed_by(child)
        assert child.exitstatus == 0
        assert rest.rstrip().endswith("result")
        assert "\x1b[?25h" in rest

    def test_ctrl_c_leaves_the_terminal_as_it_was(self, script):
        child = spawned(sys.executable, [str(script), "wait"])
        child.expect("100 of 100")
        time.sleep(0.3)
        child.kill(signal.SIGINT)
        rest = printed_by(child)
        assert child.exitstatus == 130
        assert rest.index("\x1b[?25h") < rest.index("interrupted")
        assert visible(rest).rstrip().splitlines()[-1] == "interrupted"

    def test_a_redirected_stdout_gets_what_is_printed(self, script, tmp_path):
        out = tmp_path / "out.txt"
        child = spawned("/bin/sh", ["-c", f"{sys.executable} {script} > {out}"])
        shown = printed_by(child)
        assert "100 of 100" in shown
        assert out.read_text() == "printed in between\nresult\n"

    @pytest.mark.parametrize("term", ["xterm", "dumb"])
    def test_plain_lines_in_a_log(self, script, tmp_path, term):
        log = tmp_path / "log.txt"
        redirection = f"2> {log}" if term == "xterm" else f"2>&1 | cat > {log}"
        child = spawned("/bin/sh", ["-c", f"{sys.executable} {script} {redirection}"], term=term)
        printed_by(child)
        lines = [line for line in log.read_text().splitlines() if "items ended" in line]
        assert [line.split(" items")[0] for line in lines] == ["0 of 100", "60 of 100", "100 of 100"]
        assert "\x1b" not in log.read_text()

    def test_who_is_asked_has_the_terminal_to_himself(self, tmp_path):
        path = tmp_path / "asking.py"
        path.write_text(ASKING)
        child = spawned(sys.executable, [str(path)])
        child.expect("40 of 100")
        child.expect("Go on[?] ")
        assert child.expect([r"\x1b", pexpect.TIMEOUT], timeout=1.5) == 1, "the display was drawn over the question"
        child.sendline("yes")
        child.expect("80 of 100")
        rest = printed_by(child)
        assert rest.rstrip().endswith("answered yes")
        assert child.exitstatus == 0


ASKING = """
import time
from dataclasses import replace
from decimal import Decimal
from batchata.core.snapshots import Snapshot
from batchata.progress import watching

before = Snapshot(100, 40, 0, 0, 60, 0, 0, Decimal("0.4"), None, None, 1.0, None)
with watching(enabled=True) as show:
    show(before)
    time.sleep(0.3)
    show(replace(before, asks=True))
    answer = input("Go on? ")
    show(replace(before, succeeded=80, pending=20))
    time.sleep(0.3)
print("answered", answer)
"""
