"""What tells one run, one item and one request from another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import orjson

from batchata.core.items import Document, Item
from batchata.core.plain import plain
from batchata.core.schema import json_schema
from batchata.core.spelling import is_own
from batchata.errors import InputError

_SHOWN = 3
_READABLE = ("model", "enable_citations", "max_tokens", "api")


def settings_of(
    *,
    model: str,
    prompt: str | None,
    response_model: Any,
    citations: bool,
    max_tokens: int | None,
    params: Mapping[str, Any],
    api: str,
) -> dict[str, str]:
    """What all requests of a run have in common: short values as they are, long ones as a hash."""
    return {
        "model": model,
        "prompt": "none" if prompt is None else _hash(prompt),
        "response_model": model_fingerprint(response_model),
        "enable_citations": str(citations),
        "max_tokens": str(max_tokens),
        "parameters": _hash(dict(sorted(params.items()))) if params else "none",
        "api": api,
    }


def model_fingerprint(response_model: Any) -> str:
    """Two response models with the same one have the same name and the same JSON Schema."""
    named = getattr(response_model, "__name__", str(response_model))
    return "none" if response_model is None else f"{named} {_hash(json_schema(response_model))}"


def namespace_of(settings: Mapping[str, str]) -> str:
    """One name for all runs with these settings."""
    return _hash(dict(settings))


def differing_settings(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """What differs, each as half a sentence."""
    names = [name for name in new if old.get(name) != new[name]]
    return [_difference(name, old.get(name, "not known"), new[name]) for name in names]


def _difference(name: str, was: str, now: str) -> str:
    """A hash tells that something is another one, and nothing else."""
    called = f"`{name}`" if is_own(name) else name
    return f"{called} was {was} and is now {now}" if name in _READABLE else f"{called} is another one"


def differing_names(old: Sequence[str], new: Sequence[str]) -> list[str]:
    """What differs in the items that both have; more new ones are no difference."""
    if len(new) < len(old):
        return [f"there were {len(old):,} items and are now {len(new):,}"]
    changed = [index for index, (was, now) in enumerate(zip(old, new, strict=False)) if was != now]
    shown = [f"item {index} was {old[index]} and is now {new[index]}" for index in changed[:_SHOWN]]
    more = len(changed) - len(shown)
    return [*shown, *([f"{more:,} more items differ"] if more > 0 else [])]


def name_of(item: Any) -> str:
    """A file's path as it was given, a hash of what has none, and of what is asked for one item only."""
    if isinstance(item, Item):
        return _item_name(item)
    if isinstance(item, str) or hasattr(item, "__fspath__"):
        return str(item)
    if isinstance(item, Document):
        return f"{item.source or 'document'} {_hash(item.block)}"
    if isinstance(item, bytes | bytearray | memoryview):
        return f"{len(item)} bytes {blake2b(item, digest_size=8).hexdigest()}"
    return f"messages {_hash(item)}"


_OWN = " + "
_OWN_HASH = re.compile(r" \+ [0-9a-f]{16}")


def _item_name(item: Item) -> str:
    own = [item.source, item.label, item.prompt, dict(item.params)]
    name = name_of(item.content)
    if not any(own):
        return name
    if isinstance(item.content, str) or hasattr(item.content, "__fspath__"):
        return f"{name}{_OWN}{_hash(own)}"
    return f"{item.source or 'item'} {_hash([name, *own])}"


def file_of(name: str) -> str:
    """The path in the name of a file, whether or not something is asked for it only."""
    found = _OWN_HASH.fullmatch(name, max(len(name) - len(_OWN) - 16, 0))
    return name[: found.start()] if found else name


def request_fingerprint(encoded_params: bytes) -> str:
    """Two requests with the same one ask the same: model, parameters, schema, every byte of every document."""
    return blake2b(encoded_params, digest_size=16).hexdigest()


def digest_of(fingerprint: str) -> bytes:
    """A fingerprint as the bytes that it stands for. Raises InputError for what is none."""
    try:
        digest = bytes.fromhex(fingerprint)
    except ValueError:
        digest = b""
    if not digest or digest.hex() != fingerprint:
        raise InputError(f"{fingerprint!r} is no key of a stored answer: a hash in lower-case hexadecimal is needed")
    return digest


def job_key(run_id: str, items: Iterable[tuple[int, int, int | None, str]]) -> str:
    """One job of one run: another attempt at the same items is another job."""
    return f"{run_id}-{_hash([list(each) for each in items])}"


def _hash(value: Any) -> str:
    try:
        encoded = orjson.dumps(value, default=_as_json, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        encoded = repr(value).encode(errors="backslashreplace")
    return blake2b(encoded, digest_size=8).hexdigest()


def _as_json(value: Any) -> Any:
    """What is no JSON will be refused when it is sent; until then it only has to be told from others."""
    found = plain(value)
    return repr(value) if found is value else found
