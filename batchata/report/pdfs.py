"""A PDF that is open: the characters of its pages with their places, and its pages as pictures."""

from __future__ import annotations

import ctypes
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from batchata.core.glyphs import Box, Glyph
from batchata.errors import InputError
from batchata.report.pictures import Picture, encoded

_DPI, _POINTS = 110, 72
_MOST_PIXELS = 1600
_FINE = 16
"""Units of a point in which places are asked for: PDFium gives whole numbers only."""


class PageSize(NamedTuple):
    """In points, as the page is shown."""

    width: float
    height: float

    def shows(self, box: Box) -> bool:
        """Whether the middle of it is on the page, and not cropped."""
        across, down = box.left + box.right, box.top + box.bottom
        return 0 <= across <= 2 * self.width and 0 <= down <= 2 * self.height


@dataclass(frozen=True, slots=True)
class Pdf:
    """Pages are counted from 1."""

    _document: Any

    @property
    def pages(self) -> int:
        return len(self._document)

    def size(self, page: int) -> PageSize:
        with self._page(page) as opened:
            return PageSize(*opened.get_size())

    def glyphs(self, page: int) -> list[Glyph]:
        """The characters of a page in the order of the file. Raises InputError for a page that cannot be read."""
        with self._page(page) as opened:
            text = opened.get_textpage()
            try:
                return list(_glyphs(text, _Shown(opened), page))
            finally:
                text.close()

    def picture(self, page: int) -> Picture:
        """The page at about 110 dots per inch. Raises InputError for a page that cannot be drawn."""
        with self._page(page) as opened:
            size = opened.get_size()
            if not min(size):
                raise InputError(f"page {page} cannot be drawn: it is cropped to nothing")
            scale = min(_DPI / _POINTS, _MOST_PIXELS / max(size))
            bitmap = opened.render(scale=scale)
            try:
                return encoded(bitmap.to_pil())
            finally:
                bitmap.close()

    @contextmanager
    def _page(self, number: int) -> Iterator[Any]:
        from pypdfium2 import PdfiumError

        try:
            page = self._document[number - 1]
        except PdfiumError as error:
            raise InputError(f"page {number} cannot be opened: {error}") from error
        try:
            yield page
        except PdfiumError as error:
            raise InputError(f"page {number} cannot be drawn: {error}") from error
        finally:
            page.close()

    def close(self) -> None:
        self._document.close()


def open_pdf(data: bytes) -> Pdf:
    """Raises InputError for what PDFium cannot open."""
    from pypdfium2 import PdfDocument, PdfiumError

    try:
        return Pdf(PdfDocument(io.BytesIO(data).getvalue()))
    except PdfiumError as error:
        raise InputError(f"the PDF cannot be opened: {error}") from error


class _Shown:
    """From the coordinates of a page to points from the upper left corner as it is shown: cropped and turned."""

    def __init__(self, page: Any) -> None:
        from pypdfium2 import PdfPosConv

        self.size = PageSize(*page.get_size())
        fine = (0, 0, round(self.size.width * _FINE), round(self.size.height * _FINE), 0)
        across = 4096
        converter = PdfPosConv(page, fine)
        self._origin = converter.to_bitmap(0, 0)
        self._x = [
            (end - start) / across for end, start in zip(converter.to_bitmap(across, 0), self._origin, strict=True)
        ]
        self._y = [
            (end - start) / across for end, start in zip(converter.to_bitmap(0, across), self._origin, strict=True)
        ]

    def box(self, left: float, bottom: float, right: float, top: float) -> Box:
        first, second = self._point(left, bottom), self._point(right, top)
        (x1, x2), (y1, y2) = sorted((first[0], second[0])), sorted((first[1], second[1]))
        return Box(x1, y1, x2, y2)

    def _point(self, x: float, y: float) -> tuple[float, float]:
        (ox, oy), (xx, xy), (yx, yy) = self._origin, self._x, self._y
        return (ox + x * xx + y * yx) / _FINE, (oy + x * xy + y * yy) / _FINE


def _glyphs(text: Any, shown: _Shown, page: int) -> Iterator[Glyph]:
    from pypdfium2 import raw

    apart = True
    rect = raw.FS_RECTF()
    for index in range(text.count_chars()):
        character = chr(raw.FPDFText_GetUnicode(text, index))
        if not character.strip() or character == "\x00":
            apart = True
            continue
        if not raw.FPDFText_GetLooseCharBox(text, index, ctypes.byref(rect)):
            continue
        box = shown.box(rect.left, rect.bottom, rect.right, rect.top)
        if box.height > 0 and shown.size.shows(box):
            yield Glyph(character, page, box, apart)
            apart = False
