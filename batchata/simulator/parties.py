"""What stands beside and below the name of a party: its address and its tax number."""

from __future__ import annotations

import re
from collections.abc import Iterator

from batchata.simulator.corpus import Corpus
from batchata.simulator.dates import dates_in
from batchata.simulator.labels import INLINE, Pair, Place, is_known
from batchata.simulator.numbers import amounts_in
from batchata.simulator.reading import Row

STREET = re.compile(
    r"\b(?:street|st|road|rd|avenue|ave|lane|quay|square|way|drive|suite|floor|box|wharf|yard|park|unit|row|blvd|"
    r"straße|strasse|str|weg|platz|gasse|allee|rue|chemin|boulevard|place)\b|straße|strasse|weg\b|"
    r"\b\d{4,5}\b|^\d+\w?,?\s[A-Z]|[a-z]\s\d+\w?\b",
    re.IGNORECASE,
)
TAX_NUMBER = re.compile(r"(?<![\w-])(?:[A-Z]{2,3}[ -]?(?:\d[ .]?){7,12}(?:[A-Z]{1,3})?)(?![\w-])")
BELOW = 4
ALIGNED = 3


def beside(name: str, others: frozenset[str], pair: Pair, kind: str, corpus: Corpus) -> tuple[str, Place] | None:
    """The `address` or `taxid` nearest to the name that `pair` states, before any of the `others` is named."""
    for whole, place in _near(name, pair.place, corpus):
        cut = min((whole.find(other) for other in others if other in whole), default=len(whole))
        text = whole[:cut]
        found = _address(text) if kind == "address" else TAX_NUMBER.search(text)
        if found:
            return (found if isinstance(found, str) else found[0]).strip(), place
        if cut < len(whole):
            return None
    return None


def _near(name: str, place: Place, corpus: Corpus) -> Iterator[tuple[str, Place]]:
    """The words behind the name, then the cells below it up to the next label of another thing."""
    rows = next((rows for document, rows in corpus.sources if document is place.document), ())
    at = next((at for at, row in enumerate(rows) if row.page == place.row.page and name in row.text), None)
    if at is None:
        return
    row = rows[at]
    index = next((index for index, cell in enumerate(row.cells) if name in cell.text), 0)
    yield row.cells[index].text.partition(name)[2].strip(" ,;("), Place(place.document, row)
    for below in rows[at + 1 : at + 1 + BELOW]:
        if cell := _under(row, index, below):
            yield cell, Place(place.document, below)
        if below.page != place.row.page or _is_party(below):
            return


def _under(row: Row, index: int, below: Row) -> str:
    """The cell of the row below that stands under a cell: by order when none is missing, else by place."""
    if len(below.cells) == len(row.cells):
        return below.cells[index].text
    left = row.cells[index].left
    return next((each.text for each in below.cells if abs(each.left - left) <= ALIGNED or len(below.cells) == 1), "")


def _is_party(row: Row) -> bool:
    found = INLINE.match(row.text)
    return bool(found and is_known(found[1])) and not STREET.search(row.text) and not TAX_NUMBER.search(row.text)


def _address(text: str) -> str:
    labelled = INLINE.match(text)
    words = labelled[2] if labelled and is_known(labelled[1]) else text
    words = TAX_NUMBER.split(re.split(r"[;|(]|\s[-\u2013]\s", words)[0])[0]
    words = re.sub(r"[,\s]*(?:VAT|USt|TVA|Tax)\b.*$", "", words, flags=re.IGNORECASE).strip(" ,.;")
    clean = not any(dates_in(words)) and not any(each.kind == "money" for each in amounts_in(words))
    return words if STREET.search(words) and clean and len(words) > 5 else ""
