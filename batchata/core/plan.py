"""The brain of a run: where it stands -> what is to be done next. Pure, so that every rule is a table to test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import assert_never

from batchata.core.money import rounded_usd, usd
from batchata.core.plurals import number_of
from batchata.core.queues import Queues
from batchata.core.quick import job_size
from batchata.core.releasing import Gate, Release
from batchata.core.samplereport import report_of
from batchata.core.sampling import Sample
from batchata.core.session import Session, Watch
from batchata.core.sharing import Sharing
from batchata.core.state import OpenJob, Phase, RunState, Standing
from batchata.core.steps import Approve, Ask, Candidate, Collect, Finish, Form, Look, Search, Send, Step, Wait, Work

LOOKAHEAD = 100
"""How many waiting items are looked at beyond a full job, for some may be answered without a batch."""

SHORT_READS = 2
"""How often results that stay short are read again before the missing items count as missing."""

_NEW = Watch(due=0.0)


def decide(state: RunState, session: Session, now: float) -> list[Step]:
    """The next steps. Work is carried out beside each other; a Wait, Ask, Approve or Finish comes alone."""
    if session.stop is not None and not session.stop.drain:
        return [Wait(now + 1)] if _is_working(session) else [_end(state, session)]
    due = list(_due(state, session, now))
    forms = list(_form(state, session, now)) if _may_form(state, session, now) else []
    if due or forms:
        free = session.pace.free(len(session.busy), now)
        return [*_most_urgent(due, session, free), *forms] if free else [Wait(session.pace.opens(now))]
    if _is_working(session) or state.open or _is_held_back(state, session, now):
        return [_wait(state, session, now)]
    return [_end(state, session)]


def _most_urgent(due: Sequence[Work], session: Session, free: int) -> Sequence[Work]:
    """Where the API takes fewer calls than there are to be made, those come first that have waited the longest."""
    if len(due) <= free:
        return due
    return sorted(due, key=lambda step: session.watches.get(step.job, _NEW).due)[:free]


def _wait(state: RunState, session: Session, now: float) -> Step:
    if session.policy.wait or _is_working(session) or any(_is_soon_known(job, session) for job in state.open.values()):
        return Wait(_next_time(state, session, now))
    if session.stop is not None:
        return _end(state, session)
    return Finish(_away_sentence(state) + _forgone_sentence(session), is_away=True)


def _is_soon_known(job: OpenJob, session: Session) -> bool:
    """What takes a minute at most is worth it: a lost batch that nobody lists, results that came short."""
    watch = session.watches.get(job.number, _NEW)
    if job.phase is Phase.INTENDED:
        return not watch.misses and not watch.runs
    return job.phase is Phase.ENDED and 0 < watch.short == watch.misses


def _is_working(session: Session) -> bool:
    return bool(session.busy) or session.forming


def _due(state: RunState, session: Session, now: float) -> Iterator[Work]:
    for job in state.open.values():
        if job.number not in session.busy and _due_at(job, session) <= now:
            yield _about(state, job, session)


def _due_at(job: OpenJob, session: Session) -> float:
    due = session.watches.get(job.number, _NEW).due
    is_to_be_sent = job.phase is Phase.INTENDED and job.number in session.formed
    return max(due, session.create_after) if is_to_be_sent else due


def _about(state: RunState, job: OpenJob, session: Session) -> Work:
    batch_id = job.batch_id or ""
    match job.phase:
        case Phase.INTENDED:
            if job.number not in session.formed:
                return _search(state, job)
            return Send(job.number, job.items, session.marks.get(job.number, {}))
        case Phase.SUBMITTED:
            return Look(job.number, batch_id)
        case Phase.ENDED:
            short = session.watches.get(job.number, _NEW).short
            return _collect(state, job, batch_id, settle_short=short >= SHORT_READS)
        case _:
            assert_never(job.phase)


def _search(state: RunState, job: OpenJob) -> Search:
    items = frozenset((each.item, each.attempt) for each in job.items)
    return Search(job.number, items, len(job.items), job.at, known=state.batches.keys(), claims=job.claims)


def _collect(state: RunState, job: OpenJob, batch_id: str, *, settle_short: bool) -> Collect:
    histories = {each.item: state.history[each.item] for each in job.items if each.item in state.history}
    return Collect(job.number, batch_id, job.items, job.bound, histories, settle_short)


def _may_form(state: RunState, session: Session, now: float) -> bool:
    """New work waits until every job of unknown fate has been looked for once."""
    return (
        session.stop is None
        and session.policy.sends
        and not session.forming
        and now >= session.create_after
        and len(state.open) < session.pace.most(session.policy.max_parallel_jobs)
        and not _is_blocked(state, session)
        and not _is_unbounded(state)
        and all(job in session.searched or job in session.formed for job in _uncertain(state))
    )


def _waiting(state: RunState, session: Session) -> Iterator[int]:
    """What may be sent now: of a run whose sample is not approved only the sample."""
    sample = gated_sample(state, session)
    return _left(state, session) if sample is None else state.pending_of(sample.costs)


def _left(state: RunState, session: Session) -> Iterator[int]:
    return state.pending(only_again=session.policy.only_retries)


def gated_sample(state: RunState, session: Session) -> Sample | None:
    """The sample of a run that may send nothing else yet."""
    is_open = not session.policy.gated or session.policy.only_retries
    return None if is_open or state.sample is None or state.sample.approved else state.sample


def _uncertain(state: RunState) -> Iterator[int]:
    return (job.number for job in state.open.values() if job.phase is Phase.INTENDED)


def _is_blocked(state: RunState, session: Session) -> bool:
    """The budget did not cover the next item, and has not grown since; with nothing in flight others may fit."""
    left = state.budget.left
    if session.blocked_at is None or left is None or left > session.blocked_at:
        return False
    return session.blocked_alone or bool(state.open)


def _is_unbounded(state: RunState) -> bool:
    """A batch of a run without a limit may cost anything: what the limit leaves is known when it is settled."""
    return state.budget.limit is not None and any(job.bound is None for job in state.open.values())


def _is_held_back(state: RunState, session: Session, now: float) -> bool:
    """Whether there is work that only waits for its time."""
    waits = (
        session.stop is None and session.policy.sends and now < session.create_after and not _is_blocked(state, session)
    )
    return waits and next(_waiting(state, session), None) is not None


def _form(state: RunState, session: Session, now: float) -> Iterator[Form]:
    """The next job, if there is anything for it."""
    release = _released(state, session, now)
    usual = _items_per_job(state, session)
    most = min(usual, release.most or usual)
    candidates = [
        Candidate(index, state.attempts(index) + 1, state.max_tokens_of(index), marks)
        for index, marks in islice(release.items, most + LOOKAHEAD)
    ]
    if candidates:
        yield Form(state.next_job, candidates, most, state.budget.left, alone=not state.open, ahead=release.ahead)


def _released(state: RunState, session: Session, now: float) -> Release:
    policy = session.policy
    if session.sharing is None or not session.sharing.prefixes:
        return Release((index, None) for index in _waiting(state, session))
    queues = _queues(state, session, session.sharing)
    gate = Gate(
        queues, state.warmth, now, partial(_waiting, state, session), policy.items_per_job * policy.max_parallel_jobs,
        sample=gated_sample(state, session) is not None, waits=policy.wait,
        holds=policy.wait or _soon_known_to_be_written(state, session), spares=LOOKAHEAD,
    )  # fmt: skip
    release = gate.release()
    session.forgone = max(session.forgone, release.forgone)
    return release


def _soon_known_to_be_written(state: RunState, session: Session) -> bool:
    """Whether a job ahead that is in flight was not looked at yet, or is being collected."""
    ahead = (job for number, job in state.open.items() if state.warmth.is_ahead(number))
    return any(
        _is_soon_known(job, session) if job.phase is Phase.INTENDED
        else job.phase is Phase.ENDED or not session.watches.get(job.number, _NEW).looks
        for job in ahead
    )  # fmt: skip


def _queues(state: RunState, session: Session, sharing: Sharing) -> Queues:
    """Kept between two calls, for only what changed is counted."""
    if session.queues is None or session.queues.sharing is not sharing:
        waits = (Standing.AGAIN,) if session.policy.only_retries else (Standing.PENDING, Standing.AGAIN)
        session.queues = Queues(sharing, bytes(waits))
    session.queues.look(state.standings)
    return session.queues


def _items_per_job(state: RunState, session: Session) -> int:
    most, jobs = session.policy.items_per_job, session.policy.max_parallel_jobs
    if not session.policy.grows:
        return most
    sample = gated_sample(state, session)
    waiting = state.count(Standing.PENDING, Standing.AGAIN) if sample is None else len(sample.costs)
    return job_size(session.sent, waiting, jobs, most)


def _next_time(state: RunState, session: Session, now: float) -> float:
    dues = [_due_at(job, session) for number, job in state.open.items() if number not in session.busy]
    if session.create_after > now:
        dues.append(session.create_after)
    return min(dues, default=now + 60)


def _end(state: RunState, session: Session) -> Step:
    if session.stop is not None:
        return Finish(session.stop.reason, session.stop.error)
    pending = sum(1 for _ in _left(state, session))
    if not pending:
        return Finish()
    if not session.policy.sends:
        return Finish(_away_sentence(state), is_away=True)
    sample = gated_sample(state, session)
    if sample is not None and state.awaits_approval:
        return Approve(state.answers + 1, report_of(state, sample))
    budget = state.budget
    limit, spent = budget.limit or budget.spent, budget.spent + budget.held
    if session.policy.on_limit == "ask":
        return Ask(state.answers + 1, spent, limit, pending, session.needed)
    return Finish(limit_sentence(session, state, pending))


def _away_sentence(state: RunState) -> str:
    held, waiting = state.count(Standing.HELD), state.count(Standing.PENDING, Standing.AGAIN)
    if not state.open:
        return f"nothing is in flight and {number_of(waiting, 'item waits', 'items wait')}; run again to go on"
    batches = number_of(len(state.open), "batch is", "batches are")
    more = f" and {number_of(waiting, 'more waits', 'more wait')}" if waiting else ""
    return f"{batches} in flight with {number_of(held, 'item')}{more}; `run(wait=True)` collects them and goes on"


def _forgone_sentence(session: Session) -> str:
    if not session.forgone:
        return ""
    return (
        ". As nobody waits, no batch went ahead to write the prompt cache for the others: a run that waits for it is "
        f"expected to pay {rounded_usd(session.forgone)} less"
    )


def limit_sentence(session: Session, state: RunState, pending: int) -> str:
    """That the limit is reached, with the numbers."""
    budget = state.budget
    needed = f"; the next one may cost up to {rounded_usd(session.needed)}" if session.needed is not None else ""
    limit = budget.limit or budget.spent
    return (
        f"the cost limit of {usd(limit)} is reached: {rounded_usd(budget.spent + budget.held)} is spent and "
        f"{number_of(pending, 'item is', 'items are')} left{needed}. Raise `max_cost` and `run()` again"
    )
