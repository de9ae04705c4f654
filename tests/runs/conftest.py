"""Described runs, carried out by the local hands against a simulator that the environment points to."""

import os
import threading
from contextlib import contextmanager

import pytest

from batchata.runs.spec import spec_of
from batchata.simulator import OnClock, Simulator

HOUR = 3600


@pytest.fixture
def point_to(monkeypatch):
    def point(simulator):
        monkeypatch.setenv("ANTHROPIC_BASE_URL", simulator.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "none")
        return simulator

    return point


@pytest.fixture
def simulator(simulator, point_to):
    return point_to(simulator)


@pytest.fixture
def hourly(point_to):
    """Batches take an hour of the simulator's own clock."""
    simulator = Simulator(progress=OnClock(HOUR), seed=7)
    with simulator:
        yield point_to(simulator)


@pytest.fixture
def notes(tmp_path):
    """Writes text files into a folder and returns its name."""

    def write(*names, folder="notes", text="Name: {name}"):
        (tmp_path / folder).mkdir(exist_ok=True)
        for name in names:
            (tmp_path / folder / f"{name}.txt").write_text(text.format(name=name))
        return folder

    return write


@pytest.fixture
def spec():
    def make(**parameters):
        usual = {
            "model": "claude-haiku-5-5",
            "prompt": "Who is it?",
            "on_cost_limit": "stop",
            "cache": False,
            "items_per_job": 5,
        }
        return spec_of(usual | parameters)

    return make


@pytest.fixture
def slow_file():
    """A file whose reader waits until something else has happened."""

    @contextmanager
    def slowed(path, meanwhile):
        text = path.read_text()
        path.unlink()
        os.mkfifo(path)

        def feed():
            with path.open("w") as file:  # waits for the reader
                meanwhile()
                file.write(text)

        thread = threading.Thread(target=feed)
        thread.start()
        yield
        thread.join(30)
        path.unlink()
        path.write_text(text)

    return slowed
