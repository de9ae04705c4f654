"""What a report means for a run: the events to remember, and what to do when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import assert_never

from batchata.core.events import Decided, Deleted, Ended, Ending, Event, Intent, Settled, Submitted, Unsent, Uploaded
from batchata.core.session import Session, Stop, Watch
from batchata.core.state import RunState
from batchata.core.steps import (
    Collect,
    Collected,
    Created,
    Failed,
    Form,
    Formed,
    Look,
    Looked,
    NotFound,
    Report,
    Search,
    Send,
    Work,
)
from batchata.core.waiting import LEAST_REQUESTS, next_delay, quick_delay
from batchata.errors import (
    AccountError,
    AmbiguousSubmitError,
    BatchataError,
    CredentialsError,
    IncompleteResultsError,
    NotEndedError,
    RateLimitedError,
    RequestRefusedError,
    ServiceError,
)

MOST_MISSES = 10
PATIENCE = 3_600.0
"""Seconds of failing looks after which a run gives up looking; its batches go on and can be collected later."""

ELSEWHERE = 10
"""So many times longer a batch that others could send counts as possibly sent: one who seems dead may only be slow."""

SAME_CAUSE = 3
"""So many failures of one cause, and nothing else, are enough to stop."""


def react(
    state: RunState, session: Session, step: Work, report: Report, *, now: float, chance: float = 0.0
) -> list[Event]:
    """Takes in what came of a step and returns the events to be written. `chance` (0 to 1) spreads the looks."""
    session.busy.discard(step.job)
    if isinstance(step, Form):
        session.forming = False
    else:
        session.pace.heard = True
    at = datetime.fromtimestamp(now, UTC)
    match report:
        case Formed():
            return _formed(state, session, step, report, at)
        case Created():
            session.formed.discard(step.job)
            session.marks.pop(step.job, None)
            session.watches[step.job] = Watch(due=now)
            session.refusals, session.refused_since = 0, None
            session.pace.widen(session.policy.max_parallel_jobs)
            return [Submitted(at=at, job=step.job, batch_id=report.batch_id)]
        case NotFound():
            return _not_found(state, session, step.job, report, at, chance)
        case Looked():
            return _looked(session, step, report, at, _look_delay(state, session, step.job, chance))
        case Collected():
            session.watches.pop(step.job, None)
            if report.trouble and session.stop is None:
                session.stop = _account_stop(report.trouble)
            gone = [Deleted(at=at, files=list(report.deleted))] if report.deleted else []
            return [_settled(state, session, report.settled, report.causes), *gone]
        case Failed():
            return _failed(state, session, step, report.error, at, chance)
        case _:
            assert_never(report)


def _formed(state: RunState, session: Session, step: Work, report: Formed, at: datetime) -> list[Event]:
    if not isinstance(step, Form):
        raise TypeError(f"only Form is answered with Formed, not {step}")
    events: list[Event] = []
    if report.settled is not None:
        events.append(_settled(state, session, report.settled, report.causes))
    if report.items and session.stop is None:
        if report.uploads:
            events.append(Uploaded(at=at, job=report.job, files=list(report.uploads)))
        events.append(_intent(session, step, report, at))
        session.formed.add(report.job)
        session.sent += len(report.items)
        session.blocked_at = None
    elif report.needed is not None:
        events.extend(_too_dear(state, session, step, report.needed, at))
    return events


def _too_dear(state: RunState, session: Session, step: Form, needed: Decimal, at: datetime) -> Iterator[Event]:
    """The limit did not cover the next item."""
    if step.alone and any(each.marks for each in step.candidates):
        session.sharing = None  # a write is dearer than plain input, and waiting for one keeps back what may still fit
        return
    session.blocked_at, session.blocked_alone, session.needed = step.left, step.alone, needed
    if step.alone:
        yield Decided(at=at, what="limit_reached", limit=state.budget.limit)


def _intent(session: Session, step: Form, report: Formed, at: datetime) -> Intent:
    items = list(report.items)
    all_marks = {each.index: each.marks for each in step.candidates}
    marks = {each.item: found for each in items if (found := all_marks.get(each.item)) is not None}
    if marks:
        session.marks[report.job] = marks
    prefixes = {each.prefix: each.ttl for each in marks.values()}
    return Intent(
        at=at, job=report.job, items=items, total=len(items), bound=report.bound, claims=session.claims,
        prefixes=prefixes, ahead=step.ahead and bool(prefixes),
    )  # fmt: skip


def withdrawn(state: RunState, session: Session, now: float) -> list[Event]:
    """What to write when the run stops before a job that was formed is sent: it is not."""
    if session.stop is None:
        return []
    jobs = session.formed - session.busy
    session.formed -= jobs
    at = datetime.fromtimestamp(now, UTC)
    return [Unsent(at=at, job=job, reason="the run stopped before it was sent") for job in jobs if job in state.open]


def _not_found(
    state: RunState, session: Session, job: int, report: NotFound, at: datetime, chance: float
) -> list[Event]:
    """A batch that runs may be the lost one; else, some time after it was tried, there is none."""
    session.searched.add(job)
    watch = session.watch(job)
    watch.misses, watch.missing_since, watch.runs = 0, None, bool(report.running)
    now = at.timestamp()
    if report.never:
        session.watches.pop(job, None)
        return [Unsent(at=at, job=job, reason="it was never begun to be sent, and is not any more")]
    tried = max(state.open[job].at.timestamp(), session.started, watch.tried)
    patience = session.policy.lost_after * (ELSEWHERE if state.open[job].claims else 1)
    left = tried + patience - now
    if report.running or left > 0:
        watch.looks += 1
        delay = next_delay(watch.looks, chance)
        watch.due = now + (delay if report.running else min(left, delay))
        return []
    session.watches.pop(job, None)
    reason = f"the API lists no batch of it {patience:g} s after it was tried"
    return [Unsent(at=at, job=job, reason=reason)]


def _look_delay(state: RunState, session: Session, job: int, chance: float) -> float:
    looks, quota = session.watch(job).looks, session.pace.quota
    if not session.policy.quick:
        return next_delay(looks, chance)
    return quick_delay(looks, chance, jobs=len(state.open), requests=quota.limit if quota else LEAST_REQUESTS)


def _looked(session: Session, step: Work, report: Looked, at: datetime, delay: float) -> list[Event]:
    watch = session.watch(step.job)
    watch.misses, watch.missing_since = 0, None
    if report.ended and isinstance(step, Look):
        watch.due = 0.0
        return [Ended(at=at, job=step.job, batch_id=step.batch_id)]
    watch.due = at.timestamp() + delay
    watch.looks += 1
    return []


def _settled(state: RunState, session: Session, settled: Settled, causes: Sequence[str | None]) -> Settled:
    """When all that ended so far failed for one cause, what was to be sent again is not."""
    session.succeeded += sum(kind == "succeeded" for _, kind, _ in settled.endings)
    session.causes.update(causes)
    cause = _only_cause(session)
    if cause is None or state.tally.kinds["succeeded"]:
        return settled
    if session.stop is None:
        count = state.tally.kinds.total() + len(settled.endings) + len(settled.again)
        session.stop = Stop(
            f"all {count:,} items that have ended failed for the same reason ({cause}); no more are sent. "
            "Mend the cause and run again"
        )
    endings = [*settled.endings, *(Ending(each.item, each.kind, each.cost) for each in settled.again)]
    return settled.model_copy(update={"endings": endings, "again": []})


def _only_cause(session: Session) -> str | None:
    if session.succeeded or len(session.causes) != 1 or session.causes.total() < SAME_CAUSE:
        return None
    return next(iter(session.causes))


def _account_stop(trouble: str) -> Stop:
    error = AccountError(
        f"the account cannot pay or may not: {trouble}. The items that could not be processed wait; run again "
        "when the account is in order"
    )
    return Stop(str(error), error)


def _failed(
    state: RunState, session: Session, step: Work, error: BatchataError, at: datetime, chance: float
) -> list[Event]:
    match step:
        case Form():
            if isinstance(error, ServiceError):  # of an upload, for all else that it asks of the API it can do without
                _try_later(state, session, step.job, error, at.timestamp(), chance)
            else:
                session.stop = session.stop or Stop(str(error), error)
            return []
        case Send():
            return _not_sent(state, session, step.job, error, at, chance)
        case Search() | Look() | Collect():
            if isinstance(error, RateLimitedError):
                _be_quiet(session, error, at.timestamp())
            _missed(session, session.watch(step.job), error, at.timestamp(), chance)
            return []
        case _:
            assert_never(step)


def _not_sent(
    state: RunState, session: Session, job: int, error: BatchataError, at: datetime, chance: float
) -> list[Event]:
    """An ambiguous failure leaves the job to be searched for; after any other one nothing was created."""
    session.formed.discard(job)
    session.marks.pop(job, None)
    now = at.timestamp()
    if isinstance(error, ServiceError | AmbiguousSubmitError):
        _put_off(state, session, job, error, now, chance)
    if isinstance(error, AmbiguousSubmitError):
        session.searched.add(job)
        session.watches[job] = Watch(due=now, tried=now)
        return []
    if not isinstance(error, ServiceError):
        session.stop = session.stop or Stop(str(error), error, drain=not isinstance(error, CredentialsError))
    session.sent -= len(state.open[job].items)
    return [Unsent(at=at, job=job, reason=str(error))]


def _put_off(
    state: RunState, session: Session, job: int, error: ServiceError | AmbiguousSubmitError, now: float, chance: float
) -> None:
    """When the next batch is tried, and how many may be in flight until the API takes more."""
    if isinstance(error, RateLimitedError) and error.is_pace:
        _be_quiet(session, error, now)
    elif isinstance(error, RateLimitedError):
        in_flight = sum(each.batch_id is not None for each in state.open.values())
        session.pace.narrow(in_flight, state.open[job].at.timestamp(), now)
    _try_later(state, session, job, error, now, chance)


def _try_later(
    state: RunState, session: Session, job: int, error: ServiceError | AmbiguousSubmitError, now: float, chance: float
) -> None:
    """When the next batch is tried, if ever."""
    session.refusals += 1
    session.refused_since = session.refused_since or now
    session.create_after = now + next_delay(session.refusals, chance)
    patience = 0.0
    if isinstance(error, RateLimitedError):
        patience = PATIENCE  # others may fill the queue, and it empties in its time
        session.create_after = max(session.create_after, now + (error.retry_after or 0.0))
    is_hopeless = session.refusals >= MOST_MISSES and now - session.refused_since >= patience
    if is_hopeless and state.open.keys() <= {job}:  # what is in flight is worth the wait
        session.stop = session.stop or Stop(str(error), error, drain=False)


def _be_quiet(session: Session, error: RateLimitedError, now: float) -> None:
    """Nothing is asked before the time that the API named."""
    session.pace.quiet_until = max(session.pace.quiet_until, now + (error.retry_after or 0.0))


def _missed(session: Session, watch: Watch, error: BatchataError, now: float, chance: float) -> None:
    """A look that fails says nothing about the batch: it changes a counter and when to look again."""
    watch.misses += 1
    watch.short += isinstance(error, IncompleteResultsError)
    watch.missing_since = watch.missing_since or now
    watch.due = now + next_delay(watch.misses, chance)
    if _is_hopeless(watch, error, now):
        session.stop = Stop(f"{error}. Nothing was sent again; run again to go on", error, drain=False)


def _is_hopeless(watch: Watch, error: BatchataError, now: float) -> bool:
    match error:
        case RequestRefusedError():
            return watch.misses >= MOST_MISSES
        case ServiceError() | IncompleteResultsError() | NotEndedError():
            return watch.misses >= MOST_MISSES and now - (watch.missing_since or now) >= PATIENCE
        case _:
            return True
