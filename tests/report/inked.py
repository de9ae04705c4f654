"""What stands where on a page, by pypdf and the widths of the fonts: nothing that draws the report has a part in it."""

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from pypdf import PdfReader
from reportlab.pdfbase.pdfmetrics import stringWidth


class Letter(NamedTuple):
    """A character and the middle of it, as shares of the page from its upper left corner."""

    text: str
    x: float
    y: float


@cache
def letters_of(path: str) -> list[list[Letter]]:
    """The characters of each page, in the order of the file."""
    return [list(_letters(page)) for page in PdfReader(path).pages]


def _letters(page) -> Iterator[Letter]:
    width, height = float(page.mediabox.width), float(page.mediabox.height)
    chunks: list[tuple[str, float, float, str, float]] = []

    def visit(text, matrix, place, font, size):
        if text.strip():
            x = place[4] * matrix[0] + matrix[4]
            y = place[5] * matrix[3] + matrix[5]
            chunks.append((text.strip(), x, y, font["/BaseFont"][1:], size))

    page.extract_text(visitor_text=visit)
    for text, x, y, font, size in chunks:
        for at, character in enumerate(text):
            middle = x + (stringWidth(text[:at], font, size) + stringWidth(text[: at + 1], font, size)) / 2
            yield Letter(character, middle / width, 1 - (y + 0.3 * size) / height)


def under(letters: list[Letter], rectangles: list[list[float]]) -> str:
    """What stands under rectangles given as left, top, right and bottom, without white space, in their order."""
    return "".join(
        each.text
        for left, top, right, bottom in rectangles
        for each in letters
        if left <= each.x <= right and top <= each.y <= bottom and not each.text.isspace()
    )
