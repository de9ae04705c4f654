"""Forty real PDF invoices with known truth: the twelve examples, and the short ones of them in every other look."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

from examples.make_invoices import INVOICES, LAYOUTS, draw

SHORT = [each for each in INVOICES if each.items.count(";") < 10]


def invoices():
    yield from INVOICES
    for turn, layout in enumerate(LAYOUTS):
        for base in SHORT:
            if base.layout != layout:
                yield base._replace(layout=layout, number=f"{base.number}{turn}")


def draw_forty(folder: Path) -> dict[str, dict[str, Any]]:
    """For each file its fields, and for each field the pages it stands on."""
    return {
        str(path): draw(invoice, path)
        for number, invoice in enumerate(islice(invoices(), 40))
        for path in [folder / f"{number:02}-{invoice.layout}.pdf"]
    }
