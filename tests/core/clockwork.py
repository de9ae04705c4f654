"""Runs in no time: the brain against an API whose calls, limits and batches take the time of a clock that is a number."""

import heapq
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from batchata.core.events import Ending, Intent, Sent, Settled
from batchata.core.pacing import Quota
from batchata.core.plan import decide
from batchata.core.reacting import react
from batchata.core.session import Session
from batchata.core.steps import Collect, Collected, Created, Failed, Finish, Form, Formed, Look, Looked, Send, Wait
from batchata.errors import RateLimitedError
from batchata.running.options import checked_policy
from tests.core.brain_support import NOW, state_of


class Endless:
    """No limit, and no word of one."""

    def take(self, now):
        return True, None, None


@dataclass
class Bucket:
    """`limit` calls a minute, filled all the time; others use `others` of them a second."""

    limit: int
    others: float = 0.0
    used: float = 0.0
    at: float = NOW

    def take(self, now):
        per_second = self.limit / 60
        self.used = min(max(self.used - (now - self.at) * (per_second - self.others), 0.0), self.limit)
        self.at = now
        passes = self.used + 1 <= self.limit
        self.used += passes
        quota = Quota(self.limit, int(self.limit - self.used), now + self.used / per_second)
        return passes, quota, (self.used + 1 - self.limit) / per_second


@dataclass
class Minutes:
    """`limit` calls in each minute of the clock."""

    limit: int
    minute: float = -1
    used: int = 0

    def take(self, now):
        minute = now // 60
        self.used = self.used if minute == self.minute else 0
        self.minute = minute
        passes = self.used < self.limit
        self.used += passes
        left = (minute + 1) * 60 - now
        return passes, Quota(self.limit, self.limit - self.used, now + left), left


@dataclass
class Api:
    """A batch takes `seconds` and `per_item` more for each item; a call takes `latency`."""

    seconds: float
    per_item: float = 0.0
    limits: object = field(default_factory=Endless)
    waiting: int | None = None
    latency: float = 0.3
    tells: bool = True
    quota: Quota | None = None
    batches: dict = field(default_factory=dict)
    calls: Counter = field(default_factory=Counter)
    refused: Counter = field(default_factory=Counter)

    def answer(self, step, now):
        if isinstance(step, Form):
            items = [Sent(each.index, each.attempt, None, "f") for each in step.candidates[: step.items_per_job]]
            return Formed(step.job, items, None, None, [], None)
        name = type(step).__name__
        self.calls[name] += 1
        passes, quota, retry_after = self.limits.take(now)
        self.quota = quota if self.tells else None
        if not passes:
            self.refused[name] += 1
            return Failed(RateLimitedError("429", retry_after=retry_after, is_pace=self.tells))
        return self._done(step, now)

    def _done(self, step, now):
        match step:
            case Send():
                queued = sum(size for size, ends in self.batches.values() if ends > now)
                if self.waiting is not None and queued + len(step.items) > self.waiting:
                    self.refused["queue"] += 1
                    return Failed(RateLimitedError("429: the queue is full"))
                batch_id = f"batch {len(self.batches)}"
                self.batches[batch_id] = len(step.items), now + self.seconds + self.per_item * len(step.items)
                return Created(batch_id)
            case Look():
                return Looked(self.batches[step.batch_id][1] <= now)
            case Collect():
                endings = [Ending(each.item, "succeeded", None) for each in step.items]
                settled = Settled(
                    at=datetime.fromtimestamp(now, UTC), job=step.job, batch_id=step.batch_id, endings=endings
                )
                return Collected(settled, [])


@dataclass
class Told:
    """`settled` are pairs of seconds since the beginning and items; `in_flight` the most batches at a time."""

    settled: list
    sizes: list
    in_flight: int
    finish: Finish

    @property
    def first(self):
        return self.settled[0][0]

    @property
    def last(self):
        return self.settled[-1][0]


def run(api, items, **how):
    """A whole run; as the loop and the hands have it."""
    state, session = state_of(items=items), Session(_policy(**how), started=NOW)
    now, under_way, number = NOW, [], count()
    told = Told([], [], 0, None)
    while True:
        session.pace.quota = api.quota
        for step in decide(state, session, now):
            match step:
                case Finish():
                    told.finish = step
                    return told
                case Wait():
                    assert step.until > now, "it waits for what has come already"
                    now = min([step.until, *(each[0] for each in under_way[:1])])
                case _:
                    _start(step, session, now)
                    takes = 0.01 if isinstance(step, Form) else api.latency
                    heapq.heappush(under_way, (now + takes, next(number), step))
        while under_way and under_way[0][0] <= now:
            step = heapq.heappop(under_way)[2]
            for event in react(state, session, step, api.answer(step, now), now=now, chance=0.5):
                state.apply(event)
                _note(event, told, now)
        told.in_flight = max(told.in_flight, len(state.open))


def _policy(**how):
    usual = {
        "items_per_job": None,
        "max_parallel_jobs": None,
        "rounds": None,
        "on_cost_limit": "stop",
        "lost_after": 60.0,
    }
    return checked_policy(**(usual | how))


def _start(step, session, now):
    if isinstance(step, Form):
        session.forming = True
        return
    session.pace.called(len(session.busy), now)
    session.busy.add(step.job)


def _note(event, told, now):
    if isinstance(event, Settled):
        told.settled.append((now - NOW, len(event.endings)))
    if isinstance(event, Intent):
        told.sizes.append(event.total)
