"""A PostgreSQL cluster of its own, reached through a socket in its temporary folder: no port, no password."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.stack.tied import INTERRUPTED, tied

START_SECONDS = 60
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=", "shared_buffers=64MB")


def postgres_folder() -> Path | None:
    """Where the newest initdb and postgres are; Debian keeps them out of the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parents[1].name))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


@contextmanager
def running_postgres() -> Iterator[str]:
    """Its address, as SQLAlchemy reads it."""
    binaries, user = postgres_folder(), _user()
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if user is not None:
            shutil.chown(folder, user)
        environment = {"PATH": os.environ["PATH"], "HOME": name, "LC_ALL": "C"}
        initdb = [
            binaries / "initdb",
            "-D",
            folder / "data",
            "-A",
            "trust",
            "-U",
            "postgres",
            "-E",
            "UTF8",
            "--no-sync",
        ]
        subprocess.run(initdb, env=environment, user=user, cwd=folder, check=True, capture_output=True)
        settings = [argument for each in FAST for argument in ("-c", each)]
        command = [binaries / "postgres", "-D", folder / "data", "-k", folder, *settings]
        log = folder / "postgres.log"
        with tied(command, environment, log, script=INTERRUPTED, user=user, folder=folder):
            _wait_until_ready([binaries / "pg_isready", "-q", "-h", folder], environment, log)
            yield f"postgresql+asyncpg://postgres@/postgres?host={folder}"


def _user() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    names = {each.pw_name for each in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _wait_until_ready(command: list[str | Path], environment: dict[str, str], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while subprocess.run(command, env=environment).returncode != 0:
        if time.monotonic() > until:
            raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()[-4000:]}")
        time.sleep(0.1)
