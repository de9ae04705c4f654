"""Which labelled value belongs to which field: all fields choose together, so that none takes another's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from batchata.simulator.corpus import Corpus
from batchata.simulator.labels import Pair, is_known
from batchata.simulator.letterhead import LEGAL
from batchata.simulator.parties import TAX_NUMBER
from batchata.simulator.shapes import Shape, is_judged
from batchata.simulator.values import convert, dated
from batchata.simulator.vocabulary import PARTIES
from batchata.simulator.words import canonical, likeness

ENOUGH = 0.45
UNITS = frozenset({"day", "month", "year", "week", "hour", "minute", "page"})
CERTAIN = 0.95
WITHOUT_PARENT, WITHOUT_OBJECT = 0.75, 0.95
MOST_NAME_WORDS = 9
IDENTIFIER = re.compile(
    r"(?:no\.?|nr\.?|#|:|n\u00b0)?\s*((?:[A-Z]{1,5}[ -])?(?=\S*\d)[\w(][\w./#()-]*\w|\d)", re.IGNORECASE
)
WHOLE_IDENTIFIER = re.compile(r"(?:(?=\S*\d)[\w./#-]+|[A-Z]{1,6})(?: (?:(?=\S*\d)[\w./#-]+|[A-Z]{1,6})){0,5}")
SENTENCE_END = re.compile(r"(?<=\w\w)[.;] (?=[A-Z])|\s\((?![^)]*\)\s\S)|\s[\u2013\u2014-]\s|\s{2,}")
DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Task:
    """A single value to be found. `parent` is the object it is part of."""

    path: str
    shape: Shape
    parent: Shape | None


@dataclass(frozen=True, slots=True)
class Match:
    value: Any
    text: str
    pair: Pair
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The single values of a shape outside its lists, and all words of their names.

    `judged`: all of them follow from the whole of a text, so that only a plain label could state one.
    """

    tasks: tuple[Task, ...]
    words: frozenset[str]
    judged: bool


@lru_cache(maxsize=512)
def plan_of(shape: Shape) -> Plan:
    tasks = tuple(_tasks_in(shape, "", None))
    words = frozenset(word for task in tasks for names in task.shape.names for word in names)
    return Plan(tasks, words, all(is_judged(task.shape) for task in tasks))


def _tasks_in(shape: Shape, path: str, parent: Shape | None) -> Iterator[Task]:
    if shape.kind == "object":
        for child in shape.children:
            yield from _tasks_in(child, f"{path}.{child.name}" if path else child.name, shape)
    elif shape.kind != "array":
        yield Task(path, shape, parent)


def assign(plan: Plan, corpus: Corpus) -> dict[str, Match]:
    """The best labelled value of each path. Two fields of a kind share one only when its label names both."""
    tasks = plan.tasks
    if not tasks or not corpus.may_name(plan.words, judged=plan.judged):
        return {}
    order = {id(pair): at for at, pair in enumerate(corpus.pairs)}
    offers = [(match, at) for at, task in enumerate(tasks) for match in matches(task.shape, task.parent, corpus)]
    offers.sort(key=lambda offer: (-offer[0].score, order[id(offer[0].pair)], offer[1]))
    chosen: dict[str, Match] = {}
    taken: dict[tuple[Any, ...], float] = {}
    for match, at in offers:
        task = tasks[at]
        key = (task.shape.kind, task.shape.format, id(match.pair.place.row), match.text)
        if task.path in chosen or (key in taken and min(taken[key], match.score) < CERTAIN):
            continue
        chosen[task.path] = match
        taken.setdefault(key, match.score)
    return chosen


def matches(shape: Shape, parent: Shape | None, corpus: Corpus) -> Iterator[Match]:
    """Every labelled value that may be meant, with how well its label fits."""
    for pair in _candidates(shape, parent, corpus):
        score = _score(shape, parent, pair) * pair.trust
        if score <= ENOUGH:
            continue
        text = worded(pair.value, shape, parent)
        value = convert(text, shape, day_first=corpus.day_first) if text else None
        if value is not None:
            yield Match(value, text, pair, score)


def _candidates(shape: Shape, parent: Shape | None, corpus: Corpus) -> list[Pair]:
    index = corpus.pairs_by_word
    words = {word for names in (*shape.names, *(parent.names if parent else ())) for word in names}
    found = {id(pair): pair for word in words for pair in index.get(word, ())}
    return list(found.values())


def worded(text: str, shape: Shape, parent: Shape | None) -> str:
    """The part of a labelled text that is the value; nothing when it cannot be one."""
    if shape.kind != "string" or shape.format or shape.options:
        return text
    words = shape.words
    if "number" in words or "taxid" in words:
        found = identifier(text)
        return "" if "taxid" not in words and TAX_NUMBER.fullmatch(found) else found
    if "address" in words:
        return text if " " in text and any(map(str.isalpha, text)) else ""
    if is_party(shape, parent):
        return name_in(text)
    return "" if is_known(text) and len(text.split()) > 1 else text


def is_party(shape: Shape, parent: Shape | None, parties: frozenset[str] = PARTIES) -> bool:
    """Whether the value is the name of a party, such as `vendor`, `customer_name` or the `name` of a `vendor`."""
    above = frozenset().union(*parent.names) if parent is not None else frozenset()
    own = any(names & parties and names <= parties | {"name"} for names in shape.names)
    return own or (frozenset({"name"}) in shape.names and bool(above & parties))


def is_issuer(shape: Shape, parent: Shape | None) -> bool:
    return is_party(shape, parent, frozenset({"vendor"}))


def identifier(text: str) -> str:
    """`NW-2041` of `NW-2041 of 3 May`."""
    if WHOLE_IDENTIFIER.fullmatch(text) and DIGIT.search(text):
        return "" if dated(text) else text
    found = IDENTIFIER.match(text)
    return found[1].rstrip(".)(") if found and not dated(text[: found.end() + 12]) else ""


def name_in(text: str) -> str:
    """The name of a person or a company at the start of a text."""
    name = SENTENCE_END.split(text, maxsplit=1)[0].strip(" ,;")
    head, comma, rest = name.partition(", ")
    if comma and not LEGAL.match(f" {rest}") and (LEGAL.search(head) or DIGIT.search(rest)):
        name = head
    if not name or not name[0].isalnum() or name[0].islower() or len(name.split()) > MOST_NAME_WORDS:
        return ""
    return "" if is_known(name) or "@" in name or dated(name) or not any(ch.isalpha() for ch in name) else name


def _score(shape: Shape, parent: Shape | None, pair: Pair) -> float:
    label = pair.label
    if shape.kind in ("number", "integer") and (units := shape.words & UNITS):
        label |= units & set(canonical(pair.value))
    labels = (label, label | pair.section)
    above = parent.names if parent is not None and parent.name else ()
    joint = [own | upper for own in shape.names for upper in above]
    score = max((likeness(names, label) for names in joint for label in labels), default=0.0)
    alone = max((likeness(own, label) for own in shape.names), default=0.0)
    if parent is None or not above:
        return alone
    party = any(names & PARTIES for names in above)
    share = WITHOUT_PARENT if party else WITHOUT_OBJECT
    return max(score, alone * share if _may_stand_alone(parent, pair) else 0.0)


def _may_stand_alone(parent: Shape, pair: Pair) -> bool:
    """A plain `Address` is the vendor's only when it does not stand under the customer."""
    above = {word for names in parent.names for word in names}
    party = above & PARTIES
    if not party and (parent.nullable or not parent.required):
        return bool(above & {*pair.label, *pair.section, *canonical(pair.place.row.text)})
    other = (pair.section | pair.label) & PARTIES
    return not party or party == other or (not other and "customer" not in party and "ship" not in party)
