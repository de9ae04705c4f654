"""Whole runs in memory: the brain against an API that answers as it likes, processes that die at any moment."""

import random
from array import array
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from batchata.core.events import (
    Again,
    Decided,
    Ending,
    Intent,
    ItemsAdded,
    Opened,
    RunStarted,
    Sent,
    Settled,
    Submitted,
    decoded_event,
    encoded,
)
from batchata.core.jobs import Fit, Packing
from batchata.core.outcomes import Canceled, Errored, Expired, Invalid, Missing, Refused, Succeeded, Truncated
from batchata.core.plan import decide, gated_sample
from batchata.core.rates import Rates
from batchata.core.reacting import react, withdrawn
from batchata.core.retries import Final, NotAtFault, SendAgain, cause_of, verdict
from batchata.core.sampling import draw
from batchata.core.session import Policy, Session, Stop
from batchata.core.sharing import NONE, Prefix, Sharing
from batchata.core.state import RunState, Standing
from batchata.core.steps import (
    Approve,
    Ask,
    Collect,
    Collected,
    Created,
    Failed,
    Finish,
    Form,
    Formed,
    Look,
    Looked,
    NotFound,
    Search,
    Send,
    Wait,
)
from batchata.core.summary import summary_of
from batchata.errors import (
    AccountError,
    AmbiguousSubmitError,
    CredentialsError,
    IncompleteResultsError,
    NotEndedError,
    RequestRefusedError,
    ServiceError,
    UnboundedCostError,
)
from tests.core.brain_support import NOW, observed

ZERO = Decimal(0)
SAVED = (Decimal("0.2"), Decimal("0.1"), Decimal("-0.15"), None)
ROOM, LONGEST = 100, 250
LOST_AFTER = 60.0
MOST_STEPS, MOST_SESSIONS = 4_000, 120


@dataclass
class Batch:
    """What the API holds: `bills` is what each item costs in truth, `outcomes` what is said of it."""

    batch_id: str
    sent: list
    listed_at: float
    ends_at: float
    outcomes: dict = field(default_factory=dict)
    bills: dict = field(default_factory=dict)
    unreadable: int = 0
    cut: int | None = None


class World:
    """The API's side. `faults` runs out, so that every story comes to an end."""

    def __init__(self, chance, items):
        self.chance, self.now = chance, NOW
        self.faults = chance.choice((0, 5, 30, 60))
        self.bound_of = [Decimal(chance.randint(1, 40)) / 1000 for _ in range(items)]
        self.cached = {item for item in range(items) if chance.random() < chance.choice((0, 0, 0.2))}
        self.batches = {}
        self.foreign = [
            (f"foreign {number}", chance.randint(1, 5), NOW + chance.uniform(0, 500))
            for number in range(chance.choice((0, 0, 2)))
        ]
        self.doomed = chance.random() < 0.15
        self.seen = set()

    def fault(self, share):
        if self.faults > 0 and self.chance.random() < share:
            self.faults -= 1
            return True
        return False

    def bound(self, item, max_tokens):
        return self.bound_of[item] * (max_tokens or ROOM) / ROOM

    def create(self, sent, *, late=False):
        """The law of laws: one attempt at an item is sent once."""
        for each in sent:
            assert (each.item, each.attempt) not in self.seen, f"item {each.item} was sent twice as {each.attempt}"
            self.seen.add((each.item, each.attempt))
        chance = self.chance
        listed = self.now + (chance.uniform(0, LOST_AFTER * 0.9) if late else 0)
        ends = self.now + chance.choice((0, 1, 30, 400)) * chance.random()
        batch = Batch(f"batch {len(self.batches)}", list(sent), listed, ends)
        for each in sent:
            batch.outcomes[each.item], batch.bills[each.item] = self._fate(each)
        if self.fault(0.1):
            batch.unreadable = chance.randint(1, 4)
            batch.cut = chance.choice(sent).item
        self.batches[batch.batch_id] = batch
        return batch

    def _fate(self, each):
        """An outcome and its bill: what was not answered is free, the rest costs at most its bound."""
        name = {"custom_id": f"run-{each.item:06d}-{each.attempt}"}
        bill = self.bound(each.item, each.max_tokens) * self.chance.choice((1, 3, 9, 10)) / 10
        answered = {**name, "model": "m", "usage": {"input_tokens": 1, "output_tokens": 1}}
        if self.doomed:
            return Invalid(**answered, problem="no JSON", text=""), bill
        if not self.fault(0.4):
            return Succeeded(**answered, result="x"), bill
        fates = [
            (Errored(**name, error_type="api_error", message="it broke"), ZERO),
            (Errored(**name, error_type="invalid_request_error", message="no"), ZERO),
            (Errored(**name, error_type="billing_error", message="no credit"), ZERO),
            (Errored(**name, error_type="unknown_result", message="its type is 'new'"), bill),
            (Expired(**name), ZERO),
            (Canceled(**name), ZERO),
            (Truncated(**answered, stop_reason="max_tokens", text=""), bill),
            (Invalid(**answered, problem="no JSON", text=""), bill),
            (Refused(**answered, category=None, explanation=None), bill),
            (Missing(**name, problem="no line"), bill),
        ]
        return self.chance.choice(fates)

    def bill(self):
        return sum((sum(batch.bills.values(), ZERO) for batch in self.batches.values()), ZERO)


class DeathError(Exception):
    """The process is gone."""


class Story:
    """One run over its whole life: sessions, deaths, limits, until every item has ended."""

    def __init__(self, seed, items=None):
        self.chance = random.Random(seed)
        self.items = items or self.chance.randint(1, 12)
        self.world = World(self.chance, self.items)
        self.state = RunState()
        self.lines, self.synced = [], 0
        self.deaths = self.chance.choice((0, 3, 12))
        self.moments, self.die_at = 0, None
        self.limit = self.chance.choice((None, *map(Decimal, ("0.03", "0.06", "0.15", "5"))))
        self.most_parallel = self.chance.choice((1, 2, 5))
        self.items_per_job = self.chance.choice((1, 2, 3, 10))
        self.on_limit = self.chance.choice(("stop", "ask", "ask"))
        self.gate = random.Random(f"gate {seed}")
        self.wanted = self.gate.choice((None, 1, 2, 0.3, 1.0))
        self.approvals = 0
        self.sharer = random.Random(f"share {seed}")
        self.sharing = self._shared() if self.sharer.random() < 0.5 else None
        self.session = None
        self.under_way = []
        self.releases = Counter()
        self.steps = 0

    def _shared(self):
        """Items begin with one of some long beginnings, or with none that others have."""
        mode, count = self.sharer.choice(("auto", "auto", "1h", "5m")), self.sharer.randint(1, 3)
        prefixes = [Prefix(f"prefix {each}", (0, each + 1), 80_000, self.items) for each in range(count)]
        of = array("l", [self.sharer.choice((NONE, *range(count), *range(count))) for _ in range(self.items)])
        return Sharing(prefixes, of, Rates(2, 10), mode)

    # the disk

    def record(self, event, *, sync=False):
        """As the ledger does it. A process may die before, while or after a line is written."""
        self._may_die(0.01)
        self._apply(event)
        self.lines.append(encoded(event))
        if sync:
            self.synced = len(self.lines)
        self._check()
        self._may_die(0.01)

    def _apply(self, event):
        self.state.apply(event)

    def _may_die(self, share):
        self.moments += 1
        if self.moments == self.die_at:
            raise DeathError
        if self.deaths > 0 and self.chance.random() < share:
            self.deaths -= 1
            raise DeathError

    def _die(self):
        """Calls that were under way may still have had their effect. The disk keeps what was written, the power
        may take what was not synced; a line that was being written is torn, which is no line.
        """
        for step in self.under_way:
            if isinstance(step, Send) and self.chance.random() < 0.5:
                self.world.create(step.items, late=True)
        power_cut = self.chance.random() < 0.3
        if power_cut:
            self.lines = self.lines[: self.chance.randint(self.synced, len(self.lines))]
        replayed = self._replayed()
        if not power_cut:
            assert observed(replayed) == observed(self.state)
        self.state = replayed
        self.world.now += self.chance.choice((0.0, 1.0, 500.0))

    def _replayed(self):
        state = RunState()
        for line in self.lines:
            state.apply(decoded_event(line))
        return state

    # the laws that hold at every moment

    def _check(self):
        budget, state = self.state.budget, self.state
        if budget.limit is not None:
            assert budget.spent + budget.held + budget.reserved <= budget.limit
        assert budget.reserved == sum((job.bound or ZERO for job in state.open.values()), ZERO)
        held = sorted(each.item for job in state.open.values() for each in job.items)
        assert held == state.indexes(Standing.HELD), "an item is held by exactly one job"
        if state.total:
            summary = summary_of(state, total=self.items, state_path="", results_dir="")
            parts = ("completed_items", "failed_items", "pending_items", "in_flight_items")
            assert sum(summary[each] for each in parts) == self.items

    def _check_new(self, job):
        """Before a batch is created: its items were released by whatever held them before, durably."""
        self._check_gate({each.item for each in job})
        self._check_written({each.item for each in job})
        assert len(self.state.open) <= self.most_parallel
        assert len({each.item for each in job}) == len(job)
        released = self._released()
        for batch in self.world.batches.values():
            for each in batch.sent:
                if each.item in {new.item for new in job}:
                    assert (batch.batch_id, each.item) in released, f"item {each.item} may be paid twice"

    def _check_gate(self, items):
        """Until the sample is approved, durably, nothing else is sent; and it was approved by somebody."""
        if not self.session.policy.gated:
            return
        events = [decoded_event(line) for line in self.lines[: self.synced]]
        decisions = [event for event in events if isinstance(event, Decided)]
        sampled = [set(event.items) for event in decisions if event.what == "sample"]
        assert len(sampled) <= 1, "it was sampled twice"
        if sampled and not any(event.what == "approved" for event in decisions):
            assert items <= sampled[0], "an item was sent before the sample was approved"
        elif sampled:
            assert self.approvals, "nobody approved"

    def _check_written(self, items):
        """While a job ahead is under way nobody else of the same beginning is sent, nor with it."""
        if self.session.sharing is None or self.state.warmth.is_a_loss:
            return
        mine = Counter(found.key for item in items if (found := self.sharing.prefix_of(item)))
        for line in self.lines:
            event = decoded_event(line)
            if isinstance(event, Intent) and event.ahead and event.job in self.state.open:
                is_this = {each.item for each in event.items} == items
                assert not any(mine[key] > is_this for key in event.prefixes), "it was not waited for"

    def _released(self):
        """The items of batches that the ledger says may be sent again, and where nobody pays for them twice unasked."""
        released, ended_in = set(), {}
        for line in self.lines[: self.synced]:
            event = decoded_event(line)
            if isinstance(event, Settled):
                released |= {(event.batch_id, each.item) for each in event.again}
                for item in event.pending:
                    assert self.world.batches[event.batch_id].bills[item] == 0
                    released.add((event.batch_id, item))
                ended_in |= {each.item: event.batch_id for each in event.endings}
            if isinstance(event, Decided) and event.what == "retry":
                released |= {(ended_in[item], item) for item in event.items}
        return released

    # carrying steps out

    def now(self):
        return datetime.fromtimestamp(self.world.now, UTC)

    def form(self, step):
        if self.world.fault(0.01):
            return Failed(
                self.sharer.choice((UnboundedCostError("a tool without max_uses"), ServiceError("no upload")))
            )
        packing = Packing(items=step.items_per_job, left=step.left, bytes=self.chance.choice((10**6, 500)))
        items, cached, needed, written = [], [], None, set()
        for each in step.candidates:
            if packing.is_full:
                break
            if step.ahead and each.marks.prefix in written:
                continue
            if each.index in self.world.cached:
                cached.append(Ending(each.index, "succeeded", ZERO))
                continue
            bound = None if step.left is None else self.world.bound(each.index, each.max_tokens)
            fit = packing.offer(100, bound)
            if fit is Fit.TAKEN:
                items.append(Sent(each.index, each.attempt, each.max_tokens, "print"))
                written.add(each.marks and each.marks.prefix)
            elif fit is Fit.TOO_DEAR:
                needed = min(bound, needed or bound)
                if not step.alone or items:
                    break
            else:
                break
        settled = None
        if cached:
            settled = Settled(at=self.now(), job=step.job, cached=len(cached), endings=cached)
        return Formed(step.job + bool(cached), items, packing.bound if items else None, settled, [], needed)

    def send(self, step):
        self._check_new(step.items)
        if self.world.fault(0.3):
            lost = AmbiguousSubmitError("the answer was lost", custom_id="run-000000-1", total=len(step.items))
            match self.chance.randint(0, 7):
                case 0 | 1:
                    self.world.create(step.items, late=True)
                    return Failed(lost)
                case 2 | 3:
                    return Failed(lost)
                case 4:
                    return Failed(RequestRefusedError("HTTP 400"))
                case 5:
                    return Failed(AccountError("no credit"))
                case 6:
                    return Failed(CredentialsError("bad key"))
                case _:
                    self.world.faults -= 1
                    return Failed(ServiceError("busy"))
        return Created(self.world.create(step.items).batch_id)

    def search(self, step):
        if self.world.fault(0.2):
            return Failed(self.chance.choice((ServiceError("down"), RequestRefusedError("HTTP 404"))))
        running = [name for name, total, ends in self.world.foreign if total == step.total and self.world.now < ends]
        for batch in self.world.batches.values():
            if batch.batch_id in step.known or batch.listed_at > self.world.now or len(batch.sent) != step.total:
                continue
            if batch.ends_at > self.world.now:
                running.append(batch.batch_id)
            elif (batch.sent[0].item, batch.sent[0].attempt) in step.items:
                return Created(batch.batch_id)
        return NotFound(running)

    def look(self, step):
        if self.world.fault(0.2):
            error = self.chance.choice((ServiceError, RequestRefusedError, CredentialsError))
            return Failed(error("the look failed"))
        return Looked(self.world.batches[step.batch_id].ends_at <= self.world.now)

    def collect(self, step):
        batch = self.world.batches[step.batch_id]
        if self.world.fault(0.1):
            return Failed(self.chance.choice((ServiceError("down"), NotEndedError("in progress"))))
        if batch.unreadable and not step.settle_short:
            batch.unreadable -= 1
            return Failed(IncompleteResultsError("short", read=0, expected=len(batch.sent)))
        if batch.unreadable:
            batch.unreadable = 0
            batch.outcomes[batch.cut] = Missing(custom_id="x", problem="the stream stayed short")
        assert [(each.item, each.attempt) for each in step.items] == [(each.item, each.attempt) for each in batch.sent]
        return self._collected(step, batch)

    def _collected(self, step, batch):
        endings, again, pending, causes, trouble, cost, unknown = [], [], [], [], None, ZERO, False
        for each in step.items:
            outcome = batch.outcomes[each.item]
            known = not (isinstance(outcome, Missing) or getattr(outcome, "error_type", "") == "unknown_result")
            bill = batch.bills[each.item] if known else None
            cost, unknown = cost + (bill or ZERO), unknown or not known
            history = step.histories.get(each.item, ())
            then = verdict(outcome, history, max_tokens=each.max_tokens or ROOM, longest=LONGEST)
            match then:
                case Final():
                    endings.append(Ending(each.item, outcome.kind, bill))
                case SendAgain():
                    again.append(Again(each.item, outcome.kind, bill, then.max_tokens or each.max_tokens))
                case NotAtFault():
                    pending.append(each.item)
                    trouble = outcome.reason
            if outcome.kind != "succeeded" and then != NotAtFault():
                causes.append(cause_of(outcome))
        held = max((step.bound or ZERO) - cost, ZERO) if unknown else ZERO
        settled = Settled(at=self.now(), job=step.job, batch_id=step.batch_id, endings=endings, again=again,
                          pending=pending, cost=cost, held=held, prompt_saved=self.sharer.choice(SAVED))  # fmt: skip
        return Collected(settled, causes, trouble)

    def carry_out(self, step):
        match step:
            case Form():
                return self.form(step)
            case Send():
                return self.send(step)
            case Search():
                return self.search(step)
            case Look():
                return self.look(step)
            case Collect():
                return self.collect(step)

    # one session, as the loop has it

    def run(self, *, only_retries=False):
        """One process over the ledger. None when it died."""
        self.under_way = []
        gated = self.wanted is not None and not only_retries and self.gate.random() < 0.95
        try:
            return self._run(only_retries=only_retries, gated=gated)
        except DeathError:
            self._die()
            return None

    def _run(self, *, only_retries, gated):
        if self.state.run is None:
            self.record(RunStarted(at=self.now(), run_id="run", version="1", model="m", settings={}))
        if self.state.total < self.items:
            names = [str(item) for item in range(self.state.total, self.items)]
            self.record(ItemsAdded(at=self.now(), first=self.state.total, names=names))
        self.record(Opened(at=self.now(), pid=1, host="h", max_cost=self.limit), sync=True)
        policy = Policy(self.items_per_job, self.most_parallel, on_limit=self.on_limit, lost_after=LOST_AFTER,
                        only_retries=only_retries, gated=gated)  # fmt: skip
        self.session = Session(policy, started=self.world.now)
        self.session.sharing = self.sharing
        if not only_retries:
            self._prepare_gate(gated=gated)
        failed = [item for item in range(self.items) if self.state.kind_of(item) not in (None, "succeeded")]
        if only_retries and failed:
            self.record(Decided(at=self.now(), what="retry", items=failed), sync=True)
        while True:
            finish = self._round()
            if finish is not None:
                return finish

    def _prepare_gate(self, *, gated):
        """As `running.gate.prepare_gate` does it."""
        unsent, sample = self.state.indexes(Standing.PENDING), self.state.sample
        if gated and sample is None and unsent:
            drawn = draw("run", self.wanted, unsent, self.state.total)
            self.record(Decided(at=self.now(), what="sample", items=drawn), sync=True)
        if not gated and sample is not None and not sample.approved:
            self.approvals += 1
            self.record(Decided(at=self.now(), what="approved"), sync=True)

    def _round(self):
        self.steps += 1
        assert self.steps < MOST_STEPS, "the run does not come to an end"
        self._may_die(0.01)
        if self.session.stop is None and self.world.fault(0.005):
            self.session.stop = Stop("a signal", drain=False)
        for event in withdrawn(self.state, self.session, self.world.now):
            self.record(event)
        steps = decide(self.state, self.session, self.world.now)
        assert len(steps) == 1 or not any(isinstance(step, Wait | Ask | Approve | Finish) for step in steps)
        for step in steps:
            match step:
                case Finish():
                    self._check_finish()
                    return step
                case Ask():
                    self._ask(step)
                case Approve():
                    self._approve(step)
                case Wait():
                    self._wait(step)
                case _:
                    self._start(step)
        while self.under_way and self.chance.random() < 0.5:
            self._deliver()
        return None

    def _check_finish(self):
        stop = self.session.stop
        assert not self.session.busy
        assert not self.session.forming
        assert not self.under_way
        assert not self.state.open or (stop is not None and not stop.drain)

    def _ask(self, question):
        assert not self.state.open
        assert not self.session.busy
        assert question.limit == self.state.budget.limit
        assert question.spent == self.state.budget.spent + self.state.budget.held
        if self.chance.random() < 0.4:
            self.session.stop = Stop("nobody answered")
            self.record(Decided(at=self.now(), what="stop"), sync=True)
            return
        self.session.blocked_at = None
        limit = question.limit + self.chance.choice((Decimal("0.001"), Decimal("0.5")))
        self.record(Decided(at=self.now(), what="limit", limit=limit), sync=True)

    def _approve(self, question):
        """The sample has ended as a whole, and what it cost is what the world has on its bill for it."""
        state, report = self.state, question.report
        assert not state.open
        assert not self.session.busy
        assert all(state.kind_of(index) for index in state.sample.costs)
        assert sum(report.outcomes.values()) == report.items
        if report.forecast is not None:
            bills = [batch.bills[each.item] for batch in self.world.batches.values() for each in batch.sent
                     if each.item in state.sample.costs]  # fmt: skip
            assert report.cost_per_item * report.items == pytest.approx(sum(bills, ZERO))
            assert report.forecast >= report.spent
        self._may_die(0.05)
        if self.gate.random() < 0.4:
            self.session.stop = Stop("nobody approved")
            self.record(Decided(at=self.now(), what="stop"), sync=True)
            return
        self.approvals += 1
        self.record(Decided(at=self.now(), what="approved"), sync=True)

    def _wait(self, step):
        if self.under_way:
            self.world.now += self.chance.choice((1, 1, 200)) * self.chance.random()
            self._deliver()
            return
        assert step.until > self.world.now, "it waits for what has come already"
        self.world.now = step.until

    def _start(self, step):
        if isinstance(step, Send) and self.world.fault(0.05):  # a fence outside of the run
            self.session.watch(step.job).due = self.world.now + 1
            return
        if isinstance(step, Form):
            assert not self.session.forming
            assert self.session.stop is None
            self.session.forming = True
        else:
            assert step.job not in self.session.busy
            self.session.busy.add(step.job)
        self.under_way.append(step)

    def _deliver(self):
        step = self.under_way.pop(self.chance.randrange(len(self.under_way)))
        report = self.carry_out(step)
        chance = self.chance.random()
        for event in react(self.state, self.session, step, report, now=self.world.now, chance=chance):
            self.record(event, sync=isinstance(event, Intent | Submitted))

    # the whole life

    def live(self):
        """Sessions until nothing is left; a limit that is in the way is raised once everything has stopped."""
        for _ in range(MOST_SESSIONS):
            finish = self.run()
            if finish is None:
                continue
            if not finish.stopped:
                return
            if self.limit is not None and self.state.limit_reached:
                self._check_limit()
                self.limit = max(self.limit, self.state.budget.limit) + Decimal("0.3")
        raise AssertionError(f"it never finished: {finish}")

    def _check_limit(self):
        """It is reached only when it does not cover any single item that may be sent."""
        if not self.state.open and not self.session.stop:
            left, sample = self.state.budget.left, gated_sample(self.state, self.session)
            waiting = list(self.state.pending_of(sample.costs) if sample else self.state.pending())
            assert waiting
            assert all(self.world.bound(item, self.state.max_tokens_of(item)) > left for item in waiting)

    def check_end(self):
        """Every item has ended once, the ledger's bill is the world's, and reading it again gives the same."""
        state = self.state
        assert state.indexes(Standing.DONE) == list(range(self.items))
        assert not state.open
        assert sum(state.tally.kinds.values()) == self.items
        endings = Counter()
        for line in self.lines:
            event = decoded_event(line)
            if isinstance(event, Settled):
                endings.update(each.item for each in event.endings)
            if isinstance(event, Decided) and event.what == "retry":
                endings.subtract(event.items)
        assert endings == Counter(range(self.items))
        assert set(state.batches) == set(self.world.batches), "a batch was created and never collected"
        known, most = state.budget.spent, state.budget.spent + state.budget.held
        assert known <= self.world.bill()
        if self.limit is not None:
            assert self.world.bill() <= most <= state.budget.limit
        if not state.tally.unpriced:
            assert known == self.world.bill()
        assert observed(self._replayed()) == observed(state)

    def check_finished(self):
        """A finished run that is begun again sends nothing."""
        sent, faults, self.world.faults = len(self.world.batches), self.world.faults, 0
        assert self.run() in (None, Finish())
        assert len(self.world.batches) == sent
        self.world.faults = faults


def told(story, seed):
    """A story to its end. What goes wrong names the seed."""
    try:
        story.live()
        story.check_end()
        story.check_finished()
        story.run(only_retries=True)
        story.live()
        story.check_end()
    except Exception as error:
        error.add_note(f"seed {seed}")
        raise
    return story


@pytest.mark.parametrize("block", range(10))
def test_nothing_is_paid_twice_nothing_is_lost_and_the_limit_is_kept(block):
    """50 lives of a run: see `World`, `Story._check`, `_check_new`, `_check_finish`, `check_end`."""
    for seed in range(50 * block, 50 * block + 50):
        told(Story(seed), seed)


def test_the_stories_are_not_all_the_same():
    """What a story may hold did happen: otherwise the laws above would say nothing."""
    seen = Counter()
    for seed in range(60):
        story = told(Story(seed), seed)
        events = [decoded_event(line) for line in story.lines]
        names = Counter(event.event for event in events)
        decisions = Counter(event.what for event in events if isinstance(event, Decided))
        seen["sessions"] += names["opened"]
        seen["unsent"] += names["unsent"]
        seen["adopted"] += any(batch.listed_at > NOW for batch in story.world.batches.values())
        seen.update({what: min(count, 1) for what, count in decisions.items()})
        seen["again"] += any(event.again for event in events if isinstance(event, Settled))
        seen["waits"] += any(event.pending for event in events if isinstance(event, Settled))
        seen["held"] += story.state.budget.held > 0
        seen["ahead"] += any(event.ahead for event in events if isinstance(event, Intent))
        seen["read"] += any(event.prefixes and not event.ahead for event in events if isinstance(event, Intent))
        seen["cached"] += story.state.tally.cached > 0
    few = {name: seen[name] for name in ("unsent", "again", "waits", "held", "cached", "adopted", "retry",
                                         "limit", "limit_reached", "stop", "sample", "approved", "ahead", "read") if seen[name] < 3}  # fmt: skip
    assert not few
    assert seen["sessions"] > 150


@pytest.mark.parametrize("seed", [2, 3, 4, 6])
def test_a_death_at_each_single_moment(seed):
    """The same story again and again, with one death, each time a moment later."""
    moment, story = 0, None
    while story is None or story.moments >= moment:
        moment += 1
        story = Story(seed, items=4)
        story.deaths, story.die_at = 0, moment
        told(story, f"{seed}, death at moment {moment}")
    assert moment > 20
