"""What a run is called, and what is called after it."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from hashlib import blake2b
from typing import Any

from batchata.errors import InputError

MOST_CHARACTERS = 80

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]+")


def checked_name(name: Any) -> str | None:
    """Raises InputError for what cannot be the name of a run."""
    if name is None:
        return None
    if not isinstance(name, str) or not name.strip():
        raise InputError(f"`name` is what the run is called in Prefect, such as 'invoices', not {name!r}")
    if len(name) > MOST_CHARACTERS or _UNPRINTABLE.search(name):
        raise InputError(f"`name` has {len(name)} characters; it must be one line of at most {MOST_CHARACTERS}")
    return name.strip()


def default_name(first_file: str | None, state_stem: str | None) -> str:
    """The folder of the first file, else the stem of the ledger's name, else what the items are."""
    parts = [part for part in re.split(r"[/\\]+", first_file or "") if part not in ("", ".", "..")]
    folder = parts[-2] if len(parts) > 1 else ""
    found = folder or state_stem or ("conversations" if first_file is None else "documents")
    return _UNPRINTABLE.sub(" ", found)[:MOST_CHARACTERS].strip() or "documents"


def run_title(name: str, day: date, items: int) -> str:
    """The name of a flow run."""
    return f"{name} {day:%Y-%m-%d} · {items:,} item{'' if items == 1 else 's'}"


def artifact_key(name: str, what: str) -> str:
    """Runs of one name form a history, runs of two names do not mix."""
    return f"{slug(name)}-{what}"


def slug(name: str) -> str:
    """The name in lower case, digits and dashes."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    found = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return found or f"run-{blake2b(name.encode(errors='replace'), digest_size=4).hexdigest()}"
