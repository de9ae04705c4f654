"""What a run would cost: everything is looked at, the free parts of the API are asked, and nothing is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import orjson

from batchata.core.answers import AnswerRule, object_rule, text_rule, thinking_of
from batchata.core.contents import Contents
from batchata.core.estimates import Estimate
from batchata.core.fingerprints import namespace_of
from batchata.core.forecasting import Paid, Work, estimate_of
from batchata.core.pricing import Tokens
from batchata.core.rates import rates_of
from batchata.core.reckoning import Answers, Pricing, Usage
from batchata.core.savings import Saving, saving_of
from batchata.core.schema import json_schema
from batchata.core.session import Policy
from batchata.core.sharing import Sharing
from batchata.core.state import RunState, Standing
from batchata.core.typical import Layout, typical_answer
from batchata.errors import BatchataError, InputError, LedgerMismatchError, UnknownUsageError
from batchata.io.cache import ResultCache
from batchata.io.counting import TokenCounter
from batchata.io.intake import usable_model
from batchata.io.results import ResultsFolder
from batchata.running.assignment import Assignment, Requests, RunContext
from batchata.running.beginnings import sharing_in
from batchata.running.looking import Looked, Looker, ToPay, to_pay
from batchata.running.measuring import Measurer, encoded_params
from batchata.running.opening import READ_BEFOREHAND, check_items, check_same
from batchata.running.reading import records
from batchata.running.run import run_id_of

if TYPE_CHECKING:
    from anthropic import Anthropic

COUNTED = 300
"""So many items the API counts: ten seconds' worth of what the smallest account may ask for."""

_NO_RUN = "estimate"
_MEASURED_ENOUGH, _MEASURED_MOST = 5, 300
_BILLED = ("truncated", "refused", "invalid")
"""Failures that were paid for, when an item was sent again after one."""

_NO_RESENDS = (
    "items that are paid for more than once, for an answer was cut or not what was asked for, are not in the estimate: "
    "how many they are shows when some have ended, as those of a sample"
)
_CHARACTERS_A_TOKEN = 2.5
"""About, of plain text (doc:build-with-claude/token-counting); asked only where the API counts nothing."""


@dataclass(frozen=True)
class Question:
    """A run that is to be estimated. `count` is how many items the API counts, `output_tokens` how long an answer is,
    if the caller knows.
    """

    assignment: Assignment
    state: RunState
    state_path: Path
    folder: ResultsFolder
    policy: Policy
    max_cost: Decimal | None
    cache: object
    refresh_cache: bool
    count: int = COUNTED
    output_tokens: int | None = None

    def about(self, model: str) -> Question:
        """The same about another model, of which the ledger tells nothing."""
        if model == self.assignment.model:
            return self
        other = replace(self.assignment, model=model, rates=None)
        return replace(self, assignment=other, state=RunState())

    def checked(self) -> Question:
        """Raises LedgerMismatchError and InputError as a run would."""
        state = self.state
        if state.run is not None:
            try:
                check_same(self.state_path, state, self.assignment.settings, self.assignment.names())
            except LedgerMismatchError:
                if state.next_job > 1:
                    raise
                state = RunState()
        check_items(self.assignment, state)
        return replace(self, state=state)


def estimates(question: Question, client: Anthropic, models: Sequence[str]) -> dict[str, Estimate]:
    """One for each model, by its name.

    Raises InputError, ModelError, UnknownPriceError, LedgerMismatchError and the errors of `poll`.
    """
    wanted = [question.about(model) for model in dict.fromkeys(models)]
    for each in wanted:
        _ = each.assignment.rates or rates_of(each.assignment.model)
    wanted[0] = wanted[0].checked()
    known: dict[int, Contents] = {}
    return {each.assignment.model: _Estimator(each, client, known).estimate() for each in wanted}


@dataclass(frozen=True)
class _Estimator:
    question: Question
    client: Anthropic
    known: dict[int, Contents]
    notes: list[str] = field(default_factory=list)

    def estimate(self) -> Estimate:
        each, assignment = self.question, self.question.assignment
        counter = TokenCounter(self.client, assignment.headers)
        wanted = to_pay(each.state, len(assignment.items), is_files=assignment.is_files, count=each.count)
        run, cache = self._context(), self._cache()
        self._check_first(run, wanted)
        unhurried = self.client.with_options(max_retries=0)
        sharing = sharing_in(assignment, run.requests, run.info, unhurried, may_wait=not each.policy.grows)
        measurer = Measurer(run, None if each.refresh_cache else cache)
        found = Looker(run, measurer, each.state, counter, self.known, sharing).look(wanted)
        self._judge(found, wanted, run.info.max_input_tokens)
        return estimate_of(
            self._work(found, wanted, self._answers(found, counter, cache), self._saving(sharing, found))
        )

    def _saving(self, sharing: Sharing | None, found: Looked) -> Saving:
        """Of the items that have not ended, without those that are not to be paid for."""
        state, total = self.question.state, len(self.question.assignment.items)
        looked_at = len(found.seen) + found.cached + len(found.problems)
        if sharing is None or not looked_at:
            return Saving()
        left = (index for index in range(total) if index >= state.total or state.kind_of(index) is None)
        prefixes = (sharing.prefix_of(index) for index in left)
        counts = Counter(each.key for each in prefixes if each is not None)
        return saving_of(sharing, counts).times(Decimal(len(found.seen)) / looked_at)

    def _work(self, found: Looked, wanted: ToPay, answers: Answers, saving: Saving) -> Work:
        each, assignment = self.question, self.question.assignment
        rates = assignment.rates or rates_of(assignment.model)
        return Work(
            model=assignment.model,
            pricing=Pricing(rates, is_us=found.params.get("inference_geo") == "us"),
            seen=found.seen,
            waiting=wanted.waiting,
            waiting_seen=wanted.waiting_seen,
            answers=answers,
            paid=Paid.of(each.state),
            cached=found.cached,
            unsendable=len(found.problems),
            max_cost=each.max_cost,
            items_per_job=each.policy.items_per_job,
            max_parallel_jobs=each.policy.max_parallel_jobs,
            saving=saving,
            notes=tuple(self.notes),
        )

    def _context(self) -> RunContext:
        assignment = self.question.assignment
        info = usable_model(self.client, assignment.model, assignment.params)
        info = replace(info, max_tokens=None) if assignment.headers else info  # a beta may allow longer answers
        requests = Requests(assignment, info)
        requests.max_tokens(None)
        run_id = run_id_of(self.question.state)
        return RunContext(assignment, requests, self.client, info, run_id, self.question.folder)

    def _cache(self) -> ResultCache | None:
        """It is only read, and therefore not closed, which would write."""
        if self.question.cache is False:
            return None
        return ResultCache(self.question.cache, namespace_of(self.question.assignment.settings), run_id=_NO_RUN)

    def _check_first(self, run: RunContext, wanted: ToPay) -> None:
        """What would make every item fail, such as a parameter that is no JSON. Raises InputError."""
        assignment = self.question.assignment
        if wanted.looked_at and not (assignment.is_files and len(assignment.items) > READ_BEFOREHAND):
            encoded_params(run.requests.params(wanted.looked_at[0], None))

    def _judge(self, found: Looked, wanted: ToPay, window: int | None) -> None:
        """Items that fail alone are told; where there are few, or all fail, it is an error, as in a run."""
        total, is_files = len(self.question.assignment.items), self.question.assignment.is_files
        is_few = not is_files or total <= READ_BEFOREHAND
        if found.problems and (is_few or len(found.problems) == len(wanted.looked_at)):
            raise InputError.of_items(found.problems, total)
        if found.problems:
            self.notes.append(f"{len(found.problems):,} items cannot be sent: {_named(found.problems)}")
        if found.uncounted:
            self.notes.append(
                f"the API would not count {len(found.uncounted):,} items; their tokens are told from the others, and "
                f"they may be refused in the run too: {_named(found.uncounted)}"
            )
        self.notes.extend(_left_out(found))
        long = sum(each.counted is not None and window is not None and each.counted > window for each in found.seen)
        if long:
            self.notes.append(f"{long:,} items have more than the {window:,} tokens that the model reads")

    def _answers(self, found: Looked, counter: TokenCounter, cache: ResultCache | None) -> Answers:
        """How long answers are: as the caller says, else as measured, else by rule."""
        given = self.question.output_tokens
        if given is not None:
            self.notes.append(_NO_RESENDS)
            return Answers(given=given, source=f"{given:,} for each answer, as given")
        if not found.seen:
            return Answers()
        here = self._of_this_run()
        if len(here) >= _MEASURED_ENOUGH:
            return Answers(here, source=f"as measured on {len(here):,} items of this run")
        self.notes.append(_NO_RESENDS)
        earlier = [usage for line in cache.some(_MEASURED_MOST) for usage in _usage_in(line)] if cache else []
        if len(earlier) >= _MEASURED_ENOUGH:
            return Answers(
                earlier, source=f"as measured on {len(earlier):,} answers of earlier runs with these settings"
            )
        return self._by_rule(found.params, counter)

    def _of_this_run(self) -> list[Usage]:
        each = self.question
        done = each.state.indexes(Standing.DONE)
        if len(done) > _MEASURED_MOST:
            done = sorted(Random(len(done)).sample(done, _MEASURED_MOST))
        try:
            found = [
                replace(usage, tries=1 + sum(kind in _BILLED for kind in each.state.history.get(record.index, ())))
                for record in records(each.state, each.folder, None, done)
                for usage in _usage_of(record.usage)
            ]
        except BatchataError as error:
            self.notes.append(f"what this run measured cannot be read: {error}")
            return []
        if each.state.sample is None and len(found) >= _MEASURED_ENOUGH:
            self.notes.append("the items that were measured are those that came first, not a random sample")
        return found

    def _by_rule(self, params: Mapping[str, Any], counter: TokenCounter) -> Answers:
        schema, layout = _asked_for(params, self.question.assignment)
        thinking = thinking_of(params)
        said = "by a rule of thumb for {}, for none was measured; a sample measures"
        if schema is None:
            return Answers(rule=text_rule(thinking), source=said.format("answers in text"))
        rule = _rule_for(schema, layout, self.question.assignment.model, counter, thinking)
        return Answers(rule=rule, source=said.format("what such an object usually holds"))


def _left_out(found: Looked) -> Iterator[str]:
    """What costs or saves money and is not in the estimate."""
    if found.unbounded:
        yield found.unbounded
    if any(str(tool.get("type", "")).startswith("web_") for tool in found.params.get("tools") or ()):
        yield "what the tools of the server read, and what searches cost, is not in the estimate"
    if found.is_cached:
        yield "prompt caching is not in the estimate: all is priced as if it were read anew"


def _named(problems: Sequence[Any]) -> str:
    more = f", and {len(problems) - 3:,} more" if len(problems) > 3 else ""
    return "; ".join(map(str, problems[:3])) + more


def _usage_of(usage: Mapping[str, Any] | None) -> Iterator[Usage]:
    """None of what was not answered, or says nothing of it."""
    if usage:
        try:
            tokens = Tokens.of(usage)
        except UnknownUsageError:
            return
        yield Usage(tokens.prompt, tokens.output)


def _usage_in(line: bytes) -> Iterator[Usage]:
    try:
        usage = orjson.loads(line)["result"]["message"]["usage"]
    except (orjson.JSONDecodeError, LookupError, TypeError):
        return
    yield from _usage_of(usage)


def _asked_for(params: Mapping[str, Any], assignment: Assignment) -> tuple[Mapping[str, Any] | None, Layout]:
    """The schema of an answer, and how it will be written; None for text."""
    wanted = (params.get("output_config") or {}).get("format") or {}
    if wanted.get("schema"):
        return wanted["schema"], "compact"
    if assignment.response_model is None:
        return None, "compact"
    return json_schema(assignment.response_model), "evidence" if assignment.citations else "indented"


def _rule_for(
    schema: Mapping[str, Any], layout: Layout, model: str, counter: TokenCounter, thinking: Any
) -> AnswerRule:
    """A typical answer is written and its tokens counted, by the model's own tokenizer."""
    typical = typical_answer(schema, layout)
    short, longer = (_tokens_of(text, model, counter) for text in (typical.text, typical.longer))
    entry = (longer - short) / typical.entries if typical.entry_bytes else 0.0
    return object_rule(max(short - entry, 1.0), entry, typical.entry_bytes, thinking)


def _tokens_of(text: str, model: str, counter: TokenCounter) -> float:
    """Of a text alone, without what a request adds to it."""
    counts = [counter.count({"model": model, "messages": [{"role": "user", "content": each}]}) for each in (text, "x")]
    if isinstance(counts[0], int) and isinstance(counts[1], int):
        return counts[0] - counts[1] + 1.0
    return len(text) / _CHARACTERS_A_TOKEN
