"""A run from an open ledger to its end: what it needs is brought together here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from batchata.core.events import Deleted
from batchata.core.fingerprints import namespace_of
from batchata.core.models import ModelInfo
from batchata.core.rates import rates_of
from batchata.core.session import Policy, Session, Stop
from batchata.core.snapshots import Snapshot
from batchata.core.state import RunState
from batchata.core.steps import Finish
from batchata.errors import InputError, ModelError, UnboundedCostError, UnknownPriceError
from batchata.io.cache import ResultCache
from batchata.io.client import ClientOrMaker, using
from batchata.io.intake import usable_model
from batchata.io.ledger import Ledger
from batchata.io.limits import Meter
from batchata.io.lost import LostAndFound
from batchata.io.results import ResultsFolder
from batchata.running.assignment import Assignment, Requests, RunContext
from batchata.running.beginnings import sharing_in
from batchata.running.errands import Packer
from batchata.running.forming import Former
from batchata.running.gate import Gate, Gatekeeper, prepare_gate
from batchata.running.loop import Hands, Loop
from batchata.running.measuring import Measurer
from batchata.running.opening import (
    check_asked_for,
    check_first,
    check_no_copy,
    check_unchanged,
    failed_items,
    opened,
    retry,
    rewritten,
)
from batchata.running.probing import sweep
from batchata.running.settling import Settler
from batchata.running.uploads import Uploads
from batchata.running.worker import Worker

if TYPE_CHECKING:
    from anthropic import Anthropic

logger = logging.getLogger("batchata")


@dataclass(frozen=True)
class Run:
    """How a run is to be carried out. `cache` is where answers are kept: False is nowhere, True the default."""

    assignment: Assignment
    policy: Policy
    folder: ResultsFolder
    max_cost: Decimal | None = None
    client: ClientOrMaker = None
    cache: object = True
    refresh_cache: bool = False
    cancel_on_exit: bool = False
    gate: Gate | None = None

    def prepare(self, ledger: Ledger) -> bool:
        """Writes down that the run goes on; False when there is nothing left to do, for which no key is needed.

        Raises InputError for a run that left to another one what it had not sent, LedgerMismatchError for a copy.
        """
        has_work = self._has_work(ledger.state)
        if ledger.state.left and self.policy.sends and not self.policy.only_retries:
            raise InputError(f"{ledger.path} sends nothing more: {ledger.state.left} (nothing was sent)")
        if has_work and self.max_cost is not None:
            self._check_limit_can_be_kept(ledger.state)
        if has_work and self.policy.sends:
            check_no_copy(ledger)
        last = ledger.state.opened
        if has_work or last is None or last.max_cost != self.max_cost:
            opened(ledger, self.max_cost, sends=self.policy.sends)
        return has_work

    def _check_limit_can_be_kept(self, state: RunState) -> None:
        if self.assignment.rates is None:
            rates_of(self.assignment.model)
        if state.tally.unlimited:
            raise UnboundedCostError(
                f"`max_cost` cannot be kept: the ledger holds {state.tally.unlimited:,} items whose cost is not known, "
                "from a time without a limit. Give another `state_path`, or no `max_cost`"
            )

    def carry_out(self, ledger: Ledger, session: Session, watch: Callable[[Snapshot], None], hands: Hands) -> Finish:
        """Until it finishes. Raises InputError, ModelError, CredentialsError before anything is sent."""
        with using(self.client) as client, self._cache(ledger) as cache:
            info = self._model(client, ledger.state, session)
            requests = Requests(self.assignment, info)
            requests.max_tokens(None)
            if self.policy.sends:
                check_asked_for(self.assignment, ledger.state, requests)
                check_first(self.assignment, ledger.state, requests)
                check_unchanged(ledger, self.assignment, requests)
                unhurried = client.with_options(max_retries=0)
                session.sharing = sharing_in(self.assignment, requests, info, unhurried, may_wait=not self.policy.grows)
            worker = self._worker(ledger, client, info, requests, cache, hands)
            session.claims = worker.claims
            retried = retry(ledger, requests, info.max_tokens) if self.policy.only_retries else 0
            if self.policy.sends and not self.policy.only_retries:
                prepare_gate(ledger, run_id_of(ledger.state), self.gate)
            keeper = Gatekeeper(self.gate, self.folder, self.assignment.response_model) if self.gate else None
            finish = Loop(ledger, session, worker, hands, watch, self.cancel_on_exit, keeper).run()
            _sweep(ledger, worker.former.run.uploads)
            return replace(finish, retried=retried)

    def _has_work(self, state: RunState) -> bool:
        """Whether anything waits or is in flight."""
        if not self.policy.sends:
            return bool(state.open)
        waits = next(state.pending(only_again=self.policy.only_retries), None) is not None
        if bool(state.open) or waits or (self.policy.only_retries and bool(failed_items(state))):
            return True
        return next(rewritten(self.assignment, state), None) is not None

    def _worker(
        self,
        ledger: Ledger,
        client: Anthropic,
        info: ModelInfo,
        requests: Requests,
        cache: ResultCache | None,
        hands: Hands,
    ) -> Worker:
        run_id = run_id_of(ledger.state)
        sweep(self.folder.path, run_id)
        meter = Meter()
        once = client.with_options(max_retries=0).with_middleware(meter)  # the brain decides when to look again
        known = None if self.refresh_cache else cache
        uploads = Uploads.known_to(once, ledger.state.uploads)
        run = RunContext(self.assignment, requests, once, info, run_id, self.folder, uploads)
        elsewhere = hands.equip(self._packer(run, known))
        return Worker(
            once,
            Former(run, elsewhere.measuring if elsewhere else Measurer(run, known).candidates),
            Settler(run, cache, self.policy.rounds),
            LostAndFound(run_id),
            self.assignment.headers,
            hands.claim,
            elsewhere.claims if elsewhere else None,
            lambda: meter.quota,
        )

    def _packer(self, run: RunContext, known: ResultCache | None) -> Packer:
        here = Measurer(run, known, keeps_bodies=False)
        return Packer(run, here, self.policy.rounds, self.cache, self.client, refresh_cache=self.refresh_cache)

    def _model(self, client: Anthropic, state: RunState, session: Session) -> ModelInfo:
        """What the model can do. When it is gone, batches that were sent are still collected."""
        each = self.assignment
        try:
            info = usable_model(client, each.model, each.params)
        except ModelError as error:
            if not state.open:
                raise
            session.stop = Stop(str(error), error)
            return ModelInfo(id=each.model)
        if each.rates is None and self.max_cost is None:
            _warn_of_unknown_price(info.id)
        return replace(info, max_tokens=None) if each.headers else info  # a beta may allow longer answers

    @contextmanager
    def _cache(self, ledger: Ledger) -> Iterator[ResultCache | None]:
        if self.cache is False:
            yield None
            return
        namespace = namespace_of(self.assignment.settings)
        cache = ResultCache(self.cache, namespace, run_id=run_id_of(ledger.state))
        try:
            yield cache
        finally:
            cache.close()


def _sweep(ledger: Ledger, uploads: Uploads | None) -> None:
    """Deletes what was uploaded and no batch in flight needs."""
    gone = uploads.sweep(ledger.state.open) if uploads else []
    if gone:
        ledger.record(Deleted(at=datetime.now(UTC), files=gone))


def run_id_of(state: RunState) -> str:
    return state.run.run_id if state.run else ""


def _warn_of_unknown_price(model: str) -> None:
    try:
        rates_of(model)
    except UnknownPriceError as error:
        logger.warning("the cost of this run will not be known: %s", error)
