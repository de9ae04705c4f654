"""What described runs say, in the words of whoever described them: those of the form, not of Python."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from batchata.core.summary import Summary
from batchata.core.wording import FORM, spelled
from batchata.errors import BatchataError


@contextmanager
def as_in_the_form() -> Iterator[None]:
    """Errors that pass name parameters as the form does."""
    try:
        yield
    except BatchataError as error:
        error.args = tuple(spelled(each, FORM) if isinstance(each, str) else each for each in error.args)
        raise


def told_as_in_the_form(summary: Summary) -> Summary:
    """The same figures, and why items are left in words of the form."""
    return {**summary, "stopped": spelled(summary["stopped"], FORM)}
