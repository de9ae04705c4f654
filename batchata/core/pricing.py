"""What an answer cost, and the most a request can cost. All money is Decimal, in USD."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from batchata.core.plain import plain
from batchata.core.rates import Rates, rates_of
from batchata.errors import UnknownUsageError

_MILLION = Decimal(1_000_000)
_HALF, _WHOLE = Decimal("0.5"), Decimal(1)
US_GEO = Decimal("1.1")
_FULL_PRICE_TIERS = ("standard", "priority")
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Cost:
    """USD by class of token. `list_price` is what the same tokens cost outside a message batch, `uncached` what they
    cost in it without prompt caching.
    """

    input: Decimal = ZERO
    output: Decimal = ZERO
    cache_write: Decimal = ZERO
    cache_read: Decimal = ZERO
    searches: Decimal = ZERO
    list_price: Decimal = ZERO
    uncached: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        """What is on the bill, in USD."""
        return self.input + self.output + self.cache_write + self.cache_read + self.searches

    @property
    def saved(self) -> Decimal:
        """What the batch discount saved."""
        return self.list_price - self.total

    @property
    def saved_by_caching(self) -> Decimal:
        """What the prompt cache saved; below 0 it cost more than it saved."""
        return self.uncached - self.total

    def __add__(self, other: Cost) -> Cost:
        return Cost(**{each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)})


_COUNTS = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


def _are_counts(usage: Mapping[str, Any]) -> bool:
    """Whether everything that is counted is a number, where it is given."""
    parts = [usage.get("cache_creation") or {}, usage.get("server_tool_use") or {}]
    if not all(isinstance(each, Mapping) for each in parts):
        return False
    counts = [*(usage.get(name) for name in _COUNTS), *(each for part in parts for each in part.values())]
    return all(each is None or (isinstance(each, int) and each >= 0) for each in counts)


@dataclass(frozen=True, slots=True)
class Tokens:
    """The token classes of a `usage`, exclusive of each other. `searches` counts web searches."""

    input: int
    output: int
    write_5m: int
    write_1h: int
    read: int
    searches: int

    @property
    def prompt(self) -> int:
        """All tokens of the prompt, cached or not: what length tiers go by."""
        return self.input + self.write_5m + self.write_1h + self.read

    @classmethod
    def of(cls, usage: Mapping[str, Any]) -> Tokens:
        """Raises UnknownUsageError when the two counts that the API always gives are missing."""
        usage = plain(usage)
        if usage.get("input_tokens") is None or usage.get("output_tokens") is None:
            raise UnknownUsageError(f"the usage gives no input_tokens or output_tokens: {dict(usage)!r}")
        if not _are_counts(usage):
            raise UnknownUsageError(f"the usage holds counts that are none: {dict(usage)!r}")
        written = usage.get("cache_creation_input_tokens") or 0
        short = (usage.get("cache_creation") or {}).get("ephemeral_5m_input_tokens") or 0
        server = usage.get("server_tool_use") or {}
        return cls(
            input=usage["input_tokens"],
            output=usage["output_tokens"],
            write_5m=short,
            # what the API does not split by lifetime counts as the dearer kind
            write_1h=max(written - short, (usage.get("cache_creation") or {}).get("ephemeral_1h_input_tokens") or 0),
            read=usage.get("cache_read_input_tokens") or 0,
            searches=server.get("web_search_requests") or 0,
        )


def price(usage: Mapping[str, Any], model: str, *, rates: Rates | None = None, at: datetime | None = None) -> Cost:
    """The cost of one answer from its `usage` and the `model` that its message names.

    Half price for every class of token, unless `usage.service_tier` says that it was no batch; cache writes by
    their lifetime; the rate of the whole prompt's length for all its tokens; 1.1 times for inference in the US;
    web searches at full price. `rates` replaces the tables; `at` asks for the prices of that time (default: the
    newest ones).

    Raises UnknownPriceError when no table knows the model, UnknownUsageError for a usage without counts.
    Source: doc:about-claude/pricing.
    """
    usage = plain(usage)
    tokens = Tokens.of(usage)
    discount = _WHOLE if usage.get("service_tier") in _FULL_PRICE_TIERS else _HALF
    geo = US_GEO if usage.get("inference_geo") == "us" else _WHOLE
    return cost_of(tokens, (rates or rates_of(model, at)).for_prompt(tokens.prompt), discount, geo)


def cost_of(tokens: Tokens, rates: Rates, discount: Decimal = _HALF, geo: Decimal = _WHOLE) -> Cost:
    """The cost of these tokens at these rates; the discount and the place of inference do not touch searches."""
    scale = discount * geo / _MILLION
    searches = tokens.searches * rates.search
    cost = Cost(
        input=tokens.input * rates.input * scale,
        output=tokens.output * rates.output * scale,
        cache_write=(tokens.write_5m * rates.write_5m + tokens.write_1h * rates.write_1h) * scale,
        cache_read=tokens.read * rates.read * scale,
        searches=searches,
    )
    plain = tokens.prompt * rates.input * scale
    return replace(
        cost,
        list_price=(cost.total - searches) / discount + searches,
        uncached=plain + cost.output + searches,
    )
