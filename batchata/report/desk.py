"""One item on the desk: its documents are opened, and what its citations say is looked for in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from batchata.core.citations import Citation
from batchata.core.excerpts import Marked, Span, cited_span, excerpts
from batchata.core.fieldviews import Field, cited_pages, short_name, source_of, where
from batchata.core.glyphs import Glyph
from batchata.core.locating import Found, Pages, Spot
from batchata.core.pointing import beside, named, row_of, value_span
from batchata.core.records import Record
from batchata.core.sheets import (
    RULES,
    Cite,
    Mark,
    Sheet,
    joined,
    not_found,
    pages_missing,
    partly_found,
    rectangle,
    repeated,
    text_of,
)
from batchata.errors import InputError, StorageError
from batchata.report.album import Album
from batchata.report.pdfs import Pdf
from batchata.report.pictures import Picture
from batchata.report.sources import Shelf


@dataclass(slots=True)
class Quote:
    """A citation of a field on its way to a place on a sheet."""

    path: str
    citation: Citation
    value: Span | None
    name: str | None
    pages: Pages | None = None
    spots: Sequence[Spot] = ()
    notes: list[str] = field(default_factory=list)
    sheet: int | None = None
    marks: list[Mark] = field(default_factory=list)

    def cite(self) -> Cite:
        return {
            "text": self.citation.cited_text,
            "value": list(self.value) if self.value else None,
            "where": where(self.citation),
            "rule": RULES[self.citation.match],
            "note": joined(self.notes),
            "sheet": self.sheet,
            "marks": self.marks,
        }


class Desk:
    """The documents of one item. `sheets` grow while quotes are placed."""

    def __init__(self, shelf: Shelf, album: Album, record: Record[Any]) -> None:
        self.sheets: list[Sheet] = []
        self.notes: list[str] = []
        self._shelf, self._album, self._record = shelf, album, record
        self._is_alone = True
        self._numbers: dict[tuple[str, int], int] = {}
        self._glyphs: dict[int, list[Glyph]] = {}
        self._ranges: dict[range, Pages] = {}

    def place(self, fields: Sequence[Field]) -> list[list[Quote]]:
        """The quotes of each field, with their marks, and the sheets that they are on."""
        quotes = self.leave(fields)
        by_name: dict[str | None, list[Quote]] = defaultdict(list)
        for quote in (quote for row in quotes for quote in row):
            by_name[quote.name].append(quote)
        if not by_name and fields and _is_picture(self._record.source):
            by_name[self._record.source] = []
        self._is_alone = len(by_name) < 2
        for name, listed in by_name.items():
            self._in_document(name, listed)
        return quotes

    def leave(self, fields: Sequence[Field]) -> list[list[Quote]]:
        """The quotes of each field without a place."""
        return [[self._quote(each, citation) for citation in each.citations] for each in fields]

    def _quote(self, each: Field, citation: Citation) -> Quote:
        value = value_span(citation.cited_text, each.value)
        return Quote(each.path, citation, value, source_of(citation, self._record))

    def _in_document(self, name: str | None, quotes: Sequence[Quote]) -> None:
        if name is None:
            self.notes.append("Its documents were given as bytes or in a conversation, so their pages are not at hand.")
            return
        try:
            opened = self._shelf.open(name)
        except (InputError, StorageError) as error:
            self.notes.append(f"{name} cannot be shown: {error}.")
            return
        self.notes.append(self._shelf.note(name, self._record.index))
        if isinstance(opened, Pdf):
            self._in_pdf(name, opened, quotes)
        elif isinstance(opened, Picture):
            self._add_picture(name, opened)
        elif quotes:
            self._in_text(name, opened, quotes)

    def _add_picture(self, name: str, picture: Picture) -> None:
        number = self._album.put((name, 1), lambda: picture)
        self.sheets.append(
            {"title": short_name(name), "picture": number, "width": picture.width, "height": picture.height}
        )

    def _in_text(self, name: str, text: str, quotes: Sequence[Quote]) -> None:
        marks: list[Marked] = []
        for quote in quotes:
            cited = quote.citation
            span = cited_span(text, cited.cited_text, cited.start_char_index, cited.end_char_index)
            if span is None:
                quote.notes.append("These words were not found in the text at one place, so nothing is marked.")
                continue
            inner = (span[0] + quote.value[0], span[0] + quote.value[1]) if quote.value else None
            quote.sheet = len(self.sheets)
            quote.marks.append({"sheet": len(self.sheets), "number": len(marks)})
            marks.append(Marked(len(marks), span, inner))
        shown = [text_of(each) for each in excerpts(text, marks)]
        if shown:
            self.sheets.append({"title": short_name(name), "excerpts": shown})

    def _in_pdf(self, name: str, pdf: Pdf, quotes: Sequence[Quote]) -> None:
        self._glyphs, self._ranges = {}, {}
        for quote in quotes:
            self._look_for(quote, pdf)
        _choose(quotes)
        for page in sorted({page for quote in quotes for page in _pages_of(quote)}):
            self._show(name, page, pdf)
        for quote in quotes:
            self._mark(quote, name)

    def _look_for(self, quote: Quote, pdf: Pdf) -> None:
        wanted = cited_pages(quote.citation)
        there = range(wanted.start, min(wanted.stop, pdf.pages + 1))
        if not there:
            quote.notes.append(pages_missing(wanted.start, pdf.pages) if wanted else "The API named no page.")
            return
        try:
            quote.pages = self._pages(there, pdf)
        except InputError as error:
            quote.notes.append(f"{error}.")
            return
        found = quote.pages.find(quote.citation.cited_text, quote.value)
        quote.spots = found.spots
        quote.notes.append(_said_of(found, quote))

    def _pages(self, wanted: range, pdf: Pdf) -> Pages:
        if wanted not in self._ranges:
            for page in wanted:
                if page not in self._glyphs:
                    self._glyphs[page] = pdf.glyphs(page)
            self._ranges[wanted] = Pages([glyph for page in wanted for glyph in self._glyphs[page]])
        return self._ranges[wanted]

    def _show(self, name: str, page: int, pdf: Pdf) -> None:
        try:
            size = pdf.size(page)
            picture = self._album.put((name, page), lambda: pdf.picture(page))
        except InputError as error:
            self.notes.append(f"{error}.")
            return
        self._numbers[name, page] = len(self.sheets)
        title = f"page {page} of {pdf.pages}" if self._is_alone else f"{short_name(name)}, page {page} of {pdf.pages}"
        self.sheets.append({"title": title, "picture": picture, "width": size.width, "height": size.height})

    def _mark(self, quote: Quote, name: str) -> None:
        if quote.pages is None:
            return
        for spot in quote.spots:
            placed, inner = quote.pages.boxes(spot.glyphs), quote.pages.boxes(spot.value)
            for page in dict.fromkeys(each.page for each in placed):
                if (name, page) not in self._numbers:
                    continue
                boxes = [rectangle(each.box) for each in placed if each.page == page]
                value = [rectangle(each.box) for each in inner if each.page == page]
                quote.marks.append({"sheet": self._numbers[name, page], "boxes": boxes, "value": value})
        shown = [self._numbers[name, page] for page in _pages_of(quote) if (name, page) in self._numbers]
        quote.sheet = shown[0] if shown else None


def _pages_of(quote: Quote) -> list[int]:
    """The pages to show: those with words of it, else the first that it names."""
    if quote.pages is None:
        return []
    marked = [quote.pages.glyphs[index].page for spot in quote.spots for index in spot.glyphs]
    return list(dict.fromkeys(marked)) or [cited_pages(quote.citation)[0]]


def _is_picture(source: str | None) -> bool:
    """By its name: nothing in a picture can be cited, and it is the whole document."""
    return source is not None and source.lower().endswith((".png", ".jpg", ".jpeg", ".gif", ".webp"))


def _said_of(found: Found, quote: Quote) -> str:
    if not found.spots:
        return not_found(where(quote.citation), has_text=bool(quote.pages and quote.pages.glyphs))
    return partly_found(found.lines, found.of) if found.lines < found.of else ""


def _choose(quotes: Iterable[Quote]) -> None:
    """Of several places the one on the line of another field of its row, else on the line that has its own name."""
    listed = list(quotes)
    mates: dict[tuple[int, str], dict[str, frozenset[int]]] = defaultdict(dict)
    for quote in listed:
        if quote.pages is not None and len(quote.spots) == 1:
            mates[id(quote.pages), row_of(quote.path)][quote.path] = quote.pages.rows(quote.spots[0].glyphs)
    for quote in listed:
        if quote.pages is not None and len(quote.spots) > 1:
            _choose_one(quote, quote.pages, mates[id(quote.pages), row_of(quote.path)])


def _choose_one(quote: Quote, pages: Pages, mates: Mapping[str, frozenset[int]]) -> None:
    found, meant = None, ""
    if "[" in row_of(quote.path):
        near = beside([pages.rows(spot.glyphs) for spot in quote.spots], mates)
        if near is not None:
            found, meant = near[0], f"the line of {near[1]}"
    if found is None:
        found = named(quote.path, [pages.line_text(spot.glyphs) for spot in quote.spots])
        meant = "the line that names the field" if found is not None else ""
    quote.notes.append(repeated(len(quote.spots), where(quote.citation), meant))
    if found is not None:
        quote.spots = [quote.spots[found]]
