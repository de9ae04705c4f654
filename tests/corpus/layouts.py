"""The ways an invoice sets its facts, its rows and its sums."""

import random

from .build import Writer
from .pools import FILLERS, LABELS

Fact = tuple[str, str]  # the kind of label, the mark
ROWS = (
    "{d}  {q}  {u}  {a}",
    "{n}. {d} - {q} x {u} = {a}",
    "| {d} | {q} | {u} | {a} |",
    "{d}\n    {q} at {u}: {a}",
    "For {q} of {d} at {u} each: {a}.",
    "{a}  {q} x {d} @ {u}",
    "{q}\t{d}\t{u}\t{a}",
    "Pos. {n} {d}; {u} x {q}; {a}",
)
PAIRS = (
    "{label}: {mark}",
    "{label}\n{mark}",
    "{label} ........ {mark}",
    "{label} | {mark}",
    "{label}    {mark}",
    "{upper}  {mark}",
    "{label} → {mark};",
    "{mark} ({label})",
    "- {label} = {mark}",
    "{label} {mark}",
)


class Pen:
    """Writes one document in one fixed look: the same pair style, row style and wordings all through."""

    def __init__(self, writer: Writer, rng: random.Random, look: int) -> None:
        self.writer, self.rng = writer, rng
        self.row_look, self.pair_look = ROWS[look % len(ROWS)], PAIRS[look % len(PAIRS)]
        self.labels = {kind: rng.choice(words) for kind, words in LABELS[writer.style.language].items()}
        self.two_a_line = look % 3 == 1 and "\n" not in self.pair_look

    def pair(self, kind: str, mark: str) -> str:
        label = self.labels[kind]
        return self.pair_look.replace("{label}", label).replace("{upper}", label.upper()).replace("{mark}", mark)

    def facts(self, facts: list[Fact]) -> None:
        """Labelled values, one or two on a line."""
        size = 2 if self.two_a_line else 1
        for start in range(0, len(facts), size):
            self.writer.add("    ".join(self.pair(*fact) for fact in facts[start : start + size]))

    def row(self, place: int, marks: dict[str, str]) -> None:
        text = self.row_look
        for short, name in (("d", "description"), ("q", "quantity"), ("u", "unit_price"), ("a", "amount")):
            text = text.replace(f"{{{short}}}", marks[name])
        self.writer.add(text.replace("{n}", str(place)), label=False)

    def filler(self, count: int = 1) -> None:
        for text in self.rng.sample(FILLERS, count):
            self.writer.add(text, label=False)
