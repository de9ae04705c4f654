"""A prompt with the names of columns in braces, filled in for each row."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from batchata.errors import InputError

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_SHOWN = 30


@dataclass(frozen=True, slots=True)
class Template:
    """`parts` are texts, and the column that follows each; None after the last one. Made by `template_of`."""

    parts: tuple[tuple[str, str | None], ...]

    @property
    def columns(self) -> list[str]:
        """The columns it names, each once."""
        return list(dict.fromkeys(name for _, name in self.parts if name is not None))

    def filled(self, values: Mapping[str, str]) -> str:
        """With the values of one row."""
        return "".join(text if name is None else text + values[name] for text, name in self.parts)


def template_of(text: str) -> Template:
    """`"Classify: {subject} {body}"`; `{{` and `}}` are braces. Raises InputError for a brace that is alone."""
    parts: list[tuple[str, str | None]] = []
    plain, end = "", 0
    for found in _TOKEN.finditer(text):
        plain += text[end : found.start()]
        end = found.end()
        if found[0] in ("{{", "}}"):
            plain += found[0][0]
            continue
        if found[1] is None or not found[1].strip():
            raise InputError(_odd_brace(text, found.start()))
        parts.append((plain, found[1].strip()))
        plain = ""
    parts.append((plain + text[end:], None))
    return Template(tuple(parts))


def _odd_brace(text: str, place: int) -> str:
    near = text[max(place - _SHOWN, 0) : place + _SHOWN]
    return (
        f"the template has a brace at character {place} that names no column: ...{near!r}... Write {{column}}, and "
        "{{ or }} for a brace that is meant as it is"
    )
