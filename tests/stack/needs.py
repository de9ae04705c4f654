"""What a machine may lack: tests that need it skip and say so, but never in CI."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

from tests.browser.browser import NoBrowserError, Tools, find_tools
from tests.stack.postgres import postgres_folder


def need_postgres() -> None:
    if postgres_folder() is None:
        _missing("there is no PostgreSQL here (Debian: apt-get install postgresql)")


def need_browser() -> Tools:
    try:
        return find_tools()
    except NoBrowserError as error:
        _missing(f"{error} (Debian: apt-get install chromium nodejs npm)")


def _missing(what: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)
