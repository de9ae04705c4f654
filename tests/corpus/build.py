"""Pages that know what they state: text is written with `{path}` marks, and every mark becomes evidence."""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from .formats import SIGNS, WORDS, Style

MARK = re.compile(r"\{([a-z_0-9.\[\]]+)(#?)\}")
Place = tuple[int, str]  # a page and a cited text on it


@dataclass
class Chunk:
    """What one citation can quote: a line, or a few that stand together, and the fields it states in their own role."""

    page: int
    text: str
    forms: dict[str, str] = field(default_factory=dict)  # path -> the value as it is worded here
    told: set[str] = field(default_factory=set)  # the paths that a label or a sentence in the text names


@dataclass(frozen=True)
class Case:
    """One document with its truth, the answer a model would write, and the evidence for every stated field."""

    name: str
    model: type[BaseModel]
    pages: list[str]
    truth: dict[str, Any]
    answer_json: dict[str, Any]
    evidence: dict[str, Place]
    others: dict[str, list[Place]]  # further places that state the same field
    chunks: dict[Place, Chunk]

    @cached_property
    def truth_leaves(self) -> dict[str, Any]:
        return flatten(self.truth)


def flatten(value: Any, path: str = "") -> dict[str, Any]:
    """The leaves of nested dicts and lists by path, such as `lines[2].amount`."""
    if isinstance(value, Mapping):
        items = [(f"{path}.{key}" if path else key, inner) for key, inner in value.items()]
    elif isinstance(value, list):
        items = [(f"{path}[{i}]", inner) for i, inner in enumerate(value)]
    else:
        return {path: value}
    return {leaf: found for inner_path, inner in items for leaf, found in flatten(inner, inner_path).items()}


class Writer:
    """Fills in marks: `{path}` with the currency where it is money, `{path#}` as a bare number."""

    def __init__(self, values: dict[str, Any], style: Style, rng: random.Random, words: Mapping[str, str]) -> None:
        self.nested, self.leaves, self.style, self.rng = values, flatten(values), style, rng
        self.words = words  # path -> wording where the document does not use the value itself
        self.pages: list[list[Chunk]] = [[]]

    def form(self, path: str, *, bare: bool) -> str:
        value = self.leaves[path]
        if path in self.words:
            return self.words[path]
        if isinstance(value, Decimal):
            if path.endswith("rate"):
                return self.style.percent(value)
            return self.style.number(value) if bare else self.style.money(value)
        if isinstance(value, Enum):
            return str(value.value)
        return self.style.day(value) if isinstance(value, date) else str(value)

    def add(self, text: str, *, label: bool = True) -> None:
        """One line, table row or sentence. `label`: its own words say which fields it states."""
        forms = {path: self.form(path, bare=bool(bare)) for path, bare in MARK.findall(text)}
        filled = MARK.sub(lambda mark: self.form(mark[1], bare=bool(mark[2])), text)
        told = set(forms) if label else set()
        self.currency(filled, forms)
        self.pages[-1].append(Chunk(len(self.pages), filled, forms, told))

    def currency(self, filled: str, forms: dict[str, str]) -> None:
        code = self.style.currency
        sign = next((word for word in (code, WORDS[code], SIGNS[code]) if word in filled), None)
        if sign and "currency" in self.leaves:
            forms.setdefault("currency", sign)

    def turn(self) -> None:
        if self.pages[-1]:
            self.pages.append([])

    def chunks(self) -> dict[Place, Chunk]:
        """The lines of every page joined by chance into what citations quote: one line, at times two or three."""
        found: dict[Place, Chunk] = {}
        for page in self.pages:
            rest = list(page)
            while rest:
                size = self.rng.choice((1, 1, 1, 1, 2, 2, 3))
                joined, rest = rest[:size], rest[size:]
                chunk = Chunk(joined[0].page, "\n".join(line.text for line in joined))
                for line in joined:
                    chunk.forms = line.forms | chunk.forms
                    chunk.told |= line.told
                known = found.setdefault((chunk.page, chunk.text), chunk)
                known.forms, known.told = chunk.forms | known.forms, known.told | chunk.told
        return found

    def finish(self, name: str, model: type[BaseModel]) -> Case:
        if not self.pages[-1]:
            self.pages.pop()
        chunks = self.chunks()
        places: dict[str, list[Place]] = {}
        for place, chunk in chunks.items():
            for path in chunk.forms:
                places.setdefault(path, []).append(place)
        evidence = {path: self.primary(path, found, chunks) for path, found in places.items()}
        others = {path: [place for place in found if place != evidence[path]] for path, found in places.items()}
        truth = model.model_validate(plain(self.nested), by_name=True).model_dump(mode="json")
        return Case(
            name,
            model,
            ["\n".join(line.text for line in page) for page in self.pages],
            truth,
            answer(model, truth, self.rng),
            evidence,
            others,
            chunks,
        )

    def primary(self, path: str, found: list[Place], chunks: dict[Place, Chunk]) -> Place:
        """Where a model would cite the field from: a labelled statement if there is one, seldom another."""
        labelled = [place for place in found if path in chunks[place].told] or found
        return labelled[0] if self.rng.random() < 0.8 else self.rng.choice(labelled)


def plain(value: Any) -> Any:
    """JSON-able truth: ISO dates, decimals as text, enums by value."""
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, Decimal | date) else value


def inner_model(annotation: Any) -> type[BaseModel] | None:
    """The model inside `Model`, `Model | None` or `list[Model]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(inner_model, getattr(annotation, "__args__", ()))), None)


def answer(model: type[BaseModel] | None, value: Any, rng: random.Random, annotation: Any = None) -> Any:
    """What a model writes for the truth: aliases as keys, decimals mostly as numbers, enums in any capitalisation."""
    if isinstance(value, Mapping) and model:
        fields = model.model_fields
        return {
            (fields[key].alias or key): answer(inner_model(fields[key].annotation), inner, rng, fields[key].annotation)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [answer(model, inner, rng) for inner in value]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return rng.choice((value, value, value.upper(), value.title()))
    decimal = Decimal in (annotation, *getattr(annotation, "__args__", ()))
    wants_float = annotation is float
    if value is not None and (wants_float or (decimal and rng.random() < 0.7)):
        number = float(value)
        return int(number) if number.is_integer() and rng.random() < 0.3 else number
    return value
