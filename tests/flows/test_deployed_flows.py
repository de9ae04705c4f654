"""The flows that prefect.yaml deploys, run against a real server."""

import time
from pathlib import Path
from uuid import uuid4

import pytest
import yaml

from batchata.simulator import OnClock, Simulator

pytestmark = [pytest.mark.usefixtures("inside"), pytest.mark.filterwarnings("default")]

ROOT = Path(__file__).parents[2]
HOUR = 3600
COMMON = {"prompt": "Who is it?", "model": "claude-haiku-5-5", "cache": False, "items_per_job": 5}
FOR_ONE = 0.000392
"""US dollars that cover one item at worst, and not a second one when it has cost what it costs."""


@pytest.fixture
def simulator(monkeypatch):
    simulator = Simulator(progress=OnClock(HOUR), seed=7)
    with simulator:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", simulator.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "none")
        yield simulator


@pytest.fixture
def put(tmp_path):
    def write(*names, folder="inbox"):
        (tmp_path / folder).mkdir(exist_ok=True)
        for name in names:
            (tmp_path / folder / f"{name}.txt").write_text(f"Name: {name}")
        return folder

    return write


def ended(flow, **parameters):
    return flow(**parameters, return_state=True)


def artifacts(key):
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

    with get_client(sync_client=True) as api:
        found = api.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])))
    return [each.data for each in sorted(found, key=lambda each: each.created)]


def test_what_is_new_in_a_folder_is_sent_once_and_told(simulator, put):
    from flows.process_inbox import process_inbox

    name = f"box-{uuid4().hex[:6]}"
    put("Ada", "Grace")
    first = ended(process_inbox, inbox="inbox", name=name, wait=False, **COMMON)
    assert (first.name, "2 new files, 0 known before" in first.message) == ("InFlight", True)
    put("Alan", "Edsger", "Tony")
    simulator.advance(HOUR)
    second = ended(process_inbox, inbox="inbox", name=name, wait=False, **COMMON)
    assert "3 new files, 2 known before" in second.message
    simulator.advance(HOUR)
    third = ended(process_inbox, inbox="inbox", name=name, **COMMON)
    assert (third.name, "0 new files, 5 known before" in third.message) == ("Completed", True)
    assert simulator.state()["items_billed"] == 5
    assert [text.splitlines()[0] for text in artifacts(f"{name}-inbox")] == [
        "2 new files, 0 known before.",
        "3 new files, 2 known before.",
        "0 new files, 5 known before.",
    ]


def test_a_run_is_brought_home_by_visits_and_asks_at_its_limit(simulator, put):
    from prefect.client.orchestration import get_client

    from flows.collect_due import collect_due
    from flows.run_batch import run_batch

    name = f"asker-{uuid4().hex[:6]}"
    asker = run_batch.to_deployment(name).apply()
    put(*(f"Nr{n}" for n in range(8)), folder="notes")
    begun = ended(run_batch, files=["notes"], wait=False, max_cost=FOR_ONE, max_tokens=1000, **COMMON)
    assert begun.name == "InFlight"
    shown = artifacts("notes-summary")
    assert "1 run was open: 0 finished, 1 still open" in ended(collect_due).message
    assert artifacts("notes-summary") == shown, "nothing happened to it"
    for _ in range(10):
        simulator.advance(HOUR)
        if "no run is open" in ended(collect_due, ask_with=f"run-batch/{name}").message:
            break
    else:
        pytest.fail("it is visited again and again")
    assert artifacts("collect-due")
    assert len(artifacts("notes-summary")) > len(shown)
    with get_client(sync_client=True) as api:
        asked = [each for each in api.read_flow_runs(limit=50) if each.deployment_id == asker]
    (run,) = asked
    assert run.parameters["files"] == ["notes"]
    assert run.parameters["max_cost"] == FOR_ONE
    assert Path(run.parameters["state_dir"]).is_dir()


def test_failed_items_are_sent_again_and_a_run_is_cancelled_and_nobody_reads_the_key(
    inside, simulator, put, monkeypatch, tmp_path
):
    from batchata.orchestration.credentials import AnthropicCredentials
    from flows.cancel import cancel
    from flows.retry_failed import retry_failed
    from flows.run_batch import run_batch

    simulator.faults.outcome("refused", match=lambda custom_id: custom_id.endswith("-000001-1"))
    put("Ada", "Grace", folder="notes")
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    block, key = f"c-{uuid4().hex[:6]}", f"sk-ant-{uuid4().hex}"
    AnthropicCredentials(api_key=f"{key}\n", base_url=simulator.url).save(block)
    ended(run_batch, files=["notes"], wait=False, credentials=block, **COMMON)
    simulator.advance(HOUR)
    done = ended(run_batch, files=["notes"], wait=False, credentials=block, **COMMON)
    assert done.name == "CompletedWithFailures"
    place = str(Path(done.result()["state_path"]).parent)
    again = ended(retry_failed, state_dir=place, wait=False)
    assert again.name == "InFlight"
    stopped = ended(cancel, state_dir=f"{place}/ledger.jsonl")
    assert "message batches that were told to stop: msgbatch_" in stopped.message
    kept = [each for place in (tmp_path, Path(inside.environment["PREFECT_HOME"])) for each in place.rglob("*")]
    assert {"prefect.db", "ledger.jsonl", "run.json"} <= {each.name for each in kept}
    assert [each for each in kept if each.is_file() and key.encode() in each.read_bytes()] == []


def test_bad_parameters_end_a_run_with_a_sentence(simulator, put):
    from flows.run_batch import run_batch

    failed = ended(run_batch, files=["nowhere/*.pdf"], **COMMON)
    assert failed.is_failed()
    assert "no file is found for nowhere/*.pdf" in failed.message
    assert "nothing was sent" in ended(run_batch, **COMMON).message


def test_what_is_deployed_is_there_and_takes_these_parameters():
    import importlib

    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    assert {each["name"] for each in deployments} == {
        path.stem.replace("_", "-") for path in (ROOT / "flows").glob("*.py")
    }
    for each in deployments:
        path, name = each["entrypoint"].split(":")
        flow = getattr(importlib.import_module(path.removesuffix(".py").replace("/", ".")), name)
        assert flow.name == each["name"]
        flow.validate_parameters(_required(flow) | each.get("parameters", {}))


def _required(flow):
    return dict.fromkeys(flow.parameters.required or (), "1")


def test_a_schedule_makes_runs():
    """Of the very versions that are installed: with SQLAlchemy 2.1 the server of Prefect 3.8.8 made none."""
    from prefect.client.orchestration import get_client

    from flows.collect_due import collect_due

    deployment = collect_due.to_deployment(f"scheduled-{uuid4().hex[:6]}", interval=300).apply()
    with get_client(sync_client=True) as api:
        until = time.monotonic() + 90
        while not any(each.deployment_id == deployment for each in api.read_flow_runs(limit=200)):
            assert time.monotonic() < until, "the server has scheduled nothing"
            time.sleep(0.5)


@pytest.mark.parametrize("on_cancel", ["leave", "cancel"])
def test_a_cancelled_run_is_halted_before_it_has_sent_anything(simulator, put, on_cancel):
    from prefect import flow
    from prefect.client.orchestration import get_client
    from prefect.runtime import flow_run

    from batchata.orchestration.hooks import settle_cancelled
    from batchata.runs.carrying import carry_out
    from batchata.runs.due import collect_due
    from batchata.runs.folder import folder_of
    from batchata.runs.spec import spec_of

    put("Ada", folder="notes")
    given = {**COMMON, "files": ["notes"], "max_cost": 0.000001, "max_tokens": 1000, "on_cost_limit": "stop"}
    given["on_cancel"] = on_cancel
    spec, seen = spec_of(given), []

    @flow
    def begins():
        seen.append(flow_run.id)
        carry_out(spec)

    begins()
    folder = folder_of(spec)
    folder.describe(spec.model_copy(update={"max_cost": 5.0}))
    lines = folder.ledger.read_text().splitlines()
    folder.ledger.write_text(
        "".join(f"{line}\n" for line in lines if '"halted"' not in line and "limit_reached" not in line)
    )
    with get_client(sync_client=True) as api:
        settle_cancelled(begins, api.read_flow_run(seen[0]), None)
    assert folder.state().halted == "the flow run was cancelled"
    assert list(collect_due(Path(".batchata"))) == []
    assert simulator.state()["batches_created"] == 0


def test_a_run_about_which_nobody_could_be_asked_is_told(simulator, put):
    from flows.collect_due import collect_due
    from flows.run_batch import run_batch

    put(*(f"Nr{n}" for n in range(8)), folder="notes")
    ended(run_batch, files=["notes"], wait=False, max_cost=FOR_ONE, max_tokens=1000, **COMMON)
    states = []
    while len(states) < 10 and not (states and "no run is open" in states[-1].message):
        simulator.advance(HOUR)
        states.append(ended(collect_due, ask_with="run-batch/nobody"))
    (failed,) = [each for each in states if each.is_failed()]
    assert "nobody is asked about" in failed.message
