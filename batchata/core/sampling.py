"""A random sample of the items that is sent first, and what its cost says about the cost of all."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist

from batchata.core.events import Settled

_ZERO = Decimal(0)

# The 97.5 % points of Student's t for 1 to 30 degrees of freedom; beyond them a series is right to 0.0002.
_STUDENT = (
    12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004, 2.262157, 2.228139,
    2.200985, 2.178813, 2.160369, 2.144787, 2.131450, 2.119905, 2.109816, 2.100922, 2.093024, 2.085963,
    2.079614, 2.073873, 2.068658, 2.063899, 2.059539, 2.055529, 2.051831, 2.048407, 2.045230, 2.042272,
)  # fmt: skip


@dataclass(slots=True)
class Sample:
    """The sampled items of a run and what each has cost so far, in USD, None where nobody can tell.

    It was drawn when the run had `drawn_from` items. `cached` counts those that were answered from the cache.
    Until it is `approved` a run that asks for a sample sends nothing else; `asked` says that somebody was asked for it.
    """

    costs: dict[int, Decimal | None]
    drawn_from: int
    cached: int = 0
    asked: bool = False
    approved: bool = False

    def measure(self, settled: Settled) -> None:
        """Takes in what items of the sample cost, each time that they were sent."""
        for index, _, cost in settled.endings:
            self._add(index, cost)
        for each in settled.again:
            self._add(each.item, each.cost)
        if settled.batch_id is None:
            self.cached += sum(index in self.costs and kind == "succeeded" for index, kind, _ in settled.endings)

    def _add(self, index: int, cost: Decimal | None) -> None:
        if index in self.costs:
            known = self.costs[index]
            self.costs[index] = None if known is None or cost is None else known + cost


@dataclass(frozen=True, slots=True)
class Forecast:
    """USD for the whole run: what it will cost, and the ends of the 95 % interval; None where that is not known."""

    cost: Decimal | None = None
    low: Decimal | None = None
    high: Decimal | None = None


def size_of_sample(wanted: float, total: int) -> int:
    """How many items are sampled: a share of them (a float), at least two, or that many (an int)."""
    if isinstance(wanted, int):
        return min(wanted, total)
    return min(max(math.ceil(wanted * total), 2), total)


def draw(run_id: str, wanted: float, population: Sequence[int], total: int) -> list[int]:
    """The sampled items, in their order: the same ones for the same run, however often it is begun."""
    chance = random.Random(f"{run_id} {total}")
    return sorted(chance.sample(population, size_of_sample(wanted, len(population))))


def forecast(costs: Sequence[Decimal | None], *, waiting: int, spent: Decimal) -> Forecast:
    """The cost of the run: `spent`, and `waiting` more items like the sampled ones, whose costs are given.

    With a simple random sample of n out of N items this is N times the mean, with Student's t and the correction for
    a finite population. Nothing is known when the cost of a sampled item is not, or when none of them was paid for:
    what was not measured cannot be forecast. A single item gives no interval.
    """
    known = [cost for cost in costs if cost is not None]
    if len(known) < len(costs) or not any(known):
        return Forecast()
    count = len(known)
    mean = sum(known, _ZERO) / count
    cost = spent + waiting * mean
    if not waiting:
        return Forecast(spent, spent, spent)
    if count == 1:
        return Forecast(cost)
    variance = sum(((each - mean) ** 2 for each in known), _ZERO) / (count - 1)
    error = (variance * (count + waiting) * waiting / count).sqrt()
    reach = Decimal(student(count - 1)) * error
    return Forecast(cost, max(cost - reach, spent), cost + reach)


def student(freedom: int) -> float:
    """The 97.5 % point of Student's t distribution."""
    if freedom <= len(_STUDENT):
        return _STUDENT[freedom - 1]
    z = NormalDist().inv_cdf(0.975)
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
