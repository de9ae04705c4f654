"""Amounts of money as a person reads them."""

from __future__ import annotations

from decimal import Decimal

_FOUR, _TWO = Decimal("0.0001"), Decimal("0.01")


def rounded_usd(amount: Decimal) -> str:
    """With four decimals, unless that would make nothing of something."""
    rounded = amount.quantize(_FOUR)
    return f"${rounded:,f}" if rounded or not amount else usd(amount)


def usd(amount: Decimal) -> str:
    """With two decimals, or all those it has."""
    rounded = amount.quantize(_TWO)
    return f"${rounded if rounded == amount else amount.normalize():,f}"


def short_usd(amount: Decimal) -> str:
    """With two decimals, or with three digits that say something where it is less than a dollar."""
    if not amount or abs(amount) >= 1:
        return f"${amount.quantize(_TWO):,f}"
    return f"${amount.quantize(Decimal(1).scaleb(amount.adjusted() - 2)):f}"
