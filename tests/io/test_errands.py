"""Work that travels: packed in one process, unpacked and done in another one."""

import json
import pickle
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import orjson
import pytest
from pydantic import BaseModel
from upath import UPath

from batchata import (
    AmbiguousSubmitError,
    CredentialsError,
    InputError,
    Item,
    ServiceError,
    UnknownPriceError,
    make_client,
)
from batchata.core.events import Sent
from batchata.core.fingerprints import request_fingerprint
from batchata.core.measured import Answered, Measure, Weighed
from batchata.core.models import ModelInfo
from batchata.core.prefixes import Marks
from batchata.core.steps import Candidate, Collect, Created, Form, NotFound, Search, Send
from batchata.errors import ForgottenRunError, IncompleteResultsError, LostWorkerError, Problem
from batchata.io.lost import LostAndFound
from batchata.io.results import ResultsFolder
from batchata.running import errands
from batchata.running.assignment import Assignment, Requests, RunContext
from batchata.running.errands import Packer
from batchata.running.forming import Former
from batchata.running.measuring import Measurer, encoded_params
from batchata.running.probing import Probe, left_by, probe, sweep
from batchata.running.sending import made_again
from batchata.running.settling import Settler
from batchata.running.spreading import Spread
from batchata.running.worker import Worker
from batchata.simulator.backend import content_hash
from tests.urls import emptied

MODEL = "claude-haiku-5-5"
ERRORS = [
    AmbiguousSubmitError("lost", custom_id="run-000001-1", total=3, why="it broke"),
    IncompleteResultsError("short", read=1, expected=2),
    UnknownPriceError("some-model"),
    InputError("bad", [Problem("item 0", "is empty")]),
    LostWorkerError("gone"),
    ServiceError("away"),
]


class Note(BaseModel):
    text: str


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_travels_with_all_that_it_says(error):
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.args, vars(again), str(again)) == (type(error), error.args, vars(error), str(error))


@pytest.fixture
def world(client, simulator, tmp_path, monkeypatch):
    """A packer over three files, and who took which right to send."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "of-this-process")
    for number in range(3):
        (tmp_path / f"{number}.txt").write_text(f"text: note {number}")
    files = [f"{number}.txt" for number in range(3)]
    assignment = Assignment(
        files, is_files=True, model=MODEL, prompt="Read.", response_model=Note, max_tokens=100, api=simulator.url
    )
    info = ModelInfo(MODEL, structured_outputs=True)
    run = RunContext(
        assignment, Requests(assignment, info), client, info, "run", ResultsFolder(tmp_path / "results", "run")
    )
    here = Measurer(run, None, keeps_bodies=False)
    with probe(run.folder, run.run_id, assignment) as note:
        packer = Packer(run, here, 2, cache=False, refresh_cache=False)
        packer.claimed_at("somewhere", free, note)
        yield packer


def free(place, name):
    return True


def taken(place, name):
    return False


def sent(packer, *indexes):
    encoded = {index: encoded_params(packer.run.requests.params(index, None)) for index in indexes}
    return Send(7, [Sent(index, 1, None, request_fingerprint(encoded[index])) for index in indexes])


def test_items_are_measured_elsewhere_as_they_are_here_and_relative_paths_arrive(world, tmp_path, monkeypatch):
    step = Measure(7, [Candidate(index, 1, None) for index in range(3)], limited=True)
    here = list(world.here.measured(step))
    parcel = world.packed(step)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert parcel() == here
    assert all(isinstance(each, Weighed) and each.body is None and each.ceiling > Decimal(0) for each in here)


def test_no_key_travels(world, client):
    step = Measure(7, [Candidate(0, 1, None)], limited=False)
    payload = world.packed(step).payload + world.packed(sent(world, 0, 1)).payload
    assert client.api_key.encode() not in payload
    assert b"of-this-process" not in payload


def test_breakpoints_travel_and_change_nothing_that_a_request_is_recognised_by(world, simulator):
    marks = Marks("x", (1,), "1h")
    steps = [Measure(7, [Candidate(0, 1, None, each)], limited=True) for each in (None, marks)]
    (plain,), (marked,) = (world.packed(step)() for step in steps)
    assert marked.fingerprint == plain.fingerprint
    assert marked.ceiling > plain.ceiling
    step = replace(sent(world, 0), marks={0: marks})
    body = made_again(world.run, step).body
    assert body.count(b'"cache_control":{"type":"ephemeral","ttl":"1h"}') == 1
    assert marked.size == len(body) - len(b'{"requests":[]}')
    assert isinstance(world.packed(step)(), Created)
    (params,) = (each["params"] for each in json.loads(body)["requests"])
    list(world.run.client.messages.batches.list())  # whoever looks has it processed
    assert simulator.state()["processed"] == {content_hash(params): 1}


def test_what_was_measured_is_sent_by_another_process(world, simulator):
    """Which has a key of its own."""
    code = "import pickle, sys; print(pickle.loads(sys.stdin.buffer.read())().batch_id)"
    parcel = pickle.dumps(world.packed(sent(world, 0, 2)))
    done = subprocess.run([sys.executable, "-c", code], input=parcel, capture_output=True, check=True)
    assert done.stdout.startswith(b"msgbatch_")
    assert simulator.state()["batches_created"] == 1


def test_what_is_asked_for_one_item_only_travels_with_it_and_its_answer_is_judged_by_it(world, tmp_path, monkeypatch):
    items = [Item("0.txt", "n", "Which?", {"max_tokens": 1}, "first"), "1.txt"]
    assignment = replace(world.run.assignment, items=items)
    run = replace(world.run, assignment=assignment, requests=Requests(assignment, world.run.info))
    packer = Packer(run, Measurer(run, None, keeps_bodies=False), 2, cache=False, refresh_cache=False)
    packer.claimed_at("somewhere", free, Probe(next(run.folder.path.glob(".batchata-probe-*")).name, None))
    step = sent(packer, 0, 1)
    (tmp_path / "elsewhere").mkdir()
    parcel = packer.packed(step)
    monkeypatch.chdir(tmp_path / "elsewhere")
    batch_id = parcel().batch_id
    collect = Collect(7, batch_id, step.items, None, {}, settle_short=False)
    assert [(each.item, each.max_tokens) for each in packer.packed(collect)().settled.again] == [(0, 2)]
    lines = [orjson.loads(line) for line in (run.folder.path / "processed/run-000007.jsonl").read_bytes().splitlines()]
    assert [(each["source"], each.get("label")) for each in lines] == [("n", "first"), ("1.txt", None)]


def test_a_file_that_changed_after_it_was_measured_is_not_sent(world, simulator, tmp_path):
    parcel = world.packed(sent(world, 0, 1))
    (tmp_path / "1.txt").write_text("text: another note")
    with pytest.raises(
        InputError, match=r"item 1 \(1.txt\) changed after job 7 was formed. Nothing of the job was sent"
    ):
        parcel()
    (tmp_path / "1.txt").unlink()
    with pytest.raises(InputError, match=r"item 1 \(1.txt\) was fine when job 7 was formed, but now: there is no such"):
        parcel()
    assert simulator.state()["create_calls"] == 0


def test_who_has_not_got_the_right_does_not_send(world, simulator):
    with probe(world.run.folder, "run", world.run.assignment) as note:
        world.claimed_at("somewhere", taken, note)
        with pytest.raises(AmbiguousSubmitError, match="somebody else began to send it"):
            world.packed(sent(world, 0))()
    assert simulator.state()["create_calls"] == 0


def test_a_worker_that_sees_another_disk_says_so(world, tmp_path):
    world.claimed_at("somewhere", free, Probe("no-such-note", None))
    with pytest.raises(
        InputError, match=r"the worker on \S+ cannot reach \S+results: what the run put there is not seen"
    ):
        world.packed(None)()
    with probe(world.run.folder, "run", world.run.assignment) as note:
        assert note.file == str(tmp_path / "0.txt")
        world.claimed_at("somewhere", free, replace(note, file="/no/such.pdf"))
        with pytest.raises(InputError, match=r"cannot reach /no/such.pdf: .* mount the folder there"):
            world.packed(None)()


def test_a_worker_with_credentials_of_another_workspace_sends_nothing(world, simulator):
    """The run would not see its batches, and they would be paid for."""
    note = Probe(next(world.run.folder.path.glob(".batchata-probe-*")).name, None)

    url = simulator.url

    def elsewhere():
        return make_client(base_url=url, headers={"anthropic-workspace-id": "wrkspc_other"})

    packer = Packer(world.run, world.here, 2, cache=False, client=elsewhere, refresh_cache=False)
    packer.claimed_at("somewhere", free, note)
    with pytest.raises(CredentialsError, match=r"workspace wrkspc_other, the run those of .* workspace wrkspc_sim"):
        packer.packed(sent(packer, 0))()
    assert simulator.state()["create_calls"] == 0


def test_a_worker_with_another_version_says_so(world, monkeypatch):
    parcel = world.packed(sent(world, 0))
    monkeypatch.setattr(errands, "__version__", "0.0.1")
    with pytest.raises(InputError, match=r"has batchata 0.0.1 on Python \S+, the run has batchata"):
        parcel()


def test_what_a_killed_process_left_is_swept_by_the_next_of_the_same_run(tmp_path):
    emptied()
    urls = UPath("memory://left"), UPath("unkind://left")
    for place in (tmp_path, *urls):
        for run in ("run", "other"):
            (place / left_by(run, "probe")).write_bytes(b"")
            exchange = place / left_by(run, "exchange")
            exchange.mkdir()
            (exchange / "order-1.pkl").write_bytes(b"an order")
        sweep(place, "run")
        assert {each.name.split("-")[2] for each in place.iterdir()} == {"other"}
        sweep(place / "nowhere", "run")


def test_a_batch_is_searched_for_also_when_nobody_knows_any_more_who_had_the_right(world):
    """The flow run that kept it was deleted, or the server is another one."""

    def forgotten(place, name):
        raise ForgottenRunError("it does not know the flow run")

    worker = Worker(
        world.run.client, Former(world.run, world.here.candidates), Settler(world.run, None, 2), LostAndFound("run"),
        claim=forgotten,
    )  # fmt: skip
    search = Search(7, frozenset({(0, 1)}), 1, datetime.now(UTC), known=(), claims="somewhere")
    assert worker.carry_out(search) == NotFound([])


def test_what_cannot_be_pickled_is_said_before_anything_is_sent(world, simulator):
    world.run.assignment.items[0] = threading.Lock()
    with pytest.raises(InputError, match="an item cannot be sent to another process"):
        world.packed(Measure(7, [Candidate(0, 1, None)], limited=False))


def test_a_block_with_credentials_does_not_travel(world):
    packer = Packer(world.run, world.here, 2, cache=object(), refresh_cache=False)
    with pytest.raises(InputError, match="save the block and give its"):
        packer.claimed_at("somewhere", free, Probe("", None))


def form(count, first=0):
    return Form(1, [Candidate(index, 1, None) for index in range(first, count)], 100, None, alone=True)


def test_measuring_is_spread_in_a_few_chunks_and_what_was_left_over_is_not_measured_again():
    begun = []

    def begin(step):
        begun.append(len(step.candidates))
        return lambda: [Weighed(each, "", 1, None) for each in step.candidates]

    spread = Spread(begin, here=None)
    first = spread.measured(form(1100), lambda: 1000)
    assert [next(first).candidate.index for _ in range(1000)] == list(range(1000))
    assert (len(begun), sum(begun)) == (8, 1100)
    rest = [each.candidate.index for each in spread.measured(form(1500, first=1000), lambda: 500)]
    assert rest == list(range(1000, 1500))
    assert sum(begun) == 1500


def test_a_chunk_whose_worker_was_lost_is_measured_here(world):
    def lost():
        raise LostWorkerError("gone")

    found = list(Spread(lambda step: lost, world.here).measured(form(3), lambda: 3))
    assert [type(each) for each in found] == [Weighed] * 3


def test_an_item_that_cannot_be_sent_is_told_apart_elsewhere_too(world, tmp_path):
    (tmp_path / "0.txt").write_text("")
    (found,) = world.packed(Measure(7, [Candidate(0, 1, None)], limited=False))()
    assert isinstance(found, Answered)
    assert "the file is empty" in found.outcome.message


def test_the_report_travels(world):
    assert isinstance(pickle.loads(pickle.dumps(world.packed(sent(world, 0))())), Created)
