"""How long to wait before looking at a batch again."""

from __future__ import annotations

FIRST, GROWTH, LONGEST = 0.5, 1.5, 60.0
JITTER = 0.2

QUICK_GROWTH, QUICK_LONGEST = 1.2, 10.0
TOGETHER = 0.5
"""The share of the API's requests with which all batches of a quick run together may be looked at."""

LEAST_REQUESTS = 1_000
"""Requests a minute that the API lets everybody make (doc:api/rate-limits)."""


def next_delay(looks: int, chance: float) -> float:
    """Seconds until the next look after `looks` of them: from half a second to a minute.

    `chance` is a random number from 0 to 1; it spreads many waiters by 20 %.
    """
    steps = min(looks, 40)
    return min(LONGEST, FIRST * GROWTH**steps) * (1 - JITTER * chance)


def quick_delay(looks: int, chance: float, *, jobs: int, requests: int = LEAST_REQUESTS) -> float:
    """The same for one of `jobs` batches of a quick run, where the API takes so many `requests` a minute.

    It grows more slowly, to ten seconds, and is as long as it takes for all of them to keep to their share.
    """
    steps = min(looks, 40)
    usual = min(QUICK_LONGEST, FIRST * QUICK_GROWTH**steps) * (1 - JITTER * chance)
    return min(LONGEST, max(usual, jobs * 60 / (TOGETHER * requests)))
