"""Limits over all runs of a server, on a real one."""

import json
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import httpx2
import pytest

from tests.servers import free_port

pytestmark = pytest.mark.filterwarnings("default")  # Prefect's own warnings are not ours to fail on


class Clock:
    def __init__(self):
        self.seconds = 1000.0

    def __call__(self):
        return self.seconds


@contextmanager
def limit(name, slots, **options):
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate

    from batchata.orchestration import fence

    fence._no_pace_until.clear()  # half a minute has passed since an earlier test found no limit
    fence._told.clear()
    with get_client(sync_client=True) as client:
        client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=slots, **options))
        try:
            yield lambda: client.read_global_concurrency_limit_by_name(name)
        finally:
            client.delete_global_concurrency_limit_by_name(name)


@pytest.fixture
def two_slots(inside):
    with limit("batchata-batches", 2) as read:
        yield lambda: read().active_slots


@contextmanager
def nowhere():
    """Settings that lead to a port where nobody listens."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{free_port()}/api"}):
        yield


def enters(fence, job, clock=None):
    """A server that is busy is asked again, as the loop of a run does."""
    until = time.monotonic() + 60
    while not fence.try_enter(job):
        assert time.monotonic() < until
        time.sleep(0.2)
        if clock is not None:
            clock.seconds += 3


def make_fence(**options):
    from batchata.orchestration.fence import Fence

    return closing(Fence(**options))


def test_a_full_limit_lets_nobody_in_until_somebody_leaves(two_slots):
    with make_fence() as fence:
        enters(fence, 1)
        enters(fence, 2)
        assert not fence.try_enter(3)
        assert fence.try_enter(2), "a job that is inside is not asked for a second slot"
        assert two_slots() == 2
        fence.leave(1)
        assert two_slots() == 1
        enters(fence, 3)
        fence.leave(99)
    assert two_slots() == 0


def test_without_a_limit_everybody_may_enter_and_nothing_is_said(inside, caplog):
    with make_fence() as fence:
        for job in range(5):
            enters(fence, job)
        fence.renew()
        fence.leave(1)
    assert [message for message in caplog.messages if "is too busy" not in message] == []


def test_a_limit_of_zero_stops_all(inside):
    with limit("batchata-batches", 0), make_fence() as fence:
        assert not fence.try_enter(1)


HOLDER = """
import time
from contextlib import closing
from batchata.orchestration.fence import Fence
with closing(Fence()) as fence:
    while not (fence.try_enter(1) and fence.try_enter(2)):
        time.sleep(0.2)
    print("inside", flush=True)
    input()
"""


def test_two_processes_share_the_slots(two_slots, inside):
    command = [sys.executable, "-c", HOLDER]
    here = Path(__file__).parents[2]
    with subprocess.Popen(
        command, env=inside.environment, cwd=here, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "inside\n"
        with make_fence() as fence:
            assert not fence.try_enter(1)
            other.communicate("\n", timeout=60)
            enters(fence, 1)


def test_a_lease_is_renewed_when_a_third_of_it_has_passed(two_slots, inside):
    leases = Path(inside.environment["PREFECT_HOME"], "concurrency_leases", "expirations.json")
    clock = Clock()

    def expires(fence):
        return datetime.fromisoformat(json.loads(leases.read_text())[str(fence._leases[1].id)])

    with make_fence(clock=clock) as fence:
        enters(fence, 1, clock)
        first = expires(fence)
        clock.seconds += 99
        fence.renew()
        assert expires(fence) == first
        clock.seconds += 1
        fence.renew()
        assert expires(fence) > first


def test_a_lost_slot_is_a_warning(two_slots, inside, caplog):
    from prefect.client.orchestration import get_client

    clock = Clock()
    with make_fence(clock=clock) as fence:
        enters(fence, 7, clock)
        with get_client(sync_client=True) as client:
            client.release_concurrency_slots_with_lease(fence._leases[7].id)
        for _ in range(3):
            clock.seconds += 100
            fence.renew()
    assert [message for message in caplog.messages if "job 7" in message] == caplog.messages
    assert len(caplog.messages) == 1
    assert two_slots() == 0


def test_a_server_that_is_away_is_said_once_and_keeps_nobody_out(inside, caplog):
    clock = Clock()
    with nowhere(), make_fence(clock=clock) as fence:
        for job in range(2):
            assert fence.try_enter(job)
            clock.seconds += 31
        fence.renew()
        fence.leave(1)
    assert len(caplog.messages) == 1
    assert "'batchata-batches' could not be asked" in caplog.text


class _Busy(BaseHTTPRequestHandler):
    """Answers 503 for a while, as Prefect does on a SQLite database that is locked, then hands on to the real server."""

    refusals = 0
    refused: ClassVar[list[str]] = []

    def do_GET(self):
        answer = httpx2.get(self.real + self.path)
        return self._answer(answer.status_code, answer.content)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if "increment" in self.path or "decrement" in self.path:
            type(self).refusals -= 1
            if type(self).refusals >= 0:
                self.refused.append(self.path)
                return self._answer(503, b'{"exception_message":"Service Unavailable"}')
        answer = httpx2.post(self.real + self.path, content=body, headers={"content-type": "application/json"})
        return self._answer(answer.status_code, answer.content)

    def _answer(self, status, body):
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextmanager
def busy(real, refusals):
    """The settings lead to the real server, which refuses so many times to answer about limits."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from batchata.orchestration import fence

    handler = type("Busy", (_Busy,), {"real": real.api_url, "refusals": refusals, "refused": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    fence._told.clear()
    try:
        with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{server.server_port}"}):
            yield handler
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_busy_server_is_waited_for_without_standing_still(two_slots, inside, caplog):
    clock = Clock()
    with busy(inside, 3) as server, make_fence(clock=clock) as fence:
        assert [fence.try_enter(1) for _ in range(3)] == [False] * 3
        assert len(server.refused) == 1, "a server that is busy is not asked each time"
        for _ in range(2):
            clock.seconds += 2.5
            assert not fence.try_enter(1)
        clock.seconds += 2.5
        assert fence.try_enter(1)
        assert two_slots() == 1
        server.refusals = 1
        fence.leave(1)
        assert two_slots() == 1
        clock.seconds += 2.5
        fence.renew()
        assert two_slots() == 0
        assert fence.try_enter(2)
        server.refusals = 1
    assert two_slots() == 0, "at the end it is tried more than once"
    [told] = caplog.messages
    assert "No message batch is created until it answers, for 120 s at most" in told
    assert "answered 503" in told


def test_a_server_that_stays_busy_keeps_nobody_out_for_ever(two_slots, inside, caplog):
    clock = Clock()
    with busy(inside, 1000) as server, make_fence(clock=clock) as fence:
        took, began = [], time.monotonic()
        while not fence.try_enter(1):
            clock.seconds += 2.5
            took.append(time.monotonic() - began)
            began = time.monotonic()
        assert min(took) < 1, "nobody sleeps over a refusal"
        assert 118 <= clock.seconds - 1000 <= 125
        clock.seconds += 31
        assert fence.try_enter(2), "it was given up, until it answers"
        clock.seconds += 31
        server.refusals = 0
        assert fence.try_enter(3)
        server.refusals = 1000
        clock.seconds += 2.5
        assert not fence.try_enter(4), "a server that answered is waited for again"
        server.refusals = 0
    assert ["for 120 s at most" in caplog.messages[0], "not kept for now" in caplog.messages[1]] == [True, True]
    assert len(caplog.messages) == 2


def test_a_server_that_is_slow_to_refuse_is_asked_less_often():
    from batchata.orchestration.patience import Patience

    clock = Clock()
    patience = Patience(clock)
    began = clock()
    clock.seconds += 8
    patience.refused(began)
    clock.seconds += 23
    assert patience.is_resting()
    clock.seconds += 2
    assert not patience.is_resting()


def test_creates_wait_for_a_server_that_is_busy(inside, caplog):
    from batchata.orchestration.fence import rate_limited_create

    with limit("batchata-creates", 1, slot_decay_per_second=0.5) as read, busy(inside, 1) as server:
        rate_limited_create()
        assert len(server.refused) == 1
        with inside.in_process():
            assert read().active_slots == 1
    [told] = caplog.messages
    assert "'batchata-creates'" in told
    assert "for 120 s at most" in told


def test_creates_wait_for_the_rate_limit_in_a_task(inside):
    from prefect import flow, task

    from batchata.orchestration.fence import rate_limited_create

    @task
    def create():
        rate_limited_create()
        return time.monotonic()

    @flow
    def creating():
        futures = [create.submit() for _ in range(2)]
        return sorted(future.result() for future in futures)

    with limit("batchata-creates", 1, slot_decay_per_second=0.2):
        first, second = creating()
    assert second - first > 1


def test_creates_go_on_without_a_rate_limit_or_a_server(inside, caplog):
    from batchata.orchestration.fence import rate_limited_create

    rate_limited_create()
    assert caplog.messages == []
    with nowhere():
        rate_limited_create()
    assert "'batchata-creates' could not be asked" in caplog.text


def test_creates_go_on_with_a_limit_that_does_not_decay(inside, caplog):
    from batchata.orchestration.fence import rate_limited_create

    with limit("batchata-creates", 1):
        rate_limited_create()
    assert "slot decay" in caplog.text
