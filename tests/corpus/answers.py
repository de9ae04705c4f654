"""The ways a model may word its answer: stretches of text, and what each of them cites."""

import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .build import Case, Place, flatten


@dataclass(frozen=True)
class Segment:
    """A stretch of the answer: its text, what it cites, and the fields those citations were given for."""

    text: str
    places: tuple[Place, ...] = ()
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unit:
    """A leaf of the JSON with its key (`lead`), or punctuation (no path)."""

    lead: str
    text: str
    path: str | None = None


@dataclass(frozen=True)
class Ink:
    """How this answer writes JSON."""

    indent: int
    comma: str
    colon: str
    ascii_only: bool

    def dump(self, value: Any) -> str:
        return json.dumps(value, ensure_ascii=self.ascii_only)


def chance(case: Case, shape: str) -> random.Random:
    return random.Random(f"{case.name}/{shape}")


def ink(case: Case, shape: str) -> Ink:
    """Compact and indented by turns; a few answers without any space, a few with escaped letters."""
    rng = chance(case, f"{shape}/ink")
    indent = (sum(map(ord, case.name + shape)) % 2) * rng.choice((2, 2, 4))
    tight = not indent and rng.random() < 0.4
    return Ink(indent, "," if tight or indent else ", ", ":" if tight else ": ", rng.random() < 0.2)


def units(answer: Any, truth: Any, pen: Ink, path: str = "", lead: str = "", level: int = 0) -> Iterator[Unit]:
    """The JSON of the answer in order; the truth runs along and gives the path in field names."""
    if not isinstance(answer, dict | list):
        yield Unit(lead, pen.dump(answer), path)
        return
    opening, closing = "{}" if isinstance(answer, dict) else "[]"
    yield Unit("", f"{lead}{opening}")
    if isinstance(answer, dict):
        inner = [
            (pen.dump(key) + pen.colon, f"{path}.{name}".lstrip("."), value, truth[name])
            for (key, value), name in zip(answer.items(), truth, strict=True)
        ]
    else:
        inner = [("", f"{path}[{i}]", value, truth[i]) for i, value in enumerate(answer)]
    for i, (key, below, value, known) in enumerate(inner):
        yield Unit("", (pen.comma if i else "") + line_break(pen, level + 1))
        yield from units(value, known, pen, below, key, level + 1)
    yield Unit("", (line_break(pen, level) if inner else "") + closing)


def line_break(pen: Ink, level: int) -> str:
    return "\n" + " " * (pen.indent * level) if pen.indent else ""


def cite(case: Case, path: str, rng: random.Random) -> tuple[Place, ...]:
    """The evidence, and at times a second place that states the same field."""
    more = case.others[path]
    return (case.evidence[path], *([rng.choice(more)] if more and rng.random() < 0.25 else []))


def json_units(case: Case, shape: str) -> list[Unit]:
    return list(units(case.answer_json, case.truth, ink(case, shape)))


def cited(case: Case, unit: Unit) -> bool:
    return unit.path in case.evidence


def json_text(case: Case, shape: str) -> str:
    return "".join(unit.lead + unit.text for unit in json_units(case, shape))


def values(case: Case, shape: str = "values") -> list[Segment]:
    """Every evidenced value in a cited block of its own, its quotes inside or outside of the block."""
    rng, found = chance(case, shape), []
    for unit in json_units(case, shape):
        if unit.path is None or not cited(case, unit):
            found.append(Segment(unit.lead + unit.text))
            continue
        quote = '"' if unit.text.startswith('"') and len(unit.text) > 2 and rng.random() < 0.5 else ""
        text = unit.text[1:-1] if quote else unit.text
        found += [Segment(unit.lead + quote), Segment(text, cite(case, unit.path, rng), (unit.path,)), Segment(quote)]
    return found


def pairs(case: Case, shape: str = "pairs") -> list[Segment]:
    """Key and value together in one cited block."""
    rng = chance(case, shape)
    return [
        Segment(unit.lead + unit.text, cite(case, unit.path, rng), (unit.path,))
        if unit.path in case.evidence
        else Segment(unit.lead + unit.text)
        for unit in json_units(case, shape)
    ]


def two(case: Case) -> list[Segment]:
    """Two neighbouring fields in one block that carries both citations, in either order."""
    rng, rest, found = chance(case, "two"), pairs(case, "two"), []
    while rest:
        first, *others = rest[:3]
        joins = first.fields and len(others) == 2 and others[0].text.strip() == "," and others[1].fields
        if not joins:
            found.append(rest.pop(0))
            continue
        places = list(dict.fromkeys(first.places + others[1].places))
        if rng.random() < 0.5:
            places.reverse()
        found.append(Segment("".join(part.text for part in rest[:3]), tuple(places), first.fields + others[1].fields))
        rest = rest[3:]
    return found


def one(case: Case) -> list[Segment]:
    """The whole JSON in one block that carries all citations once, shuffled."""
    places = list(dict.fromkeys(case.evidence.values()))
    chance(case, "one").shuffle(places)
    return [Segment(json_text(case, "one"), tuple(places), tuple(case.evidence))]


def leaf_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def written_paths(case: Case, shape: str) -> dict[str, str]:
    """Path in field names -> path as this answer writes it: at times with the aliases."""
    names = list(flatten(case.truth))
    aliases = list(flatten(case.answer_json))
    return dict(zip(names, aliases if chance(case, f"{shape}/alias").random() < 0.5 else names, strict=True))


def bullet_list(case: Case, shape: str, lead: Callable[[str, random.Random], str]) -> list[Segment]:
    """One line for each evidenced field: all of it cited or only the value, as in the JSON or as in the document."""
    rng, found, answers = (
        chance(case, shape),
        [],
        dict(zip(flatten(case.truth), flatten(case.answer_json).values(), strict=True)),
    )
    for path in [path for path in answers if path in case.evidence]:
        places = cite(case, path, rng)
        worded = rng.random() < 0.4
        text = case.chunks[places[0]].forms[path] if worded else leaf_text(answers[path])
        before = lead(path, rng)
        if rng.random() < 0.5:
            found.append(Segment(before + text, places, (path,)))
        else:
            found += [Segment(before), Segment(text, places, (path,))]
        found.append(Segment("\n"))
    return found


def bullets(case: Case) -> list[Segment]:
    """Lines `- path: value` with citations, then the JSON without any."""
    paths = written_paths(case, "bullets")
    lines = bullet_list(case, "bullets", lambda path, _: f"- {paths[path]}: ")
    return [*lines, Segment("\n" + json_text(case, "bullets"))]


def human(path: str) -> str:
    """`vendor.name` -> `Vendor - name`, `lines[0].unit_price` -> `Line 1 unit price`, `sites[1]` -> `Site 2`."""
    many = {"parties": "party", "lines": "line", "payments": "payment", "signatures": "signature", "sites": "site"}
    text = re.sub(r"(\w+)\[(\d+)\]\.?", lambda m: f"{many.get(m[1], m[1].rstrip('s'))} {int(m[2]) + 1} ", path)
    text = text.replace(".", " - ").replace("_", " ").strip()
    return text[0].upper() + text[1:]


def human_bullets(case: Case) -> list[Segment]:
    """Bullets with labels for people, plain or bold, then the JSON."""
    looks = ("- **{}**: ", "- {}: ", "* **{}:** ", "- **{}** - ", "**{}:** ")
    look = chance(case, "human_bullets/look").choice(looks)
    lines = bullet_list(case, "human_bullets", lambda path, _: look.format(human(path)))
    return [Segment("Here is what the document states:\n\n"), *lines, Segment("\n" + json_text(case, "human_bullets"))]


def fenced(case: Case) -> list[Segment]:
    """Uncited words, then a fenced block of JSON made of cited values."""
    after = chance(case, "fenced/after").choice(("\n```", "\n```\n", "\n```\n\nLet me know if you need more."))
    return [
        Segment("I read the document and found the following.\n\n```json\n"),
        *values(case, "fenced"),
        Segment(after),
    ]


def prose(case: Case) -> list[Segment]:
    """Cited sentences about one or two fields with braces around them, the JSON, and a closing remark with braces."""
    rng, found = chance(case, "prose"), [Segment("Summary of the document {see annex}:\n\n")]
    rest = [path for path in flatten(case.truth) if path in case.evidence]
    while rest:
        group, rest = rest[: (size := rng.choice((1, 1, 2)))], rest[size:]
        places = [cite(case, path, rng) for path in group]
        said = [
            f"the {human(path).lower()} is {case.chunks[place[0]].forms[path]}"
            for path, place in zip(group, places, strict=True)
        ]
        text = " and ".join(said) + "."
        found += [
            Segment(text[0].upper() + text[1:], tuple(dict.fromkeys(sum(places, ()))), tuple(group)),
            Segment(" "),
        ]
    return [*found, Segment("\n\n" + json_text(case, "prose")), Segment("\n\nNothing was {assumed}; see {annex} too.")]


SEGMENTS: dict[str, Callable[[Case], list[Segment]]] = {
    "values": values,
    "pairs": pairs,
    "two": two,
    "one": one,
    "bullets": bullets,
    "human_bullets": human_bullets,
    "fenced": fenced,
    "prose": prose,
    "thinking": lambda case: values(case, "thinking"),
}
