"""Flow runs whose names say what they do."""

from __future__ import annotations

import logging
import re
from contextlib import closing
from functools import cache
from typing import Any
from uuid import UUID

from httpx import HTTPError
from prefect.exceptions import ObjectNotFound

from batchata.orchestration.server import Line, own_flow_run_id

logger = logging.getLogger("batchata")

_OF_THE_FORM = re.compile(r"[A-Z][a-z]+-[A-Z][A-Za-z' -]+")


_given: dict[UUID, str] = {}
"""What flow runs of this process were called here: such a name may be replaced by the next one."""


def name_flow_run(text: str) -> None:
    """Gives the flow run that we are in another name, such as `run_title(name, day, items)`, unless somebody typed one.

    Outside of a flow run it does nothing. When the server is away the old name stays and a line in the log says so.
    """
    run_id = own_flow_run_id()
    if run_id is None:
        return
    try:
        with closing(Line()) as line:
            now = line.call(lambda client: client.read_flow_run(run_id)).name
            if now == _given.get(run_id) or is_made_up(now):
                line.call(lambda client: client.update_flow_run(run_id, name=text))
                _given[run_id] = text
    except (HTTPError, ObjectNotFound) as error:
        logger.warning("the flow run could not be named %r: %s", text, error)


def is_made_up(name: str) -> bool:
    """Whether Prefect made this name up, of an adjective and an animal: the server of words of the library coolname,
    the form in the UI of a list of its own, which begins both with a capital (`Rustic-Onager`, `Mild-Sea Snake`).
    """
    if _OF_THE_FORM.fullmatch(name):
        return True
    words = name.split("-")
    return len(words) == 2 and words[0] in _words("adj_any") and words[1] in _words("subj")


@cache
def _words(kind: str) -> frozenset[str]:
    from coolname.data import config

    lists: dict[str, Any] = dict(config)
    found = lists[kind]
    return frozenset(found["words"]) if "words" in found else frozenset().union(*map(_words, found["lists"]))
