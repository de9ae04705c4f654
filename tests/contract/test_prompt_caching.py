"""One document with many prompts: one item writes the prompt cache, the others read, and the bill says so."""

import os
import signal
import threading
import time
from decimal import Decimal

import pytest

from batchata import BatchManager, make_client
from batchata.core.money import rounded_usd
from batchata.core.reports import Facts, summary_view
from batchata.io.ledger import read_state
from batchata.simulator import OnClock, Simulator
from tests.contract.conftest import MODEL
from tests.contract.test_contract import events

pytestmark = pytest.mark.filterwarnings("default")  # Prefect's own warnings are not ours to fail on

CLAUSE = "the supplier shall deliver lot {0} in good order, {0} days after notice was given, and the buyer pays for it"


def text_of(pages):
    """Pages of about 2,700 letters, which are 900 tokens to the simulator; few sentences, so that it is quick."""
    return "\f".join(
        f"Page {page}\n" + "".join(", ".join([CLAUSE.format(page * 100 + line)] * 8) + ".\n" for line in range(3))
        for page in range(1, pages + 1)
    )


def asked_about(text, count, **control):
    """Each conversation has a copy of its own, as if it had come from a file."""
    source = {"type": "text", "media_type": "text/plain", "data": text}
    return [
        [{"role": "user", "content": [
            {"type": "document", "source": dict(source), **control}, {"type": "text", "text": f"What of lot {n}?"}]}]
        for n in range(count)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def text():
    return text_of(12)


@pytest.fixture
def made(client, tmp_path):
    """Makes a manager over a ledger of its own."""

    def make(messages, name="run", **options):
        usual = {
            "model": "claude-opus-5-5", "items_per_job": 5, "cache": False, "lost_after": 0.3, "orchestrator": "local",
            "state_path": tmp_path / f"{name}.jsonl", "client": client, "max_tokens": 2000,
        }  # fmt: skip
        chosen = {key: value for key, value in (usual | options).items() if value is not None}
        return BatchManager(messages=messages, **chosen)

    return make


def intents(manager):
    return [each for each in events(manager) if each["event"] == "intent"]


def billed(manager):
    return read_state(manager.state_path).budget.spent


def test_the_first_writes_the_others_read_and_the_shown_saving_is_the_real_one(manager, text, simulator):
    how = {"response_model": None, "model": "claude-opus-5-5", "max_tokens": 2000}
    each = manager(asked_about(text, 12), **how)
    summary = each.run()
    plain = manager(asked_about(text, 12), prompt_caching="off", state_path=each.state_path.with_name("off"), **how)
    off = plain.run()
    first, *others = intents(each)
    assert (first["ahead"], len(first["items"]), len(others)) == (True, 1, 3)
    assert all(list(other["prefixes"]) == list(first["prefixes"]) and not other["ahead"] for other in others)
    assert (summary["completed_items"], off["completed_items"]) == (12, 12)
    assert summary["prompt_cache_hit_rate"] == pytest.approx(11 / 12)
    assert (off["prompt_cache_hit_rate"], off["prompt_cache_saved"]) == (None, 0)
    assert read_state(each.state_path).tally.prompt_saved == billed(plain) - billed(each) > 0
    assert not any(each["prefixes"] for each in intents(plain))


def test_a_hundred_prompts_over_fifty_pages_cost_less_than_two_fifths(made):
    """500 of them take longer than a test may: `python -m tests.benchmarks.caching 500`."""
    document = text_of(50)
    found = {}
    for mode in ("auto", "off"):
        each = made(asked_about(document, 100), mode, prompt_caching=mode, items_per_job=50)
        assert each.run()["completed_items"] == 100
        found[mode] = each
    cached, plain = billed(found["auto"]), billed(found["off"])
    assert cached <= plain * Decimal("0.4")
    assert read_state(found["auto"].state_path).tally.prompt_saved == plain - cached
    state = read_state(found["auto"].state_path)
    shown = summary_view(Facts("n", "r", "m", "s", "d"), state, None).data
    assert "**Prompt cache**: 99% of" in shown
    assert f"which saved {rounded_usd(plain - cached)}" in shown


def test_the_writing_job_survives_a_lost_answer_and_a_change_of_hands(made, text, simulator):
    """Its create call was answered into the void; whoever goes on finds it, and waits for it no second time."""
    simulator.faults.drop("create", "after")
    messages = asked_about(text, 12)
    for record in made(messages).stream():
        assert record.outcome == "succeeded"
        break
    each = made(messages)
    assert each.run()["completed_items"] == 12
    assert [intent["ahead"] for intent in intents(each)] == [True, False, False, False]
    assert each.stats["prompt_cache_hit_rate"] == pytest.approx(11 / 12)
    assert simulator.state()["items_billed"] == 12


def test_what_was_paid_for_is_known_however_it_was_cached(made, text, simulator, tmp_path):
    messages = asked_about(text, 12)
    assert made(messages, "one", prompt_caching="1h", cache=tmp_path / "cache").run()["completed_items"] == 12
    for name, mode in (("two", "off"), ("three", "auto"), ("four", "5m")):
        summary = made(messages, name, prompt_caching=mode, cache=tmp_path / "cache").run()
        assert (summary["completed_items"], summary["cached_items"], summary["total_cost"]) == (12, 12, 0)
    assert simulator.state()["items_billed"] == 12


def test_one_ledger_may_be_gone_on_with_in_another_way(made, text):
    messages = asked_about(text, 12)
    for _ in made(messages).stream():
        break
    each = made(messages, prompt_caching="off")
    summary = each.run()
    assert (summary["completed_items"], summary["pending_items"]) == (12, 0)


def test_who_places_breakpoints_has_none_added_and_sees_what_they_saved(made, text):
    """Without a job ahead half of the items of a batch write it: the simulator's items start together."""
    control = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    each = made(asked_about(text, 10, **control), items_per_job=10)
    summary = each.run()
    assert [intent["prefixes"] for intent in intents(each)] == [{}]
    assert summary["prompt_cache_hit_rate"] == 0.5
    assert summary["prompt_cache_saved"] < 0
    shown = summary_view(Facts("n", "r", "m", "s", "d"), read_state(each.state_path), None).data
    assert "50% of" in shown
    assert f", too few: it cost {rounded_usd(Decimal(-summary['prompt_cache_saved']))} more than it saved" in shown


def test_system_and_instruction_are_shared_by_files_too(made, tmp_path, simulator, client):
    """Each file is another one; what stands before them is the same."""
    for number in range(40):
        (tmp_path / f"{number}.txt").write_text(f"Invoice {number}\nTotal: {number}.50")
    each = BatchManager(
        files=[str(tmp_path / f"{number}.txt") for number in range(40)], prompt="What is the total?", model="claude-opus-5-5",
        system="Read with care. " * 1200, state_path=tmp_path / "files.jsonl", cache=False, client=client,
        orchestrator="local", max_tokens=2000,
    )  # fmt: skip
    summary = each.run()
    assert [intent["ahead"] for intent in intents(each)] == [True, False]
    assert summary["prompt_cache_hit_rate"] == pytest.approx(39 / 40)
    assert summary["prompt_cache_saved"] > 0


def test_a_limit_that_covers_no_write_is_used_up_without_one_and_never_passed(made, text):
    """An item is bound at about 5 cents as plain input and at 8 as written for an hour."""
    each = made(asked_about(text, 12), max_cost=0.065)
    summary = each.run()
    assert summary["cost_limit_reached"]
    assert 0 < summary["completed_items"] < 12
    assert 0 < summary["total_cost"] <= 0.065
    assert not any(intent["prefixes"] for intent in intents(each))


def test_a_limit_that_covers_it_is_kept_with_breakpoints(made, text):
    each = made(asked_about(text, 12), max_cost=0.3)
    summary = each.run()
    assert summary["total_cost"] <= each.stats["max_cost"]
    assert intents(each)[0]["ahead"]
    assert summary["prompt_cache_saved"] > 0


def test_short_beginnings_are_sent_as_they_are(made, simulator):
    each = made(
        [[{"role": "user", "content": f"Mail {number}"}] for number in range(6)], system="Be brief.", model=MODEL
    )
    assert each.run()["completed_items"] == 6
    assert {tuple(intent["prefixes"]) for intent in intents(each)} == {()}
    assert simulator.state()["calls"].get("count_tokens", 0) == 0


@pytest.mark.parametrize("upload", [False, True])
def test_one_file_with_many_prompts_is_written_once(client, tmp_path, text, upload):
    """Also where it was uploaded: under a new id the cache would not know it."""
    (tmp_path / "contract.txt").write_text(text)
    prompts = [f"What of lot {number}?" for number in range(30)]
    manager = BatchManager(
        files=["contract.txt"], prompts=prompts, model="claude-opus-5-5", max_tokens=2000, cache=False, upload=upload,
        state_path=tmp_path / "run.jsonl", client=client, orchestrator="local",
    )  # fmt: skip
    summary = manager.run()
    assert summary["completed_items"] == 30
    assert summary["prompt_cache_hit_rate"] == pytest.approx(29 / 30)
    assert summary["prompt_cache_saved"] > summary["total_cost"]
    assert not client.files.list().data


def interrupted_when_sent(manager):
    """Ctrl-C, while it waits for the first batch, which has not ended before the simulator's clock is put forward."""

    def press():
        while not (manager.state_path.exists() and b'"submitted"' in manager.state_path.read_bytes()):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    hand = threading.Thread(target=press)
    hand.start()
    with pytest.raises(KeyboardInterrupt):
        manager.run()
    hand.join()


def test_where_nobody_waits_all_is_sent_at_once_and_the_summary_says_what_that_costs(tmp_path, text):
    """The first visit sent one item, and the rest went with the next one, a night later."""
    with Simulator(progress=OnClock(600), seed=7) as url, make_client(api_key="none", base_url=url) as client:
        manager = BatchManager(
            messages=asked_about(text, 30), model="claude-opus-5-5", max_tokens=2000, cache=False,
            state_path=tmp_path / "run.jsonl", client=client, orchestrator="local",
        )  # fmt: skip
        summary = manager.run(wait=False)
    assert (summary["in_flight_items"], summary["pending_items"]) == (30, 0)
    assert [(each["ahead"], list(each["prefixes"].values())) for each in intents(manager)] == [(False, ["5m"])]
    assert "a run that waits for it is expected to pay $" in summary["stopped"]


@pytest.mark.parametrize("collects", [False, True])
def test_who_goes_on_names_the_upload_that_was_written_or_writes_again(tmp_path, text, collects):
    """Under a new id all others would have written it: the job ahead is collected by another process."""
    simulator = Simulator(progress=OnClock(600), seed=7)
    (tmp_path / "contract.txt").write_text(text)
    with simulator as url, make_client(api_key="none", base_url=url) as client:
        manager = BatchManager(
            files=["contract.txt"], prompts=[f"What of lot {number}?" for number in range(12)], model="claude-opus-5-5",
            max_tokens=2000, cache=False, upload=True, state_path=tmp_path / "run.jsonl", client=client,
            orchestrator="local",
        )  # fmt: skip
        interrupted_when_sent(manager)
        assert manager.stats["pending_items"] == 11
        simulator.advance(600)
        if collects:
            assert manager.collect()["pending_items"] == 11
        manager.run(wait=False)
        simulator.advance(600)
        summary = manager.run(wait=False)
        assert [list(each["prefixes"].values()) for each in intents(manager)] == [["1h"], ["5m" if collects else "1h"]]
        assert summary["completed_items"] == 12
        assert collects or summary["prompt_cache_hit_rate"] == 11 / 12
        assert not client.files.list().data


@pytest.mark.parametrize("mode", ["auto", "1h", "off"])
def test_an_estimate_reckons_with_the_cache(made, text, mode):
    """Without it, it told nearly three times what is paid, as exact; and a bound below what the run reserves."""
    each = made(asked_about(text, 30), prompt_caching=mode, max_cost=40)
    estimate = each.estimate(output_tokens=1153)
    each.run()
    paid, reserved = billed(each), sum(Decimal(intent["bound"]) for intent in intents(each))
    assert reserved <= estimate.bound
    assert bool([note for note in estimate.notes if "Prompt caching is taken to save" in note]) == (mode != "off")
    assert mode != "off" or abs(estimate.cost.value - paid) < Decimal("0.001")
    if mode != "off":
        assert estimate.cost.low <= paid <= estimate.cost.value < estimate.cost.high
        assert "95 %" not in str(estimate)
        assert estimate.list_price == 2 * estimate.cost.value
        assert each.estimate().list_price == 2 * paid
