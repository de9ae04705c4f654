"""How long to wait before looking at a batch again."""

from __future__ import annotations

FIRST, GROWTH, LONGEST = 0.5, 1.5, 60.0
JITTER = 0.2


def next_delay(looks: int, chance: float) -> float:
    """Seconds until the next look after `looks` of them: from half a second to a minute.

    `chance` is a random number from 0 to 1; it spreads many waiters by 20 %.
    """
    steps = min(looks, 40)
    return min(LONGEST, FIRST * GROWTH**steps) * (1 - JITTER * chance)
