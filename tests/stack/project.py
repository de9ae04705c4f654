"""A fresh clone of this repository, what is not committed yet included, and its deployments."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEPLOY_SECONDS = 120


def clone(to: Path) -> Path:
    _git("clone", "--quiet", "--no-hardlinks", "--depth", "1", f"file://{ROOT}", str(to))
    for name in _changed():
        _take_over(name, to)
    return to


def _git(*arguments: str) -> str:
    command = ["git", "-c", "safe.directory=*", "-C", str(ROOT), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _changed() -> Iterator[str]:
    """Files that are changed, new or gone since the last commit."""
    listed = _git("ls-files", "-z", "--modified", "--deleted", "--others", "--exclude-standard")
    yield from filter(None, listed.split("\0"))


def _take_over(name: str, to: Path) -> None:
    source, target = ROOT / name, to / name
    if source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
    else:
        target.unlink(missing_ok=True)


def work_pools(project: Path) -> set[str]:
    """The names of the work pools that its prefect.yaml deploys to."""
    import yaml

    found = yaml.safe_load((project / "prefect.yaml").read_text())
    return {each["work_pool"]["name"] for each in found["deployments"]}


def deploy_all(project: Path, environment: Mapping[str, str]) -> str:
    """What `prefect deploy --all --no-prompt` prints."""
    command = [sys.executable, "-m", "prefect", "deploy", "--all", "--no-prompt"]
    done = subprocess.run(
        command, env=environment, cwd=project, capture_output=True, text=True, timeout=DEPLOY_SECONDS,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
