"""Whatever the stack starts is gone when it ends, also when the tests are killed."""

import os
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from tests.stack.needs import need_postgres
from tests.stack.postgres import running_postgres
from tests.stack.tied import MARK, kill_tree, marked, swept, tied

SLEEP = ["sleep", "60"]
AWAY = [sys.executable, "-c", "import os; os.setsid(); os.execvp('sleep', ['sleep', '60'])"]
KILLED_TEST = """
import os, signal, sys, time
from pathlib import Path
from tests.stack.tied import tied
with tied(["sleep", "60"], os.environ, Path(os.devnull)):
    print("started", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def mark():
    return uuid4().hex


@pytest.fixture
def environment(mark):
    return {**os.environ, MARK: mark}


def soon(holds):
    until = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)
    return True


def alive(mark):
    return [each for each in marked(mark) if each.status() != psutil.STATUS_ZOMBIE]


def test_a_process_ends_with_the_test(tmp_path, environment, mark):
    with tied(SLEEP, environment, tmp_path / "log"):
        assert soon(lambda: len(alive(mark)) >= 2)
    assert soon(lambda: not alive(mark))


def test_a_process_ends_when_the_tests_are_killed(environment, mark):
    with subprocess.Popen([sys.executable, "-c", KILLED_TEST], env=environment, stdout=subprocess.PIPE) as tests:
        tests.stdout.readline()
        assert soon(lambda: len(alive(mark)) >= 3)
        tests.kill()
    assert soon(lambda: not alive(mark))


def test_a_process_that_ends_by_itself_is_noticed(tmp_path, environment):
    with tied(["false"], environment, tmp_path / "log") as process:
        assert soon(lambda: process.poll() is not None)


def test_a_child_in_a_group_of_its_own_is_found(tmp_path, environment, mark):
    with swept(mark):
        with tied(["sh", "-c", '"$@"', "sh", *AWAY], environment, tmp_path / "log"):
            assert soon(lambda: any(each.name() == "sleep" for each in alive(mark)))
        assert [each.name() for each in alive(mark)] == ["sleep"]
    assert soon(lambda: not alive(mark))


def test_a_tree_is_killed_whole(tmp_path, environment, mark):
    with tied(["sh", "-c", '"$@"', "sh", *AWAY], environment, tmp_path / "log") as process:
        assert soon(lambda: any(each.name() == "sleep" for each in alive(mark)))
        kill_tree(process.pid)
        assert not alive(mark)


def test_postgres_leaves_nothing():
    need_postgres()
    with running_postgres() as url:
        folder = Path(url.split("host=")[1])
        pid = _postmaster(folder)
        assert psutil.pid_exists(pid)
    assert not psutil.pid_exists(pid)
    assert not folder.exists()


def _postmaster(folder):
    return int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])
