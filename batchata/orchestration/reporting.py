"""Tells Prefect about a run while it is carried out: artifacts, events, and the flow run's memory of its ledger."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from prefect.exceptions import Pause

from batchata.core.attention import attention, known_of, newly_failed, still_known
from batchata.core.reports import (
    MOST_ROWS,
    Ending,
    Facts,
    Failure,
    failed_count,
    failures_view,
    figures,
    is_about,
    jobs_view,
    progress_view,
    summary_view,
)
from batchata.core.state import RunState
from batchata.core.steps import Finish
from batchata.core.wording import Surface
from batchata.orchestration.announcing import announce
from batchata.orchestration.artifacts import Artifacts
from batchata.orchestration.remembering import Memory
from batchata.orchestration.server import is_deployed

PROGRESS_SECONDS = 10.0
TABLES_SECONDS = 30.0
"""How often the progress and everything else is brought up to date, at most."""

Reasons = Callable[[Sequence[int]], list[Failure]]
"""The records of failed items, by their index; may read from disk."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of a run: what it is, where it stands at the moment, and why items failed.

    `quietly`: nothing is told until something happens to it, for whoever looks into many runs every few minutes.
    """

    facts: Facts
    state: Callable[[], RunState]
    reasons: Reasons
    quietly: bool = False


class Reporter:
    """For the thread of the flow's loop, in whose flow run it is made."""

    def __init__(self, told: Told, *, clock: Callable[[], float] = time.monotonic) -> None:
        facts = replace(told.facts, surface=surface_of(told.facts))
        self._told = told
        self._facts = facts
        self._clock = clock
        self._artifacts = Artifacts(lambda description: is_about(description, facts), clock=clock)
        self._memory = Memory(facts, told.state())
        self._failures: dict[tuple[int, int], Failure] = {}
        self._progress_at = self._tables_at = float("-inf")
        self._known, self._limit_told = known_of(told.state()), told.state().limit_reached
        self._asked: Ending | None = None
        self._silent_while = _mark(told.state()) if told.quietly else None

    def carry(self, body: Callable[[], Finish], *, is_new: bool) -> Finish:
        """`body`, told of from its beginning to its end. `is_new`: the flow run was made for this, just now.

        Raises LedgerError before anything is done when the flow run has another ledger than it began with.
        """
        if not is_new:
            self._memory.check()
        if self._silent_while is None:
            self._begin()
        try:
            finish = body()
        except Pause:  # suspended: it goes on in another process
            self._show(self._asked)
            raise
        except BaseException as error:
            self._end(_ending_by(error))
            raise
        self._end(_ending_of(finish))
        return finish

    def sending(self) -> None:
        """To be called before a message batch is created."""
        self._break_silence()
        self._memory.note(self._artifacts.line)

    def asking(self, why: str) -> None:
        """To be called before a person is asked."""
        self._break_silence()
        self._tell_of_limit()
        self._want_attention(asks=True)
        self._asked = Ending("asked", why)
        self._show(self._asked)

    def answered(self) -> None:
        """To be called when a person was asked, and answered or did not."""
        self._asked = None

    def tick(self) -> None:
        """To be called about once a second."""
        self._known = still_known(self._known, self._state)
        if self._is_silent():
            return
        self._tell_of_limit()
        now = self._clock()
        if now - self._tables_at >= TABLES_SECONDS:
            self._show(None)
        elif now - self._progress_at >= PROGRESS_SECONDS:
            self._progress_at = now
            self._artifacts.show([progress_view(self._facts, self._state)])

    def close(self) -> None:
        self._artifacts.close()

    @property
    def _state(self) -> RunState:
        return self._told.state()

    def _begin(self) -> None:
        state = self._state
        self._memory.begin(self._artifacts.line)
        if state.next_job > 1:
            self._memory.note(self._artifacts.line)
        announce("run.started", self._facts, {**figures(self._facts, state), "goes_on": state.next_job > 1})
        self._show(None)

    def _is_silent(self) -> bool:
        if self._silent_while not in {None, _mark(self._state)}:
            self._break_silence()
        return self._silent_while is not None

    def _break_silence(self) -> None:
        if self._silent_while is not None:
            self._silent_while = None
            self._begin()

    def _end(self, ending: Ending) -> None:
        if self._is_silent():
            return
        state = self._state
        self._tell_of_limit()
        self._want_attention(asks=False)
        payload = {**figures(self._facts, state), "ending": ending.what, "why": ending.why}
        announce("run.finished", self._facts, payload)
        self._show(ending)

    def _want_attention(self, *, asks: bool) -> None:
        """Tells what is new: what failed in an earlier run over the ledger was told there."""
        state = self._state
        if newly_failed(self._known, state):
            announce("items.failed", self._facts, figures(self._facts, state))
        if payload := attention(self._facts, self._known, state, asks=asks):
            announce("attention.wanted", self._facts, payload)
        self._known = known_of(state)

    def _tell_of_limit(self) -> None:
        """Once each time it is reached: a new limit can be reached too."""
        reached = self._state.limit_reached
        if reached and not self._limit_told:
            announce("limit.reached", self._facts, figures(self._facts, self._state))
        self._limit_told = reached

    def _show(self, ending: Ending | None) -> None:
        self._progress_at = self._tables_at = self._clock()
        facts, state = self._facts, self._state
        views = [progress_view(facts, state), summary_view(facts, state, ending)]
        is_over = ending is not None and ending.what != "asked"
        if is_over or state.next_job > 1:  # a table without a row is worth no artifact before the end
            views.append(jobs_view(facts, state))
        if is_over or failed_count(state):
            views.append(failures_view(facts, state, self._shown_failures(state)))
        self._artifacts.show(views)

    def _shown_failures(self, state: RunState) -> list[Failure]:
        """Their records are read once: an item that fails again does so in another job."""
        wanted = {(index, state.job_of(index)) for index in state.failed(MOST_ROWS)}
        unread = sorted(index for index, job in wanted - self._failures.keys())
        read = {(each.index, state.job_of(each.index)): each for each in self._told.reasons(unread)}
        known = self._failures | read
        self._failures = {key: known[key] for key in sorted(wanted) if key in known}
        return list(self._failures.values())


def surface_of(facts: Facts) -> Surface:
    """Where whoever looks at the flow run that we are in can do something about the run."""
    if not facts.folder:
        return "python"
    return "form" if is_deployed() else "shell"


def _mark(state: RunState) -> tuple[int, int, bool, str]:
    """It changes when something happens to a run: a job is sent or settled, the run stops."""
    return state.next_job, len(state.open), state.limit_reached, state.halted


def _ending_of(finish: Finish) -> Ending:
    if finish.error is not None:
        return Ending("failed", str(finish.error))
    return Ending("stopped", finish.stopped) if finish.stopped else Ending("finished")


def _ending_by(error: BaseException) -> Ending:
    if isinstance(error, Exception):
        return Ending("failed", f"{type(error).__name__}: {error}")
    return Ending("interrupted", "it was told to end")
