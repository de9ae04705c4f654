"""Amounts of money as a person reads them; where they are reckoned with, they stay exact."""

from __future__ import annotations

from decimal import Decimal

_CENTS = -2
_DIGITS = 3


def rounded_usd(amount: Decimal) -> str:
    """With cents, or with three digits that say something where it is less than a dollar; no more than it needs.

    What is not nothing is never shown as nothing.
    """
    if not amount or abs(amount) >= 1:
        return _shown(amount, _CENTS)
    return _shown(amount, min(amount.adjusted() + 1 - _DIGITS, _CENTS))


def usd(amount: Decimal) -> str:
    """What somebody typed, a limit for instance: with two decimals, or all those it has."""
    return _shown(amount, min(_exponent(amount), _CENTS))


def spent_of(spent: Decimal, limit: Decimal) -> str:
    """`$1.23 of $5.00`; what has not passed the limit is not rounded so that it seems to have."""
    exponent = _CENTS if spent >= 1 else min(spent.adjusted() + 1 - _DIGITS, _CENTS)
    has_passed = spent <= limit < spent.quantize(Decimal(1).scaleb(exponent))
    return f"{usd(spent) if has_passed else rounded_usd(spent)} of {usd(limit)}"


def _shown(amount: Decimal, exponent: int) -> str:
    rounded = amount.quantize(Decimal(1).scaleb(exponent))
    needed = rounded.quantize(Decimal(1).scaleb(min(_exponent(rounded), _CENTS)))
    return f"{'-' if needed < 0 else ''}${abs(needed):,f}"


def _exponent(amount: Decimal) -> int:
    found = amount.normalize().as_tuple().exponent
    return found if isinstance(found, int) else 0
