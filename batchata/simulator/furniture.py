"""What a document repeats on its pages: headers, footers, page numbers, lines that carry a table over."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from batchata.simulator.numbers import amounts_in
from batchata.simulator.reading import Row

EDGE = 4
PAGE_MARK = re.compile(
    r"(?:page|seite|p\.|blatt)?\s*[-\u2013]?\s*\d+\s*(?:(?:of|von|sur|de|/)\s*\d+)?\s*[-\u2013]?", re.IGNORECASE
)
PAGE_NUMBER = re.compile(
    r"\b(?:page|seite|blatt)\s*\d+(?:\s*(?:of|von|sur|de|/)\s*\d+)?|\b\d+\s*/\s*\d+\b", re.IGNORECASE
)
CARRIED = re.compile(
    r"\b(?:carr(?:y|ied)[- ](?:over|forward)|brought forward|b/f|c/f|continued|übertrag|fortsetzung|"
    r"à reporter|report(?: de la page)?$|suite|to be continued)",
    re.IGNORECASE,
)


def repeated_rows(rows: Sequence[Row]) -> frozenset[int]:
    """The ids of the rows at the top or the bottom of a page that stand there on another page too."""
    pages: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        pages[row.page].append(row)
    if len(pages) < 2:
        return frozenset()
    places: dict[str, list[Row]] = defaultdict(list)
    for own in pages.values():
        edges = {id(row): row for row in (*own[:EDGE], *own[-EDGE:])}
        for row in edges.values():
            places[PAGE_NUMBER.sub("#", row.text)].append(row)
    return frozenset(
        id(row) for same in places.values() if len({row.page for row in same}) > 1 for row in same if not _is_entry(row)
    )


def is_page_mark(row: Row) -> bool:
    return bool(PAGE_MARK.fullmatch(row.text)) and len(row.cells) == 1


def is_carried(row: Row) -> bool:
    """`Carried forward 1,200.00` and the like."""
    return bool(CARRIED.search(row.text))


def _is_entry(row: Row) -> bool:
    return sum(any(amounts_in(cell.text)) for cell in row.cells) > 1
