"""Costs of items -> the bars of a chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10
from statistics import median

_BARS = 28
_STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class Bar:
    """Items that cost from `low` up to `high` USD: so many with a result, so many without. Heights are shares of 1."""

    low: float
    high: float
    succeeded: int
    failed: int
    height: float
    failed_height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """A histogram of the items that cost something. Money is in USD."""

    bars: tuple[Bar, ...]
    least: float
    middle: float
    most: float
    items: int


def cost_chart(succeeded: Sequence[float], failed: Sequence[float]) -> Chart | None:
    """None when no item is known to have cost anything."""
    good, bad = ([each for each in costs if each > 0 and isfinite(each)] for costs in (succeeded, failed))
    every = [*good, *bad]
    if not every:
        return None
    least, most = min(every), max(every)
    step = _step((most - least) / _BARS) if most > least else most
    first = floor(least / step + 1e-9)
    count = max(ceil(most / step + 1e-9) - first, 1)
    counts = [[0, 0] for _ in range(count)]
    for kind, costs in enumerate((good, bad)):
        for each in costs:
            counts[min(max(floor(each / step + 1e-9) - first, 0), count - 1)][kind] += 1
    tallest = max(map(sum, counts))
    bars = tuple(
        Bar((first + n) * step, (first + n + 1) * step, good, bad, (good + bad) / tallest, bad / tallest)
        for n, (good, bad) in enumerate(counts)
    )
    return Chart(bars, least, median(every), most, len(every))


def _step(raw: float) -> float:
    """A round number that is at least this."""
    power: float = 10.0 ** floor(log10(raw))
    return next(each * power for each in _STEPS if each * power >= raw * (1 - 1e-9))
