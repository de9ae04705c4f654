"""Whether the prompt cache pays for a beginning that requests share: for how long, and with a job ahead or without.

Input costs 1, a write for five minutes 1.25 times as much, one for an hour twice, a read a tenth or less; a request
that misses pays the write (doc:about-claude/pricing). So it is a bet on the hits, and these are assumed low.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, get_args

from batchata.core.prefixes import Ttl
from batchata.core.rates import Rates
from batchata.errors import InputError

Mode = Literal["auto", "off", "5m", "1h"]

LIFETIMES: dict[Ttl, float] = {"5m": 300.0, "1h": 3600.0}

MINIMUM_TOKENS = {
    "claude-fable-5-1": 512,
    "claude-mythos-5-1": 512,
    "claude-fable-5": 512,
    "claude-mythos-5": 512,
    "claude-mythos-preview": 2048,
    "claude-opus-5-5": 512,
    "claude-opus-5": 512,
    "claude-opus-4-8": 1024,
    "claude-opus-4-7": 2048,
    "claude-opus-4-6": 4096,
    "claude-opus-4-5": 4096,
    "claude-sonnet-5-5": 512,
    "claude-sonnet-5": 1024,
    "claude-sonnet-4-6": 1024,
    "claude-sonnet-4-5": 1024,
    "claude-haiku-5-5": 512,
    "claude-haiku-4-5": 4096,
}
"""Shorter beginnings are not cached, without an error (doc:build-with-claude/prompt-caching, as of 2026-11-21)."""

WORTH_WAITING = Decimal("0.05")
"""USD that a job ahead has to save beyond what is saved without one, for the others wait for it."""

WORTH_MARKING = Decimal("0.0001")
"""USD that a beginning has to save where no job goes ahead: for less the cache is no bet that is worth its risk."""

_HITS = {
    ("5m", False): Decimal("0.3"),
    ("1h", False): Decimal("0.3"),
    ("5m", True): Decimal("0.5"),
    ("1h", True): Decimal("0.8"),
}
"""The share of the later requests that are taken to read what was written. In batches 30 to 98 % are reported
(doc:build-with-claude/batch-processing): items that run side by side get the low end; what a batch wrote that has
ended is there for later ones, if it has not gone, as it often has after five minutes."""

_PER_TOKEN_IN_BATCHES = Decimal("0.5") / 1_000_000
_DATED = re.compile(r"-\d{8}$")


@dataclass(frozen=True, slots=True)
class Offer:
    """A way to cache, and the USD that it is expected to save against none; below 0 it costs."""

    ttl: Ttl
    ahead: bool
    gain: Decimal


def checked_mode(given: object) -> Mode:
    """Raises InputError for what is none."""
    if not isinstance(given, str) or given not in get_args(Mode):
        raise InputError(f'`prompt_caching` is "auto", "off", "5m" or "1h", not {given!r}')
    return given  # type: ignore[return-value]


def minimum_tokens(model: str) -> int | None:
    """The fewest tokens that the model caches; None where that is not known."""
    return MINIMUM_TOKENS.get(_DATED.sub("", model))


def expected_cost(requests: int, ttl: Ttl, rates: Rates, *, ahead: bool) -> Decimal:
    """What a token of the beginning costs in all these requests, in units of its price as plain input.

    One request writes; of the others the assumed share reads, and those that miss write too.
    """
    write = (rates.write_1h if ttl == "1h" else rates.write_5m) / rates.input
    hits = _HITS[ttl, ahead]
    return write + (requests - 1) * (hits * rates.read / rates.input + (1 - hits) * write)


def offer(tokens: int, requests: int, rates: Rates, mode: Mode, *, ahead: bool) -> Offer | None:
    """The better lifetime for a beginning of so many tokens that so many requests share; None for none at all."""
    rates = rates.for_prompt(tokens)
    if requests < 1 or not rates.input:
        return None
    scale = tokens * rates.input * _PER_TOKEN_IN_BATCHES
    costs = {ttl: expected_cost(requests, ttl, rates, ahead=ahead) for ttl in _ttls(mode, ahead=ahead)}
    ways = (Offer(ttl, ahead, scale * (requests - cost)) for ttl, cost in costs.items())
    return max(ways, key=lambda way: way.gain, default=None)


def _ttls(mode: Mode, *, ahead: bool) -> Iterator[Ttl]:
    """The lifetimes that may be asked for: a batch that is waited for has seldom ended after five minutes."""
    for ttl in LIFETIMES:
        if mode == ttl or (mode == "auto" and not (ahead and ttl == "5m")):
            yield ttl


def pays(tokens: int, requests: int, rates: Rates, mode: Mode) -> bool:
    """Whether there is any way that is expected to save."""
    ways = (offer(tokens, requests, rates, mode, ahead=ahead) for ahead in (False, True))
    return any(way is not None and way.gain > 0 for way in ways)


def hit_rate(read: int, written: int) -> float | None:
    """The share of the tokens that were read instead of written again; None when there were neither."""
    return read / (read + written) if read + written else None
