"""What the tests of the brain build their tables of: events, states and sessions of a few items."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from batchata.core.events import (
    Again,
    Decided,
    Ended,
    Ending,
    Intent,
    ItemsAdded,
    Opened,
    RunStarted,
    Sent,
    Settled,
    Submitted,
    Unsent,
)
from batchata.core.session import Policy, Session
from batchata.core.state import RunState, Standing

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOW = AT.timestamp()


def started(items=6, limit=None, names=None):
    """The three lines with which every ledger begins."""
    names = names or [f"item {index}" for index in range(items)]
    return [
        RunStarted(at=AT, run_id="run", version="1", model="m", settings={"model": "m"}),
        ItemsAdded(at=AT, first=0, names=names),
        opened(limit),
    ]


def opened(limit=None):
    return Opened(at=AT, pid=1, host="here", max_cost=None if limit is None else Decimal(limit))


def intent(job, *items, bound=None, attempt=1, after=0.0):
    sent = [Sent(item, attempt, None, f"print {item}") for item in items]
    money = None if bound is None else Decimal(bound)
    return Intent(at=AT + timedelta(seconds=after), job=job, items=sent, total=len(sent), bound=money)


def submitted(job):
    return Submitted(at=AT, job=job, batch_id=f"batch {job}")


def unsent(job):
    return Unsent(at=AT, job=job, reason="it was refused")


def ended(job):
    return Ended(at=AT, job=job, batch_id=f"batch {job}")


def settled(job, done=None, again=None, pending=(), cost="0", held="0", **more):
    """`done` and `again` are kinds by item; a pair of kind and cost, or kind and max_tokens, where it matters."""
    return Settled(
        at=AT,
        job=job,
        batch_id=more.pop("batch_id", f"batch {job}"),
        endings=[Ending(item, *_pair(each, Decimal(0))) for item, each in (done or {}).items()],
        again=[Again(item, _pair(each, None)[0], Decimal(0), _pair(each, None)[1]) for item, each in (again or {}).items()],
        pending=list(pending),
        cost=Decimal(cost),
        held=Decimal(held),
        **more,
    )  # fmt: skip


def _pair(each, otherwise):
    return each if isinstance(each, tuple) else (each, otherwise)


def decided(what, items=(), limit=None):
    return Decided(at=AT, what=what, items=list(items), limit=None if limit is None else Decimal(limit))


def state_of(*events, items=6, limit=None):
    state = RunState()
    for event in [*started(items, limit), *events]:
        state.apply(event)
    return state


def session_of(**how):
    """A session that began now; what is no part of its policy is set on it."""
    policy = {name: how.pop(name) for name in list(how) if name in Policy.__slots__}
    session = Session(Policy(**{"items_per_job": 2, "max_parallel_jobs": 2, **policy}), started=NOW)
    for name, value in how.items():
        setattr(session, name, value)
    return session


def observed(state):
    """All that can be seen of a state."""
    return {
        "run": state.run,
        "opened": state.opened,
        "names": state.names,
        "open": state.open,
        "batches": state.batches,
        "budget": state.budget,
        "tally": state.tally,
        "jobs": state.jobs,
        "failed": state.failed(100),
        "history": state.history,
        "next job": state.next_job,
        "limit reached": state.limit_reached,
        "canceled": state.canceled,
        "answers": state.answers,
        "sample": state.sample,
        "warmth": state.warmth,
        "fingerprints": state.fingerprints,
        "sent at": list(state.sent_at),
        "standing": {each: state.indexes(each) for each in Standing},
        "items": [
            (state.kind_of(index), state.job_of(index), state.attempts(index), state.max_tokens_of(index))
            for index in range(state.total)
        ],
        "pending": list(state.pending()),
        "again": list(state.pending(only_again=True)),
    }
