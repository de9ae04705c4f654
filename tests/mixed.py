"""Two hundred documents of all kinds and lengths, and what may be asked about them."""

import random
import struct
import zlib
from datetime import date

from pydantic import BaseModel

from tests.corpus import CASES
from tests.pdfs import pdf

TEXT = (
    "the goods leave the house on Monday and reach the market by Friday unless the river is high which nobody hopes "
    "for so that each of the parties may count its boxes before the carts return"
)
WORDS = TEXT.split()


class Line(BaseModel):
    description: str | None = None
    quantity: float | None = None
    amount: float | None = None


class Paper(BaseModel):
    """What may be asked of an invoice as of a letter."""

    number: str | None = None
    seller: str | None = None
    buyer: str | None = None
    issued: date | None = None
    total: float | None = None
    lines: list[Line] = []


def mixed(folder, count=200, seed=11):
    """PDFs of one to five pages, texts of a few hundred bytes to 15,000, and some pictures."""
    chance = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    return [_written(folder, number, chance) for number in range(count)]


def _written(folder, number, chance):
    kind = chance.choices(("pdf", "text", "picture"), (30, 55, 15))[0]
    if kind == "picture":
        path = folder / f"{number:03d}.png"
        path.write_bytes(png(chance.randint(200, 2_400), chance.randint(200, 2_400)))
        return path
    paper = chance.choice(CASES).pages
    if kind == "pdf":
        pages = [_shortened(page) for page in (paper + [letter(chance, 900) for _ in range(5)])[: chance.randint(1, 5)]]
        path = folder / f"{number:03d}.pdf"
        path.write_bytes(pdf(*pages))
        return path
    path = folder / f"{number:03d}.txt"
    path.write_text("\n\n".join(paper) + "\n\n" + letter(chance, int(min(chance.lognormvariate(7.5, 1.2), 15_000))))
    return path


def _shortened(page):
    """As many lines as a page has room for."""
    return "\n".join(page.splitlines()[:40])


def letter(chance, size):
    words, lines = [chance.choice(WORDS) for _ in range(size // 5)], []
    for first in range(0, len(words), 12):
        lines.append(" ".join(words[first : first + 12]).capitalize() + ".")
    return "\n".join(lines)


def png(width, height):
    """A grey picture."""
    rows = (b"\0" + b"\x80" * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
