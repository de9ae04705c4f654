"""The page as a whole: the template filled in, with style, script and policy; what items hold is data in it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from batchata.core.money import rounded_usd
from batchata.core.reportfacts import Summary
from batchata.core.sheets import ItemSheet
from batchata.errors import InputError
from batchata.report.items import Row
from batchata.report.pictures import Picture

_NEEDED = ("jinja2", "PIL", "pypdfium2")
_IN_SCRIPTS = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def check_libraries() -> None:
    """Raises InputError when what a report is made with is not installed."""
    from importlib.util import find_spec

    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise InputError(f'an HTML report needs {", ".join(missing)}: pip install "batchata[report]"')


def item_island(number: int, item: ItemSheet) -> str:
    """An item as data: in a script element of JSON nothing but an end tag could do anything, and there is no `<`."""
    told = json.dumps(item, separators=(",", ":"))
    for character, escaped in _IN_SCRIPTS.items():
        told = told.replace(character, escaped)
    return f'<script type="application/json" id="item-{number}">{told}</script>\n'


def picture_island(number: int, picture: Picture) -> str:
    """A picture as data; base64 holds nothing that means anything in HTML."""
    return f'<script type="text/plain" id="picture-{number}">{picture.url}</script>\n'


def page(summary: Summary, rows: Sequence[Row], notes: Sequence[str], islands: Iterable[str]) -> Iterator[str]:
    """The page, piece by piece; `islands` are taken as they come."""
    from markupsafe import Markup

    style, script = _asset("report.css"), _asset("report.js")
    pieces: Iterator[str] = _template().generate(
        summary=summary,
        rows=rows,
        notes=notes,
        islands=(Markup(each) for each in islands),  # noqa: S704 - made above
        style=Markup(style),  # noqa: S704 - our own
        script=Markup(script),  # noqa: S704 - our own
        policy=_policy(style, script),
        outcomes=dict.fromkeys(row.outcome for row in rows),
        lacking=sum(row.lacking > 0 for row in rows),
        unmarked=sum(row.unmarked > 0 for row in rows),
    )
    return pieces


def _policy(style: str, script: str) -> str:
    """Nothing may be loaded, and nothing may run but these two texts."""
    return (
        f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}'"


@cache
def _asset(name: str) -> str:
    return (files("batchata.report") / "assets" / name).read_text(encoding="utf-8")


@cache
def _template() -> Any:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["money"] = _money
    return environment.from_string(_asset("report.html.jinja"))


def _money(amount: float) -> str:
    return rounded_usd(Decimal(repr(amount)))
