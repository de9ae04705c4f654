"""What a ledger remembers: one event a line, in the order in which things happened."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from batchata.core.outcomes import Kind
from batchata.core.prefixes import Ttl

FORMAT = 1
"""The version of the lines; a reader refuses a later one."""


class Sent(NamedTuple):
    """An item of a job, by its index in the input. `attempt` counts from 1; `fingerprint` identifies its request."""

    item: int
    attempt: int
    max_tokens: int | None
    fingerprint: str


class Ending(NamedTuple):
    """How an item ended. `cost` is in USD, None where nobody can tell."""

    item: int
    kind: Kind
    cost: Decimal | None


class Again(NamedTuple):
    """An item that is sent again, with other `max_tokens` than before unless None."""

    item: int
    kind: Kind
    cost: Decimal | None
    max_tokens: int | None


class UploadedFile(NamedTuple):
    """A document that lies with the Files API; `digest` tells what it holds, `prefixes` are the shared beginnings that
    it is part of: the prompt cache knows these by this id.
    """

    file_id: str
    digest: str
    prefixes: tuple[str, ...] = ()


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    at: datetime


class RunStarted(_Line):
    """The first line. `settings` are fingerprints by name: with others the ledger is not gone on with."""

    event: Literal["run"] = "run"
    format: int = FORMAT
    run_id: str
    version: str
    model: str
    settings: Mapping[str, str]


class ItemsAdded(_Line):
    """The names of items in the order of the input, from number `first` on."""

    event: Literal["items"] = "items"
    first: int
    names: list[str]


class Opened(_Line):
    """Somebody works on the run from here on; who holds the lock can be read here. Without `sends` it only collects.

    `path` is where the ledger lay: one that lies elsewhere by now was moved, or copied.
    """

    event: Literal["opened"] = "opened"
    pid: int
    host: str
    max_cost: Decimal | None = None
    sends: bool = True
    path: str | None = None


class Intent(_Line):
    """A message batch is about to be created. `bound` is the most it can cost, None in a run without a limit.

    `claims` is where whoever sends it must claim it first, None when only the writer of the ledger can. `prefixes` are
    the shared beginnings that are marked for the prompt cache, each with its lifetime; a job that goes `ahead` has one
    item for each of them, in the same order, and others wait for it.
    """

    event: Literal["intent"] = "intent"
    job: int
    items: list[Sent]
    total: int
    bound: Decimal | None = None
    claims: str | None = None
    prefixes: dict[str, Ttl] = {}
    ahead: bool = False


class Submitted(_Line):
    """The message batch exists."""

    event: Literal["submitted"] = "submitted"
    job: int
    batch_id: str


class Unsent(_Line):
    """It is certain that no message batch was created; the items wait again."""

    event: Literal["unsent"] = "unsent"
    job: int
    reason: str


class Ended(_Line):
    """The API has processed the batch; its results can be read until 29 days after it was created."""

    event: Literal["ended"] = "ended"
    job: int
    batch_id: str


class Settled(_Line):
    """The results of a job are on disk and its cost is known.

    Without `batch_id` the items needed no batch: `cached` of them were answered before. `endings` are final,
    `again` are sent again, `pending` were not at fault and wait as before. `cost` is what
    the job added to the bill, `held` what it may have added on top where an item's cost is unknown, `saved` what
    answers from the cache cost when they were paid for, `discount` what the batch discount saved (None in ledgers
    of versions before 0.6, which did not write it down). `prompt_read` and `prompt_written` are tokens of the prompt
    cache, `prompt_saved` what it saved in USD against plain input (below 0 it cost), None in ledgers from before it.
    """

    event: Literal["settled"] = "settled"
    job: int
    batch_id: str | None = None
    cached: int = 0
    endings: list[Ending] = []
    again: list[Again] = []
    pending: list[int] = []
    cost: Decimal = Decimal(0)
    held: Decimal = Decimal(0)
    saved: Decimal = Decimal(0)
    discount: Decimal | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    prompt_read: int = 0
    prompt_written: int = 0
    prompt_saved: Decimal | None = None


class Decided(_Line):
    """What was decided about the run as a whole: a new limit, a stop, failed items to be sent again, a sample.

    `max_tokens` are those that an item asks for from now on. A run that was `halted` sends nothing more until
    somebody runs it again, and one of which what waits was "left" to another run never does: only failed items may be
    sent again. After "sample" only its items are sent, until "approved";
    with "asked" somebody was asked for that.
    """

    event: Literal["decision"] = "decision"
    what: Literal["limit_reached", "limit", "stop", "halted", "left", "retry", "cancel", "sample", "asked", "approved"]
    limit: Decimal | None = None
    items: list[int] = []
    max_tokens: dict[int, int] = {}
    reason: str = ""


class Uploaded(_Line):
    """The documents that the requests of a job name lie with the Files API, some since an earlier job."""

    event: Literal["uploaded"] = "uploaded"
    job: int
    files: list[UploadedFile]


class Deleted(_Line):
    """Uploaded documents that no job needs any more are gone."""

    event: Literal["deleted"] = "deleted"
    files: list[str]


Event = RunStarted | ItemsAdded | Opened | Intent | Submitted | Unsent | Ended | Settled | Decided | Uploaded | Deleted

_ADAPTER: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="event")])


def encoded(event: Event) -> bytes:
    """The event as a line."""
    return _ADAPTER.dump_json(event, exclude_defaults=False) + b"\n"


def decoded_event(line: bytes) -> Event:
    """The event of a line. Raises ValueError when it is none."""
    try:
        return _ADAPTER.validate_json(line)
    except ValidationError as error:
        raise ValueError(f"it is no event of a ledger: {line[:120]!r}") from error
