"""The type of what names a file, a folder or a URL on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    FileName: TypeAlias = str
else:
    FileName = str | Path  # cyclopts gives the first that fits, text, and completes files for the second
