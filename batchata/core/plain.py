"""Objects of the SDK -> the plain JSON they stand for."""

from __future__ import annotations

from typing import Any


def plain(value: Any) -> Any:
    """The value itself, or what its `model_dump` gives: the SDK's objects are Pydantic models."""
    dump = getattr(value, "model_dump", None)
    return dump(mode="json") if callable(dump) else value
