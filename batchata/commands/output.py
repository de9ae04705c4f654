"""What a command writes: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

import orjson
from cyclopts import Parameter
from pydantic import BaseModel
from rich.console import Console

from batchata.commands.console import Screen
from batchata.core.wording import COMMAND_LINE, spelled

_PIPE_WIDTH = 160


@Parameter(name="*", group="Output")
@dataclass(frozen=True, kw_only=True)
class Output:
    """How a command tells what came of it."""

    json: bool = False
    """One JSON document on stdout, and nothing else there; money as text with all its digits."""

    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"])] = False
    """No progress and no advice; errors are still told."""

    def __post_init__(self) -> None:
        if self.quiet:
            logging.getLogger("batchata").setLevel(logging.ERROR)

    def note(self, text: str) -> None:
        """A line on stderr, unless it is to be quiet."""
        if not self.quiet:
            stderr().print(text, markup=False, highlight=False, soft_wrap=True)

    @property
    def can_ask(self) -> bool:
        """Whether somebody sits at a terminal."""
        return sys.stdin.isatty() and sys.stderr.isatty() and not self.quiet


def worded(message: str) -> str:
    """What the library says, with what can be typed in place of its parameters."""
    return spelled(message, COMMAND_LINE)


def stdout() -> Console:
    """A table in a pipe is as wide as it needs to be, within reason."""
    console = Screen(highlight=False)
    return console if console.is_terminal or "COLUMNS" in os.environ else Screen(highlight=False, width=_PIPE_WIDTH)


def stderr() -> Console:
    return Screen(stderr=True, highlight=False)


def print_json(document: Any) -> None:
    """One JSON document."""
    _write(_encoded(document, indent=True) + b"\n")


def print_json_array(documents: Iterable[Any]) -> None:
    """One JSON array, an element a line, written as they come."""
    between = b"["
    for each in documents:
        _write(between + b"\n" + _encoded(each, indent=False))
        between = b","
    _write(b"[]\n" if between == b"[" else b"\n]\n")


def _encoded(document: Any, *, indent: bool) -> bytes:
    option = orjson.OPT_NON_STR_KEYS | (orjson.OPT_INDENT_2 if indent else 0)
    try:
        return orjson.dumps(document, default=_plain, option=option)
    except TypeError:  # a number of more than 64 bits
        return json.dumps(document, default=_plain, ensure_ascii=False, indent=2 if indent else None).encode()


def _write(content: bytes) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(content)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return value._asdict()
    return str(value)
