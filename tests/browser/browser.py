"""Chromium, node and playwright-core, found or installed, and `Browser`, which takes steps."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
NAMES = ("chromium", "chromium-browser", "google-chrome")
NPM = ("npm", "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")


class NoBrowserError(RuntimeError):
    """The message says what is missing."""


@dataclass(frozen=True)
class Tools:
    chromium: str
    node: str


class Browser:
    """One page of a browser."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def take(self, *steps: dict[str, Any]) -> list[Any]:
        """What each step saw; see `STEPS` in drive.mjs. An AssertionError shows the page at which it got stuck."""
        return [self._take(step) for step in steps]

    def _take(self, step: dict[str, Any]) -> Any:
        self._process.stdin.write(json.dumps(step) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"the browser ended at {step}"
        told = json.loads(answer)
        assert "error" not in told, told["error"]
        return told["seen"]


@contextmanager
def running_browser(tools: Tools) -> Iterator[Browser]:
    command = [tools.node, HERE / "drive.mjs", tools.chromium]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        yield Browser(process)
    finally:
        process.stdin.close()
        _end(process)
        process.stdout.close()


def _end(process: subprocess.Popen[str]) -> None:
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def find_tools() -> Tools:
    """Installs playwright-core beside its package.json when it is not there. Raises NoBrowserError."""
    chromium = next(filter(None, map(shutil.which, NAMES)), None)
    node = shutil.which("node")
    if chromium is None or node is None:
        raise NoBrowserError(f"there is no {'Chromium' if chromium is None else 'node'} here")
    _install()
    return Tools(chromium, node)


def _install() -> None:
    from filelock import FileLock

    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]["playwright-core"]
    with FileLock(HERE / ".lock"):
        if _installed() == wanted:
            return
        if shutil.which("npm") is None:
            raise NoBrowserError("there is no npm here to install playwright-core with")
        done = subprocess.run(NPM, cwd=HERE, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise NoBrowserError(f"npm could not install playwright-core {wanted}: {done.stderr[-500:]}")


def _installed() -> str | None:
    package = HERE / "node_modules" / "playwright-core" / "package.json"
    return json.loads(package.read_text())["version"] if package.exists() else None
