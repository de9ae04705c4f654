"""The terminal: whoever stops reading ends the command, as `cli.py` tells it."""

from __future__ import annotations

from typing import NoReturn

from rich.console import Console


class Screen(Console):
    """A console that does not decide about the exit code itself."""

    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError
