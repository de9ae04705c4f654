"""One round: a run that is killed and started again until it is done, and then what the simulator's books say."""

import json
import math
import queue
import shutil
import statistics
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.soak.books import Books
from tests.soak.forge import Forge
from tests.soak.plans import Attempt, Plan, plan_of
from tests.soak.work import MODEL, OPTIONS, answers, ledger_of, report_of

FINISHES = 3
"""How often a run may end with an error of the API before it has to be done."""

CALIBRATIONS = 2
TORN = b'{"at":"2026-11-22T04:23:34.783700Z","event":"settled","jo'


@dataclass(frozen=True)
class Round:
    """What is wrong after a round, a sentence each, and what was seen in it. Its folder is kept if anything is."""

    number: int
    problems: list
    seen: Counter
    folder: Path


def played(seed, numbers, root, *, items=100, beside=2):
    """Rounds as they are done, so many beside each other with a forge each."""
    with ExitStack() as stack:
        idle = queue.SimpleQueue()
        for _ in range(beside):
            idle.put(Soak(stack.enter_context(Forge()), Path(root), items))

        def one(number):
            soak = idle.get()
            try:
                return soak.round(seed, number)
            finally:
                idle.put(soak)

        pool = ThreadPoolExecutor(beside)
        stack.callback(pool.shutdown, cancel_futures=True)
        for future in as_completed([pool.submit(one, number) for number in numbers]):
            yield future.result()


@dataclass
class Soak:
    """Rounds with one forge."""

    forge: Forge
    root: Path
    items: int = 100
    seen: Counter = field(default_factory=Counter)
    _durations: list = field(default_factory=list)

    def round(self, seed, number):
        """Plays a round; before the first one, how long a run takes that nobody disturbs."""
        while len(self._durations) < CALIBRATIONS:
            plain = Plan(f"C{self.forge.pid}-{len(self._durations)}", 0, 0.0, 0.0, 0, (Attempt({"clear": True}, None),))
            if problems := self.play(plain):
                raise RuntimeError(f"a run that nobody disturbed went wrong: {problems}")
        self.seen = Counter(rounds=1)
        plan = plan_of(seed, number)
        problems = self.play(plan)
        self.seen["violations"] += bool(problems)
        return Round(number, problems, self.seen, self.root / plan.name)

    def play(self, plan):
        """What is wrong after the run of this plan."""
        folder = self.root / plan.name
        folder.mkdir(parents=True)
        pid, url = self.forge.simulate(seed=plan.seed, latency=plan.latency, seconds=plan.seconds)
        try:
            books = Books(url)
            bystanders = [books.create(_of_others(plan, number)) for number in range(plan.bystanders)]
            problems = self._attempts(plan, folder, books)
            problems = problems or list(check(plan.name, self.items, folder, books, bystanders, self.seen))
        finally:
            self.forge.stop(pid)
        self._note_searches(folder)
        if problems:
            (folder / "problems.txt").write_text("\n".join([str(plan), *problems]))
        else:
            shutil.rmtree(folder)
        return problems

    def _attempts(self, plan, folder, books):
        job = {"folder": str(folder), "url": books.url, "label": plan.name, "items": self.items}
        for attempt in plan.attempts[:-1]:
            books.order(**attempt.faults)
            ended = self.forge.run(job, self._moment(attempt.kill))
            if ended["killed"]:
                self._note_kill(folder, torn=attempt.torn)
            elif ended["code"] == 0:
                self.seen["kills that came too late"] += 1
            else:
                self.seen["ended with an error of the API"] += 1
        books.order(**plan.attempts[-1].faults)
        for _ in range(FINISHES):
            ended = self.forge.run(job)
            if ended["code"] == 0:
                if len(plan.attempts) == 1:
                    self._durations.append(ended["seconds"])
                return []
            if ended["late"]:
                break
            self.seen["ended with an error of the API"] += 1
        return [f"the run did not come to its end ({ended}); see {folder / 'log.txt'}"]

    def _moment(self, kill):
        return {"seconds": kill["share"] * statistics.median(self._durations)} if "share" in kill else kill

    def _note_kill(self, folder, *, torn):
        """Where the kill hit; and a line that was being written, for what a power cut leaves."""
        self.seen["kills"] += 1
        ledger = ledger_of(folder)
        standing = _standing(ledger)
        self.seen["kills between intent and submitted"] += "intent" in standing.values()
        self.seen["kills between ended and settled"] += "ended" in standing.values()
        if torn and ledger.exists() and ledger.stat().st_size:
            self.seen["torn last lines"] += 1
            with ledger.open("ab") as file:
                file.write(TORN)

    def _note_searches(self, folder):
        log = (folder / "log.txt").read_text()
        self.seen["lost batches found and adopted"] += log.count("the batch that was lost is")
        self.seen["lost batches that were never created"] += sum(
            "lists no batch" in each.get("reason", "") for each in _events(ledger_of(folder))
        )


def _of_others(plan, number):
    """As many requests as a job has, so that they have to be told apart."""
    names = [f"other{number}-{each}" for each in range(OPTIONS["items_per_job"])]
    base = {"model": MODEL, "max_tokens": 64}
    return [
        {"custom_id": name, "params": {**base, "messages": [{"role": "user", "content": f"{plan.name} {name}"}]}}
        for name in names
    ]


def _events(ledger):
    """Whole lines; a last one without an end is torn."""
    lines = ledger.read_bytes().split(b"\n")[:-1] if ledger.exists() else []
    return [json.loads(line) for line in lines]


def _standing(ledger):
    """The last event of each job, of the jobs that are not done with."""
    last = {each["job"]: each["event"] for each in _events(ledger) if "job" in each}
    return {job: event for job, event in last.items() if event not in ("settled", "unsent")}


def check(label, count, folder, books, bystanders=(), seen=None):
    """What is wrong with a run that says it is done, a sentence each; `seen` counts the items."""
    seen = Counter() if seen is None else seen
    report = json.loads(report_of(folder).read_text())
    created = [each for each in books.close() if each not in bystanders]
    wrong = list(_wrong_items(report, answers(label, count)))
    billed = books.billed(created)
    seen["items"] += count
    seen["items billed"] += billed.total()
    seen["items billed twice"] += len(books.billed_twice())
    seen["items lost or wrong"] += len(wrong)
    yield from wrong
    yield from _check_results(report, answers(label, count))
    yield from _check_payments(report, books, billed, created, count, len(bystanders))
    yield from _check_summary(report, count)
    yield from _check_ledger(ledger_of(folder), created)


def _wrong_items(report, expected):
    """Each item has one record, and it is the right one."""
    records = {}
    for each in report["outcomes"]:
        records.setdefault(each["index"], []).append(each)
    for index, wanted in enumerate(expected):
        found = records.get(index, [])
        if len(found) != 1:
            yield f"item {index} has {len(found)} outcomes"
        elif found[0]["outcome"] != "succeeded" or found[0]["result"] != wanted:
            yield f"item {index} is {found[0]}"


def _check_results(report, expected):
    if [each["index"] for each in report["outcomes"]] != list(range(len(expected))):
        yield "outcomes() is not in the order of the input"
    for name in ("results", "loaded"):
        if report[name] != expected:
            yield f"{name} are not the {len(expected)} answers in order, but {len(report[name])}: {report[name]}"


def _check_payments(report, books, billed, created, count, bystanders):
    if twice := {name: times for name, times in billed.items() if times > 1} | books.billed_twice():
        yield f"{len(twice)} items were billed more than once: {twice}"
    if len(billed) != count:
        yield f"{len(billed)} of {count} items were billed"
    total, foreign = books.state()["items_billed"], bystanders * OPTIONS["items_per_job"]
    if total != count + foreign:
        yield f"{total} items were billed in all, for {count} of ours and {foreign} of others"
    bill = books.bill(created)
    if not math.isclose(report["summary"]["total_cost"], float(bill), rel_tol=1e-9):
        yield f"the summary says {report['summary']['total_cost']}, the bill says {bill}"
    if sorted(report["summary"]["batch_ids"]) != sorted(created):
        yield f"there are {len(created)} batches, the run knows {len(report['summary']['batch_ids'])}"


def _check_summary(report, count):
    summary = report["summary"]
    wanted = {"total_items": count, "completed_items": count, "failed_items": 0, "pending_items": 0}
    wanted |= {"in_flight_items": 0, "cost_reserved": 0.0, "stopped": ""}
    if differing := {name: summary[name] for name, value in wanted.items() if summary[name] != value}:
        yield f"the summary says {differing}"
    if report["again"] != summary:
        yield f"another run() says {report['again']} and not {summary}"


def _check_ledger(ledger, created):
    data = ledger.read_bytes()
    if not data.endswith(b"\n"):
        yield "the ledger ends within a line"
    events = [json.loads(line) for line in data.splitlines()]
    if standing := _standing(ledger):
        yield f"the ledger ends with jobs that are open: {standing}"
    submitted = [each["batch_id"] for each in events if each["event"] == "submitted"]
    if sorted(submitted) != sorted(created):
        yield f"the ledger tells of {len(submitted)} batches, the API of {len(created)}"
