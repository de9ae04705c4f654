"""Functions of rooms that may not be there yet."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from batchata.errors import BatchataError


def function_of(room: str, name: str) -> Any:
    """Raises BatchataError where this version does not have it."""
    try:
        return getattr(import_module(room), name)
    except ModuleNotFoundError as error:
        if error.name != room:
            raise
        raise BatchataError(f"this version of batchata cannot do that yet ({room} is not there)") from error
