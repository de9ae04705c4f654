"""Numbers and times that JSON has as text; None for a text that is no such value, or that no column can hold."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation


def decimal_of(text: str) -> Decimal | None:
    """Without NaN and the infinities, which a decimal column has not. A zero is a plain one: 0E+60 has 61 digits."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    if not found.is_finite():
        return None
    return found or Decimal(0)


def date_of(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def time_of(text: str) -> time | None:
    """Without a zone, which a time of day means nothing with."""
    try:
        found = time.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is None else None


def moment_of(text: str) -> datetime | None:
    """One with a zone is in UTC."""
    try:
        found = datetime.fromisoformat(text)
        return found if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
