"""How well an answer was read: its fields, and where its citations went."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any, Protocol

from pydantic import ValidationError

from .build import Case, flatten
from .shapes import allowed, expected


class Cited(Protocol):
    start_page: int


@dataclass(frozen=True)
class Score:
    """Counts, so that scores add up; the rates are computed from the sums."""

    fields_right: int = 0
    fields: int = 0
    recalled: int = 0
    expected: int = 0
    wrong: int = 0
    given: int = 0

    def __add__(self, other: "Score") -> "Score":
        return Score(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))

    @property
    def field_accuracy(self) -> float:
        return self.fields_right / self.fields if self.fields else 1.0

    @property
    def citation_recall(self) -> float:
        return self.recalled / self.expected if self.expected else 1.0

    @property
    def wrong_rate(self) -> float:
        return self.wrong / self.given if self.given else 0.0


def total(scores: Iterable[Score]) -> Score:
    return sum(scores, Score())


def by_shape(scores: Mapping[tuple[str, str], Score]) -> dict[str, Score]:
    """Sums by shape of scores kept under (case name, shape)."""
    found: dict[str, Score] = {}
    for (_, shape), one in scores.items():
        found[shape] = found.get(shape, Score()) + one
    return found


def parsed(case: Case, values: Any) -> dict[str, Any]:
    try:
        return flatten(case.model.model_validate(values, by_name=True, by_alias=True).model_dump())
    except ValidationError:
        return {}


def field_counts(case: Case, result: Mapping[str, Any] | None) -> tuple[int, int]:
    truth, found = parsed(case, case.truth), parsed(case, result)
    paths = truth.keys() | found.keys()
    return sum(path in truth and path in found and truth[path] == found[path] for path in paths), len(paths)


def covers(path: str, leaf: str) -> bool:
    """A path covers itself; `sites` covers `sites[0]`, `vendor` covers `vendor.name`."""
    return leaf == path or leaf.startswith((f"{path}.", f"{path}["))


def pages_for(path: str, pages: Mapping[str, set[int]]) -> set[int]:
    """The right pages for a path; for a list or an object those of all that is in it."""
    return set().union(*(right for leaf, right in pages.items() if covers(path, leaf)))


def score(
    case: Case, shape: str, result_dict: Mapping[str, Any] | None, citations: Mapping[str, Sequence[Cited]]
) -> Score:
    """Field accuracy, recall of the expected paths, and citations on a wrong page or for a path without evidence."""
    right, fields = field_counts(case, result_dict)
    pages, wanted = allowed(case, shape), expected(case, shape)
    scalars = {path: {one.start_page for one in found} for path, found in citations.items()}
    recalled = sum(bool(found_pages(path, scalars) & pages.get(path, set())) for path in wanted)
    wrong = sum(one.start_page not in pages_for(path, pages) for path, found in citations.items() for one in found)
    return Score(right, fields, recalled, len(wanted), wrong, sum(map(len, citations.values())))


def found_pages(path: str, given: Mapping[str, set[int]]) -> set[int]:
    """The pages given for a leaf; an element of a list of plain values may be cited under the list."""
    whole = path.rpartition("[")[0] if path.endswith("]") else path
    return given.get(path, set()) | given.get(whole, set())
