"""A person is asked at the cost limit: in-process flows, answered by another process through the API."""

import asyncio
import json
import subprocess
import sys
import time
from contextlib import contextmanager
from decimal import Decimal
from uuid import uuid4

import pytest

from tests.servers import free_port

pytestmark = pytest.mark.filterwarnings("default")  # Prefect's own warnings are not ours to fail on

PERSON = """
import json, sys, time, urllib.error, urllib.request

def post(path, body):
    request = urllib.request.Request(url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code != 503:  # SQLite was locked for a moment
            raise
    time.sleep(0.2)
    return post(path, body)

def paused_run(other_than):
    while True:
        runs = post("/flow_runs/filter", {"flow_runs": {"name": {"any_": [name]}}})
        if runs and runs[0]["state_type"] == "PAUSED" and runs[0]["state_id"] != other_than:
            return runs[0]
        time.sleep(0.1)

def text_of(run):
    key = run["state"]["state_details"]["run_input_keyset"]["description"]
    return json.loads(post(f"/flow_runs/{run['id']}/input/filter", {"prefix": key})[0]["value"])

url, name, actions = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
seen = None
for action in actions:
    run = paused_run(seen)
    text = text_of(run)
    result = post(f"/flow_runs/{run['id']}/{action['do']}", action["body"])
    seen = None if result["status"] == "REJECT" else run["state_id"]
    print(json.dumps([result["status"], text]), flush=True)
"""


def answer(**run_input):
    return {"do": "resume", "body": {"run_input": run_input}}


def set_state(kind):
    return {"do": "set_state", "body": {"state": {"type": kind}, "force": False}}


CANCEL = set_state("CANCELLING")
GO_ON = answer(decision="continue", new_limit_usd=7.5)


@contextmanager
def person(server, name, *actions):
    """Another process that takes one action each time it sees the run paused; the lines are what it saw."""
    seen = []
    command = [sys.executable, "-c", PERSON, server.api_url, name, json.dumps(actions)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield seen
            out, _ = process.communicate(timeout=30)
            seen.extend(json.loads(line) for line in out.splitlines())
        finally:
            process.kill()


def make_question(**changes):
    from batchata.orchestration.approval import LimitQuestion

    values = {
        "run_id": "r1",
        "spent": Decimal("4.8731"),
        "limit": Decimal("5.00"),
        "pending": 1200,
        "next_bound": Decimal("0.25"),
        "number": 1,
    }
    return LimitQuestion(**(values | changes))


def run_flow(name, question, *, timeout=None):
    """What `ask` gave, and the state that the run ends in."""
    from prefect import flow
    from prefect.client.orchestration import get_client
    from prefect.states import Cancelled

    from batchata.orchestration.approval import Ending, ask

    answers = []

    @flow(flow_run_name=name)
    def asking():
        answers.append(ask(question, timeout=timeout))
        return Cancelled() if answers[0] is Ending.CANCELLED else None

    state = asking(return_state=True)
    with get_client(sync_client=True) as client:
        recorded = client.read_flow_run(state.state_details.flow_run_id)
    assert recorded.state_type == state.type
    return answers[0] if answers else state.message, state.type.value


@pytest.fixture
def name():
    return f"asking-{uuid4().hex[:8]}"


def test_a_new_limit(inside, name):
    with person(inside, name, GO_ON) as seen:
        result = run_flow(name, make_question())
    assert result == (Decimal("7.5"), "COMPLETED")
    [(status, text)] = seen
    assert status == "ACCEPT"
    for part in (
        "**$4.87 of $5.00** is spent",
        "**1,200 items wait**",
        "cost up to $0.25.",
        "$5.13 or more ($304.88 covers all 1,200,",
    ):
        assert part in text


def test_too_low_an_answer_is_asked_again_and_told_why(inside, name):
    with person(inside, name, answer(decision="continue", new_limit_usd=5.12), GO_ON) as seen:
        assert run_flow(name, make_question()) == (Decimal("7.5"), "COMPLETED")
    assert "not accepted" not in seen[0][1]
    assert "a limit of $5.12 is not enough" in seen[1][1]


def test_the_server_refuses_a_form_that_is_not_filled_in(inside, name):
    incomplete = [answer(), answer(decision="continue"), answer(decision="stop"), answer(new_limit_usd=9)]
    wrong = [answer(decision="continue", new_limit_usd=-5), answer(decision="perhaps", new_limit_usd=9)]
    with person(inside, name, *incomplete, *wrong, GO_ON) as seen:
        assert run_flow(name, make_question()) == (Decimal("7.5"), "COMPLETED")
    assert [status for status, _ in seen] == ["REJECT"] * 6 + ["ACCEPT"]


def test_stop(inside, name):
    from batchata.orchestration.approval import Ending

    with person(inside, name, answer(decision="stop", new_limit_usd=1)):
        assert run_flow(name, make_question()) == (Ending.STOPPED, "COMPLETED")


def test_nobody_answers(inside, name):
    from batchata.orchestration.approval import Ending

    assert run_flow(name, make_question(), timeout=0.3) == (Ending.UNANSWERED, "COMPLETED")


def test_a_cancelled_run_ends_soon_as_cancelled(inside, name):
    from batchata.orchestration.approval import Ending

    with person(inside, name, CANCEL):
        assert run_flow(name, make_question(), timeout=60) == (Ending.CANCELLED, "CANCELLED")


def test_a_run_set_to_running_by_hand_is_asked_again(inside, name):
    with person(inside, name, set_state("RUNNING"), GO_ON) as seen:
        assert run_flow(name, make_question()) == (Decimal("7.5"), "COMPLETED")
    assert "resumed without an answer" in seen[1][1]


def test_a_retry_of_the_flow_asks_anew(inside, name):
    from prefect import flow

    from batchata.orchestration.approval import ask

    endings = []

    @flow(flow_run_name=name, retries=3)  # a pause uses one up
    def asking():
        endings.extend(ask(make_question(), timeout=0.2) for _ in range(2))
        raise ValueError

    asking(return_state=True)
    assert len(endings) >= 4


def test_an_async_flow_and_a_task_can_ask_too(inside, name):
    from prefect import flow, task

    from batchata.orchestration.approval import ask

    @task
    def asking_task():
        return ask(make_question(number=2))

    @flow(flow_run_name=name)
    async def asking():
        return ask(make_question()), asking_task()

    with person(inside, name, GO_ON, GO_ON):
        assert asyncio.run(asking()) == (Decimal("7.5"), Decimal("7.5"))


def test_a_question_outside_a_flow_is_a_sentence(inside):
    from batchata import BatchataError
    from batchata.orchestration.approval import ask

    with pytest.raises(BatchataError, match="inside a Prefect flow run"):
        ask(make_question())


@pytest.mark.parametrize(
    ("changes", "suggestion", "refused", "accepted"),
    [
        ({}, "5.13", "5.1230", "5.1231"),
        ({"next_bound": None}, "5.01", "5", "5.0001"),
        ({"spent": Decimal("5.00"), "next_bound": Decimal(0)}, "5.01", "5", "5.001"),
        ({"spent": Decimal("6.001"), "next_bound": None}, "6.01", "6.001", "6.0011"),
        ({"limit": Decimal("0.001"), "spent": Decimal(0), "next_bound": Decimal("0.002")}, "0.01", "0.0019", "0.002"),
    ],
)
def test_what_is_enough(changes, suggestion, refused, accepted):
    question = make_question(**changes)
    assert question.suggestion == Decimal(suggestion)
    assert f"${suggestion} or more" in question.refusal(Decimal(refused))
    assert question.refusal(Decimal(accepted)) == ""
    assert question.refusal(question.suggestion) == ""


def test_a_run_notices_that_it_was_cancelled(inside):
    from prefect import flow
    from prefect.client.orchestration import get_client
    from prefect.runtime import flow_run
    from prefect.states import Cancelling

    from batchata.orchestration.server import is_cancelling

    @flow
    def cancelled():
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(flow_run.id, Cancelling())
        return is_cancelling()

    @flow
    def running():
        return is_cancelling()

    assert (cancelled(), running(), is_cancelling()) == (True, False, False)


def test_a_server_that_is_away_cancels_nothing(inside):
    from prefect import flow
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from batchata.orchestration.server import is_cancelling

    @flow
    def lonely():
        with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{free_port()}/api"}):
            started = time.monotonic()
            answers = [is_cancelling() for _ in range(3)]
            return answers, time.monotonic() - started

    answers, seconds = lonely()
    assert answers == [False] * 3
    assert seconds < 10, "the answer is kept, the server is not asked each time"
