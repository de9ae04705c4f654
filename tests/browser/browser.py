"""Chromium, node and playwright-core, found or installed, and `Browser`, which takes steps."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
NAMES = ("chromium", "chromium-browser", "google-chrome")
NPM = ("npm", "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")


class NoBrowserError(RuntimeError):
    """The message says what is missing."""


@dataclass(frozen=True)
class Browser:
    chromium: str
    node: str

    def take(self, *steps: dict[str, Any], within: float = 120) -> list[Any]:
        """What each step saw; see `STEPS` in drive.mjs. An AssertionError shows the page at which it got stuck."""
        order = json.dumps({"chromium": self.chromium, "steps": steps})
        command = [self.node, str(HERE / "drive.mjs")]
        done = subprocess.run(command, input=order, capture_output=True, text=True, timeout=within)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def find_browser() -> Browser:
    """Installs playwright-core beside its package.json when it is not there. Raises NoBrowserError."""
    chromium = next(filter(None, map(shutil.which, NAMES)), None)
    node = shutil.which("node")
    if chromium is None or node is None:
        raise NoBrowserError(f"there is no {'Chromium' if chromium is None else 'node'} here")
    _install()
    return Browser(chromium, node)


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
