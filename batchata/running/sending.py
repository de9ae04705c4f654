"""The items of a job -> the body of the call that creates its message batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing

from batchata.core.encoding import EncodedBatch
from batchata.core.events import Sent
from batchata.core.fingerprints import request_fingerprint
from batchata.core.items import custom_id
from batchata.core.models import SAMPLING_API_VERSION
from batchata.core.prefixes import Marks, marked
from batchata.core.steps import Candidate, Send
from batchata.errors import InputError, StorageError
from batchata.running.assignment import Content, RunContext
from batchata.running.measuring import encoded_params, named_body, request_body
from batchata.running.uploads import document_of


def batch_of(run: RunContext, items: Sequence[Sent], bodies: Sequence[bytes]) -> EncodedBatch:
    """The requests of a job as one body."""
    first = items[0]
    sampling = run.assignment.samples([each.item for each in items])
    return EncodedBatch(
        body=b'{"requests":[' + b",".join(bodies) + b"]}",
        total=len(items),
        first_custom_id=custom_id(run.run_id, first.item, first.attempt),
        api_version=SAMPLING_API_VERSION if sampling else None,
    )


def made_again(run: RunContext, step: Send) -> EncodedBatch:
    """The same body as when the job was formed. Raises InputError when that is not possible any more."""
    with closing(run.requests.contents([each.item for each in step.items])) as contents:
        pairs = zip(step.items, contents, strict=True)
        bodies = [_body(run, step.job, item, content, step.marks.get(item.item)) for item, content in pairs]
    return batch_of(run, step.items, bodies)


def _body(run: RunContext, job: int, item: Sent, content: Callable[[], Content], marks: Marks | None) -> bytes:
    uploads = run.uploads if run.assignment.upload else None
    try:
        read = content()
        params = run.requests.params_of(read, item.max_tokens)
        encoded = encoded_params(params, most=run.assignment.most_bytes)
    except StorageError:
        raise  # the item may be as it was
    except InputError as error:
        raise InputError(
            f"{_name(run, item)} was fine when job {job} was formed, but now: {error}. {_AGAIN}"
        ) from error
    if request_fingerprint(encoded) != item.fingerprint:
        raise InputError(f"{_name(run, item)} changed after job {job} was formed. {_AGAIN}")
    if uploads is not None and document_of(read) is not None:
        return named_body(
            run,
            Candidate(item.item, item.attempt, item.max_tokens, marks),
            uploads.named(read, marks.content if marks else ""),
        )
    if marks is not None:
        encoded = encoded_params(marked(params, marks))
    return request_body(run.run_id, item.item, item.attempt, encoded)


_AGAIN = "Nothing of the job was sent; run again to send its items as they are then"


def _name(run: RunContext, item: Sent) -> str:
    source = run.assignment.about(item.item).source
    return f"item {item.item} ({source})" if source else f"item {item.item}"
