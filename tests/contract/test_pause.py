"""A run that reaches its limit asks, and another process answers through the API of a real Prefect server."""

import json
import subprocess
import sys
from contextlib import contextmanager

import pytest

from batchata import InputError
from tests.contract.test_contract import events, everybody, names_of

pytestmark = pytest.mark.filterwarnings("default")  # Prefect's own warnings are not ours to fail on

ANSWERER = """
import json, sys, time, urllib.error, urllib.request

def post(path, body):
    request = urllib.request.Request(url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code != 503:  # SQLite was locked for a moment
                raise
        time.sleep(0.2)

url, action = sys.argv[1], json.loads(sys.argv[2])
paused = {"flow_runs": {"state": {"type": {"any_": ["PAUSED"]}}}}
while not (runs := post("/flow_runs/filter", paused)):
    time.sleep(0.1)
print(json.dumps(runs[0]["parameters"]))
post(f"/flow_runs/{runs[0]['id']}/{action['do']}", action["body"])
"""


@contextmanager
def answering(server, do, **body):
    command = [sys.executable, "-c", ANSWERER, server.api_url, json.dumps({"do": do, "body": body})]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process
        process.wait(timeout=60)
    finally:
        process.kill()
        process.stdout.close()
    assert process.returncode == 0


@pytest.fixture
def orchestrator(inside):
    return "prefect"


@pytest.fixture
def limited(manager, people):
    def make(**options):
        usual = {"max_tokens": 1000, "max_cost": 0.0005, "on_cost_limit": "pause"}
        return manager(people(30), **(usual | options))

    return make


def decisions(each):
    return [(event["what"], event["limit"]) for event in events(each) if event["event"] == "decision"]


def test_a_new_limit_goes_on(limited, simulator, real_server):
    each = limited()
    with answering(real_server, "resume", run_input={"decision": "continue", "new_limit_usd": 1.5}) as person:
        summary = each.run()
        shown = json.loads(person.stdout.readline())
    assert (shown["items"], shown["max_cost"], shown["model"]) == (30, "0.0005", "claude-haiku-5-5")
    assert summary["completed_items"] == 30
    assert summary["max_cost"] == 1.5
    assert not summary["cost_limit_reached"]
    assert simulator.state()["items_billed"] == 30
    assert decisions(each) == [("limit_reached", "0.0005"), ("limit", "1.5")]
    assert names_of(each) == everybody(30)


def test_what_was_approved_holds_after_a_crash(limited, real_server):
    each = limited()
    with answering(real_server, "resume", run_input={"decision": "continue", "new_limit_usd": 1.5}):
        each.run()
    assert limited().run()["max_cost"] == 1.5


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ({"do": "resume", "run_input": {"decision": "stop", "new_limit_usd": 1}}, "a person chose to stop"),
        ({"do": "set_state", "state": {"type": "CANCELLING"}, "force": False}, "cancelled"),
    ],
)
def test_a_stop_or_a_cancel_leaves_a_ledger_to_go_on_from(limited, simulator, real_server, action, said):
    each = limited()
    with answering(real_server, **action):
        summary = each.run()
    assert said in summary["stopped"]
    assert summary["cost_limit_reached"]
    assert summary["pending_items"] == 30 - summary["completed_items"] > 0
    with answering(real_server, "resume", run_input={"decision": "continue", "new_limit_usd": 1}):
        assert limited().run()["completed_items"] == 30
    assert simulator.state()["items_billed"] == 30


def test_nobody_answers(limited, simulator):
    summary = limited(answer_within=1).run()
    assert "nobody answered in time" in summary["stopped"]
    assert limited(on_cost_limit="stop").run()["cost_limit_reached"]
    assert simulator.state()["items_billed"] == summary["completed_items"]


def test_without_prefect_nobody_can_be_asked(limited, simulator):
    with pytest.raises(InputError, match="PREFECT_API_URL"):
        limited(orchestrator="local").run()
    assert simulator.state()["create_calls"] == 0
