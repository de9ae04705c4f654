"""The commands as processes, most of them over one run whose items ended in every way."""

import fcntl
import itertools
import json
import os
import pty
import struct
import subprocess
import sys
import termios
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pexpect
import pytest
from pexpect import fdpexpect

from batchata.simulator import Faults, OnClock, Simulator

ROOT = Path(__file__).parents[2]
HOUR = 3600.0
MODEL = """
from pydantic import BaseModel

class Note(BaseModel):
    name: str
"""
WORK = ["--prompt", "prompt.txt", "--model", "claude-haiku-5-5", "--response-model", "models.py:Note", "--citations",
        "--cache", "no"]  # fmt: skip


class Launcher:
    """The process that forks commands (see `launcher.py`)."""

    def __init__(self, folder):
        self.folder = folder
        self._count = itertools.count()
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("launcher.py"))], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert self._process.stdout.readline() == "ready\n"

    def start(self, arguments, *, folder, environment, files, limits):
        status = self.folder / f"{next(self._count)}"
        order = {"arguments": arguments, "folder": str(folder), "environment": environment, "status": str(status),
                 "files": list(map(str, files)), "limits": limits}  # fmt: skip
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return Started(status)

    def close(self):
        with self._process:
            self._process.stdin.close()


class Started:
    """A command at work."""

    def __init__(self, status):
        self._status = status
        self.pid = int(self._written(status.with_name(f"{status.name}.pid")))

    def returncode(self, seconds=60.0):
        return int(self._written(self._status, seconds))

    def told(self, number):
        os.kill(self.pid, number)

    @staticmethod
    def _written(path, seconds=30.0):
        until(path.exists, seconds)
        return path.read_text()


def until(holds, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


class Shell:
    """A folder with notes, a prompt and a model, and commands that are run there."""

    def __init__(self, launcher, folder, url, notes=6):
        self.launcher, self.folder = launcher, folder
        (folder / "notes").mkdir()
        for number in range(notes):
            (folder / "notes" / f"n{number}.txt").write_text(f"Name: Person {number}\nIt is a note.\n")
        (folder / "models.py").write_text(MODEL)
        (folder / "prompt.txt").write_text("Whose note is it?\n")
        self._said = itertools.count()
        self.environment = {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "any", "HOME": str(folder),
                            "PATH": os.environ["PATH"], "TERM": "xterm-256color"}  # fmt: skip

    def start(self, *arguments, stdout=None, stderr=None, limits=None, **environment):
        """The command without a terminal; where its output goes unless it is said."""
        number = next(self._said)
        out, err = (self.folder / f".{number}.{name}" for name in ("out", "err"))
        for path in (out, err):
            path.touch()
        started = self.launcher.start(
            arguments, folder=self.folder, environment=self.environment | environment,
            files=("/dev/null", stdout or out, stderr or err), limits=limits or {},
        )  # fmt: skip
        started.out, started.err = out, err
        return started

    def run(self, *arguments, **options):
        started = self.start(*arguments, **options)
        code = started.returncode()
        return Done(code, started.out.read_text(), started.err.read_text())

    def terminal(self, *arguments, width=100, **environment):
        """The command in a terminal of its own, and what a person types there."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
        child = fdpexpect.fdspawn(ours, encoding="utf-8", timeout=60)
        name = os.ttyname(theirs)
        child.started = self.launcher.start(
            arguments, folder=self.folder, environment=self.environment | environment, files=[name] * 3, limits={}
        )
        os.close(theirs)
        return child

    def together(self, *commands):
        """All of them beside each other; what came of each."""
        with ThreadPoolExecutor(max_workers=3) as pool:
            return dict(zip(commands, pool.map(lambda each: self.run(*each.split()), commands), strict=True))


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def ended(child):
    """What is left on the terminal, and the exit code."""
    child.expect(pexpect.EOF)
    code = child.started.returncode()
    child.close()
    return child.before, code


@pytest.fixture(scope="session")
def launcher(tmp_path_factory):
    launcher = Launcher(tmp_path_factory.mktemp("launcher"))
    yield launcher
    launcher.close()


@pytest.fixture
def hourly():
    """Its batches do not end until the clock is advanced."""
    simulator = Simulator(progress=OnClock(HOUR), faults=Faults())
    with simulator:
        yield simulator


@pytest.fixture(scope="module")
def shell(tmp_path_factory, launcher):
    """With a run in out/: two of six refused."""
    simulator = Simulator(seed=7, faults=Faults().outcome("refused", indices=[1, 4]))
    with simulator as url:
        shell = Shell(launcher, tmp_path_factory.mktemp("shell"), url)
        shell.simulator = simulator
        shell.first = shell.run("run", "notes", *WORK, "--max-cost", "5", "--out", "out")
        yield shell


def document(done):
    """The one JSON document on stdout."""
    return json.loads(done.stdout)
