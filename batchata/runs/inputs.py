"""What a description names: the files, the conversations, the prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from batchata.core.fingerprints import file_of
from batchata.core.items import Item
from batchata.errors import InputError
from batchata.io.jsonlines import RequestFile, read_conversations, read_prompts, read_requests
from batchata.io.listing import identity, list_files, read_text
from batchata.io.rows import read_rows
from batchata.job import DEFAULT_MODEL
from batchata.runs.spec import RunSpec


def prompt_of(spec: RunSpec) -> str | None:
    """Raises InputError for a file that cannot be read or holds nothing."""
    if spec.prompt_file is None:
        return spec.prompt
    prompt = read_text(spec.prompt_file).strip()
    if not prompt:
        raise InputError(f"`prompt_file` {spec.prompt_file} is empty")
    return prompt


def files_of(spec: RunSpec, known: Sequence[str]) -> list[str] | None:
    """The files in the order of the ledger, then new ones; None for a run over conversations. Raises InputError.

    A file of the ledger that is gone is still in the list: whether it is needed shows when it is to be sent.
    """
    if not spec.files and spec.files_from is None:
        return None
    if spec.prompts_file is not None:  # each file is in the ledger as often as there are prompts
        known = list(dict.fromkeys(map(file_of, known)))
    found = _listed(spec.files, may_be_none=bool(known)) if spec.files else _named_in(spec.files_from or "")
    old = set(map(identity, known))
    return [*known, *(path for path in found if identity(path) not in old)]


def _listed(patterns: Sequence[str], *, may_be_none: bool) -> list[str]:
    return [each.path for each in list_files(patterns, may_be_none=may_be_none)]


def _named_in(place: str) -> list[str]:
    lines = [line.strip() for line in read_text(place).split("\n")]
    if not any(lines):
        raise InputError(f"`files_from` {place} names no file")
    named: dict[str, str] = {}
    for path in (_unquoted(line, place) for line in lines if line):
        named.setdefault(identity(path), path)
    return list(named.values())


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
        raise InputError(f"`files_from` {place} has a line in quotes that is no JSON string: {line}") from error


def prompts_of(spec: RunSpec) -> Sequence[str] | Mapping[str, str] | None:
    """The prompts that each file goes with, if there are several. Raises InputError that names lines."""
    return None if spec.prompts_file is None else read_prompts(spec.prompts_file)


def requests_of(spec: RunSpec) -> RequestFile | None:
    """The API's own requests, if the run is over those. Raises InputError that names lines."""
    return None if spec.requests_file is None else read_requests(spec.requests_file)


def conversations_of(spec: RunSpec, requests: RequestFile | None) -> list[Sequence[Any] | Item] | None:
    """None for a run over files. Raises InputError that names lines."""
    if spec.messages_file is not None:
        return read_conversations(spec.messages_file)
    if requests is not None:
        return [*requests.items]
    if spec.rows_file is not None and spec.template is not None:
        return [*read_rows(spec.rows_file, spec.template, id_column=spec.id_column, delimiter=spec.delimiter)]
    return None


def model_of(spec: RunSpec, requests: RequestFile | None) -> str:
    """The model of the run: that of its requests, where they name one. Raises InputError when another was asked for."""
    named = None if requests is None else requests.model
    if named is None or spec.model == named:
        return spec.model
    if spec.model != DEFAULT_MODEL:
        raise InputError(
            f"the requests in {spec.requests_file} name the model {named}, and the run asks for {spec.model}; leave "
            "`model` out, or take it out of the requests (nothing was sent)"
        )
    return named
