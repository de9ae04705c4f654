"""What is known of some items -> what is expected of the others: a mean, a ratio, or a regression on what is seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt
from typing import Literal

from batchata.core.sampling import student

Method = Literal["mean", "ratio", "regression"]

_FEWEST_DIFFERENT = 3
_FEWEST_A_COLUMN = 5
"""Known items for each column of a regression: with fewer it seems better than it is."""

_DEPENDENT = 1e-9
_ALONE = 1e-6
"""An item whose own value decides what is expected of it tells nothing of how far off that is."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What is seen of an item beforehand. `size` is about proportional to what is looked for and above 0; `parts` are
    the numbers that it is made of.
    """

    size: float
    parts: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Fit:
    """Expects a linear function of an item's traits. `fitted` is what it expects of the items it was made of, `alone`
    what it would expect of each of them had that one not been known; `size` is their mean size.
    """

    method: Method
    columns: tuple[int, ...]
    weights: tuple[float, ...]
    fitted: tuple[float, ...]
    alone: tuple[float, ...]
    size: float

    @property
    def freedom(self) -> int:
        return max(len(self.fitted) - len(self.columns), 1)

    def expected(self, traits: Traits) -> float:
        row = _row(self.method, traits)
        return sum(row[column] * weight for column, weight in zip(self.columns, self.weights, strict=True))

    def stretch(self, others: Sequence[Traits]) -> float:
        """How much farther off it may be for items that are larger than those it was made of (Royall, 1970)."""
        if self.method == "mean" or not others:
            return 1.0
        return max(sum(each.size for each in others) / len(others) / self.size, 1.0)

    def squared_error(self, known: Sequence[float]) -> float:
        """The sum over the items it was made of, each expected without itself."""
        return sum((value - alone) ** 2 for value, alone in zip(known, self.alone, strict=True))


def fit(traits: Sequence[Traits], known: Sequence[float]) -> Fit | None:
    """The one of the three that is least far off for items it does not know; None when nothing is known."""
    methods: tuple[Method, ...] = ("ratio", "mean", "regression")
    fits = [found for each in methods if (found := _fit(each, traits, known)) is not None]
    return min(fits, key=lambda each: each.squared_error(known), default=None)


def _row(method: Method, traits: Traits) -> tuple[float, ...]:
    match method:
        case "mean":
            return (1.0,)
        case "ratio":
            return (traits.size,)
        case "regression":
            return (traits.size, 1.0, *traits.parts)


def _fit(method: Method, traits: Sequence[Traits], known: Sequence[float]) -> Fit | None:
    """Least squares, weighted for errors that grow with the size, as those of documents of any length do."""
    scales = [1.0 if method == "mean" else 1 / sqrt(each.size) for each in traits]
    rows = [_row(method, each) for each in traits]
    basis = _basis(rows, scales) if rows else []
    if not basis or (method == "regression" and len(known) < len(basis) * _FEWEST_A_COLUMN):
        return None
    scaled = [value * scale for value, scale in zip(known, scales, strict=True)]
    along = [_dot(direction.values, scaled) for direction in basis]
    weights = _solved(basis, along)
    fitted = [
        sum(part * direction.values[at] for part, direction in zip(along, basis, strict=True)) / scales[at]
        for at in range(len(known))
    ]
    alone = [
        _without_itself(value, expected, 1 - sum(direction.values[at] ** 2 for direction in basis))
        for at, (value, expected) in enumerate(zip(known, fitted, strict=True))
    ]
    columns, size = tuple(each.column for each in basis), sum(each.size for each in traits) / len(traits)
    return Fit(method, columns, tuple(weights), tuple(fitted), tuple(alone), size)


@dataclass(frozen=True, slots=True)
class _Direction:
    """One column without what the columns before it say; `shares` is how much of each of them it held."""

    column: int
    values: list[float]
    length: float
    shares: list[float]


def _basis(rows: Sequence[tuple[float, ...]], scales: Sequence[float]) -> list[_Direction]:
    """Columns that say something of their own: nearly all alike, or made of the others, they would only mislead."""
    basis: list[_Direction] = []
    for column in range(len(rows[0])):
        raw = [row[column] for row in rows]
        if column > 1 and sum(value != raw[0] for value in raw) < _FEWEST_DIFFERENT:
            continue
        values = [value * scale for value, scale in zip(raw, scales, strict=True)]
        whole, shares = _dot(values, values), []
        for each in basis:
            share = _dot(each.values, values)
            values = [value - share * other for value, other in zip(values, each.values, strict=True)]
            shares.append(share)
        left = _dot(values, values)
        if left > _DEPENDENT * whole:
            length = sqrt(left)
            basis.append(_Direction(column, [value / length for value in values], length, shares))
    return basis


def _solved(basis: Sequence[_Direction], along: Sequence[float]) -> list[float]:
    weights = [0.0] * len(basis)
    for at in reversed(range(len(basis))):
        later = sum(basis[after].shares[at] * weights[after] for after in range(at + 1, len(basis)))
        weights[at] = (along[at] - later) / basis[at].length
    return weights


def _dot(first: Sequence[float], second: Sequence[float]) -> float:
    return sum(one * other for one, other in zip(first, second, strict=True))


def _without_itself(value: float, fitted: float, freedom: float) -> float:
    return -inf if freedom < _ALONE else value - (value - fitted) / freedom


@dataclass(frozen=True, slots=True)
class Total:
    """A sum and how far off it may be, in 19 of 20 cases; None where nobody can tell."""

    value: float
    reach: float | None


@dataclass(frozen=True, slots=True)
class Known:
    """The values of a simple random sample; `fitted` and `alone` are what was expected of them, as in `Fit`."""

    values: Sequence[float]
    fitted: Sequence[float]
    alone: Sequence[float]
    freedom: int
    stretch: float = 1.0


def total_of(known: Known, others: Sequence[float]) -> Total:
    """The sum over `others`, of which only what is expected of each is given. Student's t, for items that are not in
    the sample.
    """
    count, left = len(known.values), len(others)
    if not left:
        return Total(0.0, 0.0)
    drift = sum(value - expected for value, expected in zip(known.values, known.fitted, strict=True)) / count
    value = sum(others) + left * drift
    if count < 2:
        return Total(value, None)
    variance = sum((value - alone) ** 2 for value, alone in zip(known.values, known.alone, strict=True)) / count
    reach = student(known.freedom) * sqrt(variance * left * (count + left) / count)
    return Total(value, reach * known.stretch)


def widened(total: Total, values: Sequence[float], population: int) -> Total:
    """The sum over a population of which `values` are a simple random sample, whose own sum is only estimated."""
    count = len(values)
    if population <= count or not count:
        return total
    scale = population / count
    if count < 2 or total.reach is None:
        return Total(total.value * scale, None)
    mean = sum(values) / count
    variance = sum((value - mean) ** 2 for value in values) / (count - 1)
    drawn = student(count - 1) * sqrt(variance * population * (population - count) / count)
    return Total(total.value * scale, sqrt((total.reach * scale) ** 2 + drawn**2))
