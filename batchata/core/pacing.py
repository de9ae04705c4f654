"""How fast the API may be called, by what it says itself: its limit of requests, and that it takes no more for now."""

from __future__ import annotations

from dataclasses import dataclass

BURST = 0.2
"""Seconds whose calls may begin at once: the loop does not have to turn for each."""

EVERYTHING = 1_000_000
SLOWEST = 0.1
"""Others may use up what is left all the time; this share of the limit is tried all the same."""

UNHEARD = 5
"""Calls under way before the first answer of a run: others may have used up the limit, or filled the queue."""

_MOMENT = 0.05


@dataclass(frozen=True, slots=True)
class Quota:
    """What an answer told: `remaining` of `limit` requests a minute are left, at `reset` all are there again.

    `reset` is in seconds since the epoch, by our clock. Source: doc:api/rate-limits.
    """

    limit: int
    remaining: int
    reset: float


@dataclass(slots=True)
class Pace:
    """The calls of a run: the `quota` as it was told last, when the next call is due, until when none may be made.

    `heard` says that a call was answered, whatever with.
    `lanes` is how many batches may be in flight for now, None when the API takes all that the run would send.
    """

    quota: Quota | None = None
    next_call: float = 0.0
    quiet_until: float = 0.0
    lanes: float | None = None
    narrowed_at: float = 0.0
    heard: bool = False

    def free(self, under_way: int, now: float) -> int:
        """How many calls may begin now, while so many have not been answered yet."""
        if now < self.quiet_until or self.next_call > now + BURST:
            return 0
        quota = self.quota
        if quota is None:
            return EVERYTHING if self.heard else max(UNHEARD - under_way, 0)
        if now >= quota.reset:  # all are there again; the first answers tell more
            return max(quota.limit // 2 - under_way, 0 if under_way else 1)
        ahead = now + BURST - max(self.next_call, now)
        return 1 + int(ahead / self._gap(under_way, now))

    def opens(self, now: float) -> float:
        """When calls are free again, as far as it is known."""
        return max(self.next_call - BURST, self.quiet_until, now + _MOMENT)

    def called(self, under_way: int, now: float) -> None:
        """A call has begun."""
        if gap := self._gap(under_way, now):
            self.next_call = max(self.next_call, now) + gap

    def _gap(self, under_way: int, now: float) -> float:
        """Seconds between calls so that what is left lasts until all is there again.

        It is the same rule for a bucket that is filled all the time, where it comes to rest half full, and for a
        count that starts anew each minute.
        """
        quota = self.quota
        if quota is None or now >= quota.reset:
            return 0.0
        left = max(quota.remaining - under_way, 0)
        return min((quota.reset - now) / (left + 1), 60 / (SLOWEST * quota.limit))

    def narrow(self, in_flight: int, tried: float, now: float) -> None:
        """A batch was refused that was `tried` then, with so many others in flight: half as many for now.

        Those that were tried before the last time are part of the same refusal.
        """
        if self.lanes is None or tried >= self.narrowed_at:
            self.lanes = max(1.0, in_flight // 2)
            self.narrowed_at = now

    def widen(self, most: int) -> None:
        """A batch was taken: one more for each time that all there may be were taken."""
        if self.lanes is not None:
            self.lanes += 1 / self.lanes
            if self.lanes >= most:
                self.lanes = None

    def most(self, most: int) -> int:
        """How many batches may be in flight, of `most` that the run would have."""
        return most if self.lanes is None else min(most, int(self.lanes))
