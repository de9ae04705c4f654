"""What is new in an inbox: decided by content, for names change and files are touched."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import NamedTuple


class Picked(NamedTuple):
    """A file as it was when it was looked at. `stamp` changes when the file is written again."""

    path: str
    size: int | None
    stamp: str
    content: str


class Found(NamedTuple):
    """The files of an inbox: `new` go through, `known` were taken before, `twins` have the content of a new one."""

    new: list[Picked]
    known: int
    twins: int


def sort_out(files: Iterable[Picked], taken: AbstractSet[str]) -> Found:
    """`taken` are the contents that are done or under way. Of several files with one content the first goes."""
    new: dict[str, Picked] = {}
    known = twins = 0
    for each in files:
        if each.content in taken:
            known += 1
        elif each.content in new:
            twins += 1
        else:
            new[each.content] = each
    return Found(list(new.values()), known, twins)


def content_if_unchanged(before: Picked | None, size: int | None, stamp: str) -> str | None:
    """The content of a file that was not written since it was last read; None for one that has to be read."""
    if before is None or not stamp or (before.size, before.stamp) != (size, stamp):
        return None
    return before.content
