"""A real `prefect server start`, as a team runs it: other processes reach it, leases expire, pauses are on record."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from tests.stack.tied import tied

START_SECONDS = 300

BARE = MappingProxyType(
    {
        f"PREFECT_SERVER_SERVICES_{service}_ENABLED": "false"
        for service in (
            "TASK_RUN_RECORDER",
            "EVENT_PERSISTER",
            "TRIGGERS",
            "LATE_RUNS",
            "FOREMAN",
            "SCHEDULER",
            "PAUSE_EXPIRATIONS",
        )
    }
)
"""Settings of a server that keeps flow runs and nothing about their tasks and events, for half of the work."""


@dataclass(frozen=True)
class PrefectServer:
    api_url: str
    environment: dict[str, str] = field(repr=False)
    """All that a child process needs to use this server, the rest of our own environment included."""

    @contextmanager
    def in_process(self) -> Iterator[None]:
        """Flows called inside use this server. Sync flows end without the second their heartbeat thread sleeps."""
        from prefect.settings import (
            PREFECT_API_URL,
            PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
            PREFECT_HOME,
            temporary_settings,
        )

        _part_from_others(self.api_url)
        mine = {name: value for name, value in self.environment.items() if name.startswith("PREFECT_")}
        updates = {
            PREFECT_API_URL: self.api_url,
            PREFECT_HOME: mine["PREFECT_HOME"],
            PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
        }
        with _environment(mine), temporary_settings(updates):
            yield

    def prefect(self, *arguments: str) -> str:
        """What the command `prefect ...` prints."""
        command = [sys.executable, "-m", "prefect", *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@contextmanager
def server_of_the_session(settings: Mapping[str, str] = MappingProxyType({})) -> Iterator[PrefectServer]:
    """One that the process of the tests uses to its end; to be started before Prefect is imported."""
    os.environ.setdefault("PREFECT_HOME", tempfile.mkdtemp(prefix="prefect-"))
    os.environ.update(DO_NOT_TRACK="1", PREFECT_LOGGING_LEVEL="ERROR")
    with running_server(settings=settings) as server:
        yield server


def _part_from_others(api_url: str) -> None:
    """The threads that send events and logs keep to the first server they knew."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    if _in_use not in ([], [api_url]):
        for worker in (EventsWorker, APILogWorker):
            worker.drain_all(timeout=30, at_exit=False)
    _in_use[:] = [api_url]


_in_use: list[str] = []
"""The server that flows of this process used last."""


@contextmanager
def running_server(
    *, port: int | None = None, settings: Mapping[str, str] = MappingProxyType({})
) -> Iterator[PrefectServer]:
    """On SQLite, unless `settings` (variables of the environment) name another database."""
    port = port or free_port()
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="prefect-", ignore_cleanup_errors=True)))
        server = PrefectServer(f"http://127.0.0.1:{port}/api", _environment_of(home, port) | settings)
        stack.enter_context(_process(server, port, home / "server.log"))
        yield server


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _environment_of(home: Path, port: int) -> dict[str, str]:
    theirs = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return theirs | {
        "HOME": str(home),
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{home / 'prefect.db'}",
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "5",
        "DO_NOT_TRACK": "1",
        "PREFECT_LOGGING_LEVEL": "ERROR",
    }


@contextmanager
def _process(server: PrefectServer, port: int, log: Path) -> Iterator[None]:
    with tied([sys.executable, "-m", "prefect", "server", "start"], server.environment, log) as process:
        _wait_until_healthy(port, process, log)
        yield


def _wait_until_healthy(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while not _is_healthy(port):
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"the Prefect server did not start:\n{log.read_text()[-4000:]}")
        time.sleep(0.2)


def _is_healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/api/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@contextmanager
def _environment(updates: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in updates}
    os.environ.update(updates)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
