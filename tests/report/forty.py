"""Forty real PDF invoices with known truth: each short example in every look, and those with the most pages."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

from examples.make_invoices import CH, INVOICES, LAYOUTS, UK, draw

SHORT = [each for each in INVOICES if each.items.count(";") < 10]
LONG = sorted((each for each in INVOICES if each not in SHORT), key=lambda each: len(each.items))[:2]


def invoices():
    yield from LONG
    yield from (base._replace(region=CH, number=f"{base.number}8") for base in SHORT[:2])
    for turn, layout in enumerate(LAYOUTS):
        for base in SHORT:
            region = UK if layout == "rechnung" else base.region  # it writes below the end of a US page
            yield base._replace(layout=layout, region=region, number=f"{base.number}{turn}")


def draw_forty(folder: Path) -> dict[str, dict[str, Any]]:
    """For each file what `draw` says of it: `fields`, and `pages` where each stands."""
    named = ((folder / f"{number:02}-{each.layout}.pdf", each) for number, each in enumerate(islice(invoices(), 40)))
    return {str(path): draw(invoice, path) for path, invoice in named}
