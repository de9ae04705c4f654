"""How many there are of something."""

from __future__ import annotations


def number_of(count: int, one: str, many: str = "") -> str:
    """`1 item`, `2 items`, `1,200 items`; `many` where an s makes no plural of `one`."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
