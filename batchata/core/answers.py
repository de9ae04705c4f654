"""How long answers may be, by what is asked for: a rule for when none has been measured, and therefore a wide one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any

from batchata.core.contents import Contents

_PLAIN_TEXT = (30.0, 200.0, 1_500.0)
"""Tokens of an answer that is text: from a word or two to two pages; the middle is their geometric mean."""

_SHORTEST, _LONGEST = 0.5, 2.5
"""By how much values may be shorter or longer than typical ones."""

_TEXT_OF_PAGE = 1_500
"""Bytes that a picture of a page may hold, where it has no text of its own to be measured."""

_EFFORT = {"low": 0.25, "medium": 0.5, "high": 1.0, "xhigh": 2.0, "max": 4.0}
_THINKS_UNASKED = re.compile(r"claude-(?:[a-z]+-(?:[5-9]|\d{2,})(?!\d)|mythos-preview)")


@dataclass(frozen=True, slots=True)
class Span:
    """Tokens: the least and the most that are to be reckoned with, and what is between."""

    low: float
    likely: float
    high: float

    def __add__(self, other: Span) -> Span:
        return Span(self.low + other.low, self.likely + other.likely, self.high + other.high)

    def up_to(self, most: int) -> Span:
        return Span(min(self.low, most), min(self.likely, most), min(self.high, most))


@dataclass(frozen=True, slots=True)
class Thinking:
    """What a model thinks before it answers: a share of the answer and some tokens on top, at most `budget`."""

    share: Span = Span(0, 0, 0)
    on_top: Span = Span(0, 0, 0)
    budget: int | None = None

    def before(self, answer: Span) -> Span:
        found = Span(
            answer.low * self.share.low + self.on_top.low,
            answer.likely * self.share.likely + self.on_top.likely,
            answer.high * self.share.high + self.on_top.high,
        )
        return found if self.budget is None else found.up_to(self.budget)


def thinks_unasked(model: str) -> bool:
    """Whether it thinks where `thinking` is not set: models of the fifth generation do (doc:about-claude/models)."""
    return _THINKS_UNASKED.match(model) is not None


def thinking_of(params: Mapping[str, Any]) -> Thinking:
    """Nobody can tell how long a model thinks: from not at all to far longer than it answers, by its effort."""
    asked = params.get("thinking") or {}
    kind = asked.get("type") or ("adaptive" if thinks_unasked(str(params["model"])) else "disabled")
    if kind == "disabled":
        return Thinking()
    effort = _EFFORT.get((params.get("output_config") or {}).get("effort") or "high", 1.0)
    share = Span(0, 0.5 * effort, 2 * effort)
    return Thinking(share, Span(0, 100 * effort, 2_000 * effort), asked.get("budget_tokens"))


@dataclass(frozen=True, slots=True)
class AnswerRule:
    """Tokens of a typical answer with its lists empty, and of one entry of each list. `entry_bytes` is what the values
    of such an entry take in a document: there are at most as many entries as half of its text has room for.
    """

    base: Span
    entry: float = 0.0
    entry_bytes: int = 0
    thinking: Thinking = Thinking()

    def of(self, contents: Contents, max_tokens: int) -> Span:
        """The tokens of an answer about these contents, thinking included."""
        answer = self.base
        if self.entry:
            most = max(_text_of(contents) / 2 / max(self.entry_bytes, 1), 1.0)
            answer += Span(self.entry * _SHORTEST, self.entry * sqrt(most), self.entry * most)
        return (answer + self.thinking.before(answer)).up_to(max_tokens)


def text_rule(thinking: Thinking) -> AnswerRule:
    """For answers that are text."""
    return AnswerRule(Span(*_PLAIN_TEXT), thinking=thinking)


def object_rule(base: float, entry: float, entry_bytes: int, thinking: Thinking) -> AnswerRule:
    """For answers that are JSON, from the tokens of a typical one."""
    return AnswerRule(Span(base * _SHORTEST, base, base * _LONGEST), entry, entry_bytes, thinking)


def _text_of(contents: Contents) -> int:
    bare = len(contents.images) + sum(text < 50 for text in contents.pages)
    return contents.all_text + bare * _TEXT_OF_PAGE
