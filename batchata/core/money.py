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
