"""The result lines of a batch, in any order -> one outcome per item, in the order of the input."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from typing import Any

from batchata.core.items import custom_id, item_key
from batchata.core.outcomes import Missing, Outcome
from batchata.core.parsing import decoded, parse

_BEGINS = re.compile(rb'\{"custom_id": ?"([A-Za-z0-9_-]{1,64})"')

logger = logging.getLogger("batchata")


def collect(
    lines: Iterable[bytes],
    *,
    sources: Sequence[str | None],
    run_id: str | None = None,
    response_model: Any = None,
    citations: bool = False,
    missing: str = "no line of the results is about this item",
) -> list[Outcome[Any]]:
    """One outcome for each of the `sources`; `missing` is the reason of gaps.

    `run_id` None takes any lines: those whose `custom_id` is not one of ours in the order of their arrival.
    """
    outcomes: list[Outcome[Any] | None] = [None] * len(sources)
    for line in lines:
        entry = _entry(line)
        index = _index_of(entry, run_id)
        if index is None and run_id is None and entry:
            index = next((free for free, outcome in enumerate(outcomes) if outcome is None), None)
        if index is None or index >= len(outcomes) or outcomes[index] is not None:
            logger.warning("a result line is about no item of this batch, or the second one about it: %r", line[:120])
            continue
        outcomes[index] = parse(entry, response_model, citations, sources=(sources[index],))
    return [each or Missing(custom_id=custom_id(run_id or "unknown", index), problem=missing)
            for index, each in enumerate(outcomes)]  # fmt: skip


def custom_id_of(line: bytes) -> str | None:
    """Which item a result line is about; None when the line cannot be read.

    As the API writes them, lines begin with it and close two objects, which is seen without reading the rest.
    """
    match = _BEGINS.match(line)
    if match is not None and line.rstrip().endswith(b"}}"):
        return match[1].decode()
    name = _entry(line).get("custom_id")
    return name if isinstance(name, str) else None


def _entry(line: bytes) -> dict[str, Any]:
    entry = decoded(line)
    return entry if isinstance(entry, dict) else {}


def _index_of(entry: dict[str, Any], run_id: str | None) -> int | None:
    key = item_key(str(entry.get("custom_id")))
    return key.index if key is not None and key.run_id == (run_id or key.run_id) else None
