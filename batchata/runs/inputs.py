"""What a description names: the files, the conversations, the prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from batchata.errors import InputError, Problem
from batchata.io.listing import identity, list_files, read_text
from batchata.runs.spec import RunSpec


def prompt_of(spec: RunSpec) -> str | None:
    """Raises InputError for a file that cannot be read or holds nothing."""
    if spec.prompt_file is None:
        return spec.prompt
    prompt = read_text(spec.prompt_file).strip()
    if not prompt:
        raise InputError(f"prompt_file {spec.prompt_file} is empty")
    return prompt


def files_of(spec: RunSpec, known: Sequence[str]) -> list[str] | None:
    """The files in the order of the ledger, then new ones; None for a run over conversations. Raises InputError.

    A file of the ledger that is gone is still in the list: whether it is needed shows when it is to be sent.
    """
    if spec.messages_file is not None:
        return None
    found = _listed(spec.files, may_be_none=bool(known)) if spec.files else _named_in(spec.files_from or "")
    old = set(map(identity, known))
    return [*known, *(path for path in found if identity(path) not in old)]


def _listed(patterns: Sequence[str], *, may_be_none: bool) -> list[str]:
    return [each.path for each in list_files(patterns, may_be_none=may_be_none)]


def _named_in(place: str) -> list[str]:
    lines = [line.strip() for line in read_text(place).split("\n")]
    if not any(lines):
        raise InputError(f"files_from {place} names no file")
    return list(dict.fromkeys(_unquoted(line, place) for line in lines if line))


def line_of(path: str) -> str:
    """A path as a line of a list. One that would not come back as it was is written as a JSON string."""
    is_plain = path.isprintable() and path == path.strip() and not path.startswith('"')
    return path if is_plain else orjson.dumps(path).decode()


def _unquoted(line: str, place: str) -> str:
    if not (len(line) > 1 and line[0] == line[-1] == '"'):
        return line
    try:
        return str(orjson.loads(line))
    except orjson.JSONDecodeError as error:
        raise InputError(f"files_from {place} has a line in quotes that is no JSON string: {line}") from error


def conversations_of(spec: RunSpec) -> list[Sequence[Any]] | None:
    """One conversation a line: a list of messages, or an object with `messages`. Raises InputError that names lines."""
    if spec.messages_file is None:
        return None
    lines = read_text(spec.messages_file).split("\n")
    found, problems = [], []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            found.append(_conversation(line))
        except ValueError as error:
            problems.append(Problem(f"line {number} of {spec.messages_file}", str(error)))
    if problems:
        raise InputError.of_items(problems, len(found) + len(problems))
    if not found:
        raise InputError(f"messages_file {spec.messages_file} holds no conversation")
    return found


def _conversation(line: str) -> Sequence[Any]:
    try:
        given = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"it is no JSON: {error}") from error
    messages = given.get("messages") if isinstance(given, dict) else given
    if not isinstance(messages, list) or not messages:
        raise ValueError('a conversation is a list of messages, such as [{"role": "user", "content": "..."}]')
    return messages
