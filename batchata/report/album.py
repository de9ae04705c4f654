"""The pictures of a report: each page is drawn once and goes to the file at once, only its number stays."""

from __future__ import annotations

from collections.abc import Callable

from batchata.report.pictures import Picture

Page = tuple[str, int]
"""The name of a document and a page of it."""


class Album:
    """`write` is given each new picture with its number."""

    def __init__(self, write: Callable[[int, Picture], None], most: int) -> None:
        self._write = write
        self._most = most
        self._numbers: dict[Page, int] = {}

    @property
    def is_full(self) -> bool:
        """Whether no more items should be shown with pictures; one that was begun is finished."""
        return len(self._numbers) >= self._most

    def put(self, page: Page, draw: Callable[[], Picture]) -> int:
        """The number of the picture of a page; it is drawn when it is not there yet."""
        if page not in self._numbers:
            self._write(len(self._numbers), draw())
            self._numbers[page] = len(self._numbers)
        return self._numbers[page]
