"""What a person sees while a run works: a live display on a terminal, plain lines in a log."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from batchata.core.money import rounded_usd, spent_of, usd
from batchata.core.snapshots import Snapshot

SECONDS_BETWEEN_LINES = 5.0
SEPARATOR = " · "

Fact = tuple[str, str]
"""A piece of text that stays on one line, and its style."""


@contextmanager
def watching(*, enabled: bool, title: str = "", console: Console | None = None) -> Iterator[Callable[[Snapshot], None]]:
    """What to call with a Snapshot when something changed, and about once a second. Shows it on stderr by default."""
    if not enabled:
        yield lambda _: None
        return
    console = console or Console(stderr=True)
    if title:
        console.print(title, markup=False, highlight=False, soft_wrap=True)
    shown = _live(console) if console.is_interactive else _plain(console)
    with shown as show:
        yield show


@contextmanager
def _live(console: Console) -> Iterator[Callable[[Snapshot], None]]:
    """Output of the program goes above the display, but never from a redirected stdout to the terminal."""
    live = _started(console)

    def show(snapshot: Snapshot) -> None:
        nonlocal live
        if not live.is_started:
            live = _started(console)  # a new one: the old one would draw over what was said in between
        live.update(display(snapshot))
        if snapshot.asks:
            live.stop()

    try:
        yield show
    finally:
        live.stop()


def _started(console: Console) -> Live:
    live = Live(
        console=console,
        refresh_per_second=4,
        redirect_stdout=sys.stdout.isatty(),
        redirect_stderr=sys.stderr.isatty(),
        vertical_overflow="crop",
    )
    live.start()
    return live


@contextmanager
def _plain(console: Console) -> Iterator[Callable[[Snapshot], None]]:
    lines = PlainLines()

    def show(line: str | None) -> None:
        if line is not None:
            console.print(line, markup=False, highlight=False, soft_wrap=True)

    try:
        yield lambda snapshot: show(lines.line_for(snapshot))
    finally:
        show(lines.last_line())


class PlainLines:
    """Which snapshots are worth a line in a log: changed figures, 5 s apart, and the last one."""

    def __init__(self) -> None:
        self._last: Snapshot | None = None
        self._printed: Snapshot | None = None

    def line_for(self, snapshot: Snapshot) -> str | None:
        """The line to print now, if any. The clock is the snapshot's own."""
        self._last = snapshot
        if self._printed is not None:
            too_early = snapshot.elapsed - self._printed.elapsed < SECONDS_BETWEEN_LINES
            if too_early or _figures(snapshot) == _figures(self._printed):
                return None
        self._printed = snapshot
        return plain_line(snapshot)

    def last_line(self) -> str | None:
        """The line of the last snapshot, unless it has been printed."""
        if self._last is None or self._last == self._printed:
            return None
        return plain_line(self._last)


def _figures(snapshot: Snapshot) -> tuple[int, ...]:
    return snapshot.succeeded, snapshot.failed, snapshot.in_flight, snapshot.pending, snapshot.batches, snapshot.total


def display(snapshot: Snapshot) -> Group:
    """The bar, and the facts below it."""
    bar = Progress(BarColumn(bar_width=None), TextColumn("{task.description}", markup=False), expand=True)
    figures = f"{percentage(snapshot)}%  {items_done(snapshot)}"
    bar.add_task(figures, total=snapshot.total, completed=done(snapshot))
    return Group(bar, _Facts(facts(snapshot)))


class _Facts:
    def __init__(self, facts: Sequence[Fact]) -> None:
        self._facts = facts

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in wrapped(self._facts, options.max_width):
            parts = [part for fact in line for part in ((SEPARATOR, "dim"), fact)]
            text = Text.assemble(*parts[1:])
            text.truncate(options.max_width, overflow="ellipsis")
            yield text


def wrapped(facts: Sequence[Fact], width: int) -> list[list[Fact]]:
    """The facts in lines of at most `width` columns; one that is wider has a line of its own."""
    lines: list[list[Fact]] = []
    left = 0
    for fact in facts:
        needed = len(SEPARATOR) + len(fact[0])
        if lines and needed <= left:
            lines[-1].append(fact)
            left -= needed
        else:
            lines.append([fact])
            left = width - len(fact[0])
    return lines


def plain_line(snapshot: Snapshot) -> str:
    """One line for a log."""
    return ", ".join([f"{items_done(snapshot)} items ended", *(words for words, _ in facts(snapshot))])


def done(snapshot: Snapshot) -> int:
    """Items that need nothing more."""
    return snapshot.succeeded + snapshot.failed


def percentage(snapshot: Snapshot) -> int:
    """Rounded down: 100 is reached by the last item only."""
    return 100 * done(snapshot) // max(1, snapshot.total)


def items_done(snapshot: Snapshot) -> str:
    """As "1,200 of 50,000"."""
    return f"{done(snapshot):,} of {snapshot.total:,}"


def facts(snapshot: Snapshot) -> list[Fact]:
    """Everything but the bar, the most important first. Zeros that say nothing are left out; the unknown is not."""
    pieces = [
        (f"a sample of {snapshot.sampled:,} first" if snapshot.sampled else "", "bold cyan"),
        (f"{snapshot.failed:,} failed", "bold red" if snapshot.failed else ""),
        (f"{snapshot.cached:,} cached" if snapshot.cached else "", "green"),
        (_batches(snapshot.batches), ""),
        (spending(snapshot.spent, snapshot.limit), "bold"),
        (_reserved(snapshot), ""),
        (duration(snapshot.elapsed), "dim"),
        (next_look(snapshot.next_look), "dim"),
    ]
    return [(words, style) for words, style in pieces if words]


def _batches(batches: int) -> str:
    return "1 batch in flight" if batches == 1 else f"{batches:,} batches in flight"


def spending(spent: Decimal | None, limit: Decimal | None) -> str:
    """As "$1.23 of $50.00". What is spent is rounded, a limit is given as it was set."""
    if spent is None:
        return "cost not known" if limit is None else f"cost not known, limit {usd(limit)}"
    return f"{rounded_usd(spent)} spent" if limit is None else spent_of(spent, limit)


def _reserved(snapshot: Snapshot) -> str:
    if snapshot.reserved:
        return f"{rounded_usd(snapshot.reserved)} reserved"
    unknown = snapshot.reserved is None and snapshot.batches and snapshot.limit is not None
    return "reserve not known" if unknown else ""


def duration(seconds: float) -> str:
    """As "0:03:12"."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def next_look(seconds: float | None) -> str:
    """As "next look in 12 s"; empty when none is due."""
    if seconds is None:
        return ""
    return f"next look in {math.ceil(seconds)} s" if seconds > 0 else "looking now"
