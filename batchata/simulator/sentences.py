"""The sentences of a page, also where they run over the ends of its lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

ENDS = re.compile(r"(?<=[.!?;])\s+(?=[\"'\u201e\u201c(]?[A-ZÀ-Ü0-9])")
SHORTENED = re.compile(
    r"(?:^|[\s(])(?:no|nos|nr|num|ltd|co|inc|corp|approx|art|st|dr|mr|mrs|ms|prof|incl|excl|inkl|zzgl|mwst|ust|tel|"
    r"ref|dipl|ing|bzw|ca|vs|cf|[a-z]|[A-Z]|[ivx]+|\d{1,2})\.\Z",
    re.IGNORECASE,
)
HANGING = re.compile(
    r"(?:^|\s)(?:of|the|a|an|by|to|on|and|or|is|no\.|nr\.|from|for|in|at|with|am|bis|vom|der|die|das|den|zum|von|und|"
    r"le|la|les|du|de|des|et|au|is due|than|any|EUR|USD|GBP|CHF)\Z"
)
LONG_LINE = 68


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Where each sentence begins and ends."""
    for start, end in _paragraphs(text):
        begin = start
        for gap in ENDS.finditer(text, start, end):
            if not SHORTENED.search(text[begin : gap.start()]):
                yield begin, gap.start()
                begin = gap.end()
        yield begin, end


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """Lines that belong together."""
    start = end = -1
    at = 0
    for line in text.split("\n"):
        bare = line.strip()
        first = at + len(line) - len(line.lstrip())
        at += len(line) + 1
        if not bare:
            continue
        if start >= 0 and _goes_on(text[start:end].rsplit("\n", 1)[-1].strip(), bare):
            end = first + len(bare)
            continue
        if start >= 0:
            yield start, end
        start, end = first, first + len(bare)
    if start >= 0:
        yield start, end


def _goes_on(line: str, following: str) -> bool:
    if line.endswith((".", ":", ";", "!", "?")) and not SHORTENED.search(line):
        return False
    if following[0] in "-*\u2022" or ": " in following[:30]:
        return False
    prose = " " in line and "  " not in line and "|" not in line
    return prose and (
        following[0].islower() or bool(HANGING.search(line)) or (len(line) >= LONG_LINE and not _cut(line))
    )


def _cut(line: str) -> bool:
    """Whether a long line ends like a row of a table."""
    return line[-1].isdigit()
