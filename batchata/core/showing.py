"""Text of others, made fit to be shown: nothing in it is taken for Markdown or HTML, and no answer is quoted."""

from __future__ import annotations

import re

from batchata.core.outcomes import UNKNOWN_RESULT, UNREADABLE_LINE

_PUNCTUATION = re.compile(r"[\\`*_\[\]|~:@!#]|(?<=www)\.")
_EFFECTIVE = re.compile(r"\](?=[(\[])|<(?=[A-Za-z!/?])")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_SPACE = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_QUOTED = re.compile(r"(:| on| raised) b?['\"].*| raised .*", re.DOTALL)
_OWN_CHECK = re.compile(r"(Value error|Assertion failed), [^;]*")
_BAR = 30


def line(text: str, most: int) -> str:
    """One line of at most `most` characters."""
    told = _SPACE.sub(" ", text.encode(errors="replace").decode()).strip()
    return told if len(told) <= most else f"{told[: most - 1]}…"


def lines(text: str) -> str:
    """All of a text with its line ends and tabs, and without anything that a terminal would obey."""
    return _CONTROL.sub(" ", text.replace("\r\n", "\n").encode(errors="replace").decode())


def cell(text: str, most: int) -> str:
    """Text for a cell of a table artifact, of which no link, picture or tag comes.

    Prefect's first UI takes a cell for Markdown, its second one shows it as it is, so that nothing can be escaped:
    a space breaks what would have an effect.
    """
    return line(_EFFECTIVE.sub(r"\g<0> ", text), most)


def markdown(text: str, most: int = 2_000) -> str:
    """Text that Markdown shows as it is."""
    return _PUNCTUATION.sub(r"\\\g<0>", line(text, most)).translate(_ENTITIES)


def code(text: str) -> str:
    """Text in a code span; whatever is in it stays in it."""
    told = line(text, 2_000)
    longest = max((len(found) for found in re.findall(r"`+", told)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {told} {fence}" if longest else f"{fence}{told}{fence}"


def reason(kind: str, why: str, most: int) -> str:
    """Why an item failed, without what the model answered and what stands in the document."""
    if kind == "invalid" or why.startswith((UNKNOWN_RESULT, UNREADABLE_LINE)):
        why = _OWN_CHECK.sub(r"\1", _QUOTED.sub("", why))
    return cell(why, most)


def bar(*parts: tuple[str, float]) -> str:
    """A bar of block characters: for each part its character and its share of the whole, from 0 to 1."""
    drawn, end = "", 0.0
    for character, share in parts:
        end = min(end + max(share, 0.0), 1.0)
        upto = round(end * _BAR) if end < 1 else _BAR
        if share > 0 and upto == len(drawn) < _BAR:
            upto += 1  # something is not nothing
        drawn += character * max(upto - len(drawn), 0)
    return drawn.ljust(_BAR, "░")
