"""Prices per token class: from genai-prices, then from tokencost, never guessed from a similar name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from batchata.errors import UnknownPriceError

_MILLION = Decimal(1_000_000)
_WRITE_5M, _WRITE_1H, _READ = Decimal("1.25"), Decimal(2), Decimal("0.1")
_SEARCH = Decimal("0.01")
_NEWEST = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True, init=False)
class Rates:
    """USD per million tokens outside a message batch, and USD per web search.

    Only `input` and `output` must be given; the others follow from `input` by the factors of the price list
    (write 1.25 and 2 times, read 0.1 times). `tiers` are dearer rates for prompts of more tokens than the number
    beside them; they hold for every token of such a request. Source: doc:about-claude/pricing.
    """

    input: Decimal
    output: Decimal
    write_5m: Decimal
    write_1h: Decimal
    read: Decimal
    search: Decimal
    tiers: tuple[tuple[int, Rates], ...]

    def __init__(
        self,
        input: Decimal | float | str,  # noqa: A002 - the API's own word
        output: Decimal | float | str,
        write_5m: Decimal | float | str | None = None,
        write_1h: Decimal | float | str | None = None,
        read: Decimal | float | str | None = None,
        search: Decimal | float | str = _SEARCH,
        tiers: tuple[tuple[int, Rates], ...] = (),
    ) -> None:
        base = _decimal(input)
        given = {
            "input": base,
            "output": _decimal(output),
            "write_5m": base * _WRITE_5M if write_5m is None else _decimal(write_5m),
            "write_1h": base * _WRITE_1H if write_1h is None else _decimal(write_1h),
            "read": base * _READ if read is None else _decimal(read),
            "search": _decimal(search),
            "tiers": tuple(sorted(tiers, key=lambda tier: tier[0])),
        }
        for name, value in given.items():
            object.__setattr__(self, name, value)

    def for_prompt(self, tokens: int) -> Rates:
        """The rates for a prompt of this length."""
        rates = self
        for above, dearer in self.tiers:
            if tokens > above:
                rates = dearer
        return rates


def rates_of(model: str, at: datetime | None = None) -> Rates:
    """The rates of a model, at a time or newest. Raises UnknownPriceError when no table knows it."""
    found = _genai_rates(model, at) or _tokencost_rates(model)
    if found is None:
        raise UnknownPriceError(model)
    return found


@lru_cache(maxsize=256)
def _genai_rates(model: str, at: datetime | None) -> Rates | None:
    from genai_prices.data import providers

    provider = next(each for each in providers if each.id == "anthropic")
    found = provider.find_model(model)
    if found is None or not _is_name_of(found.id, model):
        return None
    prices = found.get_prices(at or _NEWEST)
    if prices.input_mtok is None or prices.output_mtok is None:
        return None
    starts = {tier.start for each in vars(prices).values() for tier in getattr(each, "tiers", ())}
    tiers = tuple((start, _rates_above(prices, start)) for start in sorted(starts))
    base = _rates_above(prices, 0)
    return Rates(base.input, base.output, base.write_5m, base.write_1h, base.read, base.search, tiers)


def _is_name_of(known: str, model: str) -> bool:
    """The table matches by beginnings, so that claude-opus-4-10 would be priced as claude-opus-4-1."""
    root = re.escape(known.removesuffix("-latest").removesuffix("-0"))
    return re.fullmatch(rf"{root}(?:-0)?(?:[-@]\d{{8}}|-latest)?", model) is not None


def _rates_above(prices: Any, start: int) -> Rates:
    def rate(name: str) -> Decimal | None:
        value = getattr(prices, name)
        for tier in reversed(getattr(value, "tiers", ())):
            if tier.start <= start:
                return Decimal(tier.price)
        base = getattr(value, "base", value)
        return None if base is None else Decimal(base)

    searches = rate("web_searches_kcount")
    return Rates(
        input=rate("input_mtok") or 0,
        output=rate("output_mtok") or 0,
        write_5m=rate("cache_write_mtok"),
        write_1h=rate("cache_write_1h_mtok"),
        read=rate("cache_read_mtok"),
        search=_SEARCH if searches is None else searches / 1000,
    )


def _tokencost_rates(model: str) -> Rates | None:
    """Its table can be added to by its user, so it is read anew each time."""
    from tokencost import TOKEN_COSTS

    row = TOKEN_COSTS.get(model) or {}
    if row.get("input_cost_per_token") is None or row.get("output_cost_per_token") is None:
        return None
    write, read = row.get("cache_creation_input_token_cost"), row.get("cache_read_input_token_cost")
    return Rates(
        input=_decimal(row["input_cost_per_token"]) * _MILLION,
        output=_decimal(row["output_cost_per_token"]) * _MILLION,
        write_5m=None if write is None else _decimal(write) * _MILLION,
        read=None if read is None else _decimal(read) * _MILLION,
    )


def _decimal(value: Decimal | float | str) -> Decimal:
    """A float stands for the digits it prints, not for its binary value."""
    return value if isinstance(value, Decimal) else Decimal(str(value))
