"""What a run would cost, asked of a manager or of a description: nothing is sent and nothing is left behind."""

from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import BaseModel

from batchata import BatchManager, InputError, LedgerMismatchError, ModelError, Rates, UnknownPriceError
from batchata.running import looking, opening
from batchata.runs.carrying import carry_out
from batchata.runs.estimating import estimate_run
from batchata.simulator import OnClock, Simulator

MODEL = "claude-haiku-5-5"


class Contact(BaseModel):
    name: str


class Strict(BaseModel):
    name: str
    birthday: str
    tags: list[Contact] = []


def letters(count):
    """Messages of 1 to 60 lines."""
    return [
        [{"role": "user", "content": f"Name: Person Nr{number}\n" + "Thank you for it.\n" * (number * 37 % 60)}]
        for number in range(count)
    ]


@pytest.fixture
def manager(simulator, tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "new_run_id", lambda: "0123456789ab")  # decides which items are drawn

    def make(messages, **options):
        usual = {"model": MODEL, "response_model": Contact, "state_path": tmp_path / "state.jsonl", "cache": False}
        return BatchManager(messages=messages, **(usual | options))

    return make


def places(folder):
    return {str(path.relative_to(folder)) for path in Path(folder).rglob("*") if "home" not in path.parts}


def test_nothing_is_sent_and_nothing_is_left_behind(manager, simulator, tmp_path):
    found = manager(letters(40), max_cost=2, state_path=None, cache=tmp_path / "cache").estimate()
    calls = simulator.state()["calls"]
    assert set(calls) == {"models", "count_tokens"}
    assert calls["count_tokens"] <= 40 + 4
    assert places(tmp_path) == set()
    assert (found.items, found.waiting, found.counted, found.input_method) == (40, 40, 40, "counted")
    assert found.output_method == "rule"
    assert found.cost.low < found.cost.value < found.cost.high <= found.bound


def test_what_is_counted_and_given_is_the_bill(manager):
    """Answers of the simulator to these letters are equally long."""
    each = manager(letters(30), model="claude-haiku-4-5")
    each.run()
    [output] = {record.usage["output_tokens"] for record in each.outcomes() if record.index >= 10}
    shorter = {record.usage["output_tokens"] for record in each.outcomes() if record.index < 10}
    assert shorter == {output}
    found = manager(letters(30), model="claude-haiku-4-5", state_path=None).estimate(output_tokens=output)
    assert float(found.cost.value) == each.stats["total_cost"]
    assert found.cost.low == found.cost.high == found.cost.value


def test_a_sample_is_measured_and_what_is_spent_counts(manager, simulator):
    each = manager(letters(60))
    each.run(sample=20, approve=lambda report: False)
    found = manager(letters(60)).estimate(count=25)
    assert (found.ended, found.waiting, found.counted, found.output_method) == (20, 40, 25, "measured")
    assert found.spent > 0
    assert not found.notes
    assert each.run()["completed_items"] == 60
    total = each.stats["total_cost"]
    assert float(found.cost.low) <= total <= float(found.cost.high)
    assert float(found.cost.value) == pytest.approx(total, rel=0.05)
    after = manager(letters(60)).estimate()
    assert (float(after.cost.value), after.cost.low, after.waiting) == (total, after.spent, 0)
    assert simulator.state()["create_calls"] == 2


def test_what_has_to_be_sent_twice_is_expected_of_the_others(manager, simulator):
    """The first answer to every third letter cannot be used."""
    simulator.faults.outcome("invalid", match=lambda name: name.endswith("-1") and int(name.split("-")[1]) % 3 == 0)
    each = manager(letters(120))
    each.run(sample=50, approve=lambda report: False)
    found = manager(letters(120)).estimate()
    total = each.run()["total_cost"]
    assert simulator.state()["items_billed"] == 160
    assert float(found.cost.low) <= total <= float(found.cost.high)
    assert float(found.cost.value) == pytest.approx(total, rel=0.1)


def test_answers_of_earlier_runs_are_measured_and_those_in_the_cache_are_free(manager, simulator, tmp_path):
    cache = tmp_path / "cache"
    manager(letters(20), cache=cache).run()
    found = manager(letters(35), cache=cache, state_path=tmp_path / "other.jsonl").estimate()
    assert (found.cached, found.counted, found.output_method) == (20, 15, "measured")
    assert "20 answers of earlier runs" in found.output_source
    before = places(cache)
    summary = manager(letters(35), cache=cache, state_path=tmp_path / "other.jsonl").run()
    assert summary["total_cost"] == pytest.approx(float(found.cost.value), rel=0.05)
    anew = manager(letters(35), cache=cache, refresh_cache=True, state_path=None).estimate()
    assert (anew.cached, anew.counted) == (0, 35)
    assert before <= places(cache)


def test_items_in_flight_count_as_they_are(point_to, manager):
    simulator = Simulator(progress=OnClock(3600), seed=7)
    with simulator:
        point_to(simulator)
        each = manager(letters(20), max_cost=5, items_per_job=5, max_parallel_jobs=2)
        each.run(wait=False)
        found = manager(letters(20), max_cost=5, items_per_job=5, max_parallel_jobs=2).estimate()
        assert (found.in_flight, found.waiting, found.ended, found.counted) == (10, 10, 0, 20)
        assert found.bound > Decimal(str(each.stats["cost_reserved"]))


def test_models_are_compared_and_only_their_own_ledger_counts(manager):
    each = manager(letters(12))
    each.run()
    found = manager(letters(12)).estimate(models=["claude-haiku-4-5", MODEL, "claude-opus-4-8"])
    assert list(found) == ["claude-haiku-4-5", MODEL, "claude-opus-4-8"]
    old, own, dear = found.values()
    assert (own.waiting, old.waiting, dear.waiting) == (0, 12, 12)
    assert old.input_tokens.value < dear.input_tokens.value  # another tokenizer
    assert old.cost.value < dear.cost.value


def test_bad_input_is_named_as_in_a_run(simulator, tmp_path):
    (tmp_path / "a.pdf").write_bytes(b"no pdf")
    with pytest.raises(InputError, match=r"2 of 3 items cannot be sent.*\n.*a\.pdf.*\n.*gone\.txt"):
        BatchManager(files=["a.pdf", "gone.txt", b"text"], prompt="x", model=MODEL).estimate()
    with pytest.raises(InputError, match="it is no JSON"):
        BatchManager(messages=letters(3), model=MODEL, metadata={"x": object()}).estimate()
    assert "count_tokens" not in simulator.state()["calls"]


def test_what_cannot_be_estimated_says_why(manager, simulator):
    with pytest.raises(UnknownPriceError, match="claude-mythos-5-1"):
        manager(letters(3)).estimate(models=[MODEL, "claude-mythos-5-1"])
    with pytest.raises(ModelError, match="serves no model"):
        manager(letters(3), model="claude-haiku-9", rates=Rates(1, 2)).estimate()
    manager(letters(3)).run()
    with pytest.raises(LedgerMismatchError, match="`model` was"):
        manager(letters(3), model="claude-haiku-4-5").estimate()
    for options in ({"models": []}, {"models": MODEL}, {"count": 0}, {"output_tokens": -1}):
        with pytest.raises(InputError):
            manager(letters(3)).estimate(**options)


def test_items_that_the_api_would_not_count_are_told_from_the_others(manager):
    odd = [{"role": "user", "content": [{"type": "riddle", "text": "What has a bed and never sleeps?"}]}]
    found = manager([*letters(20), odd]).estimate()
    assert (found.counted, found.input_method != "counted") == (20, True)
    assert any("would not count 1 items" in note and "item 20" in note for note in found.notes)


def test_where_nothing_can_be_counted_it_is_said(manager, simulator):
    simulator.faults.fail("count_tokens", 404, times=None)
    found = manager(letters(20)).estimate()
    assert (found.counted, found.input_method) == (0, "sizes")
    assert simulator.state()["calls"]["count_tokens"] < 20
    exact = manager(letters(20)).run()["total_input_tokens"]
    assert found.input_tokens.low < exact < found.input_tokens.high


def test_of_very_many_a_sample_is_looked_at(manager, monkeypatch):
    monkeypatch.setattr(looking, "CONVERSATIONS_READ", 60)
    found = manager(letters(150)).estimate(output_tokens=30, count=40)
    assert (found.items, found.looked_at, found.counted, found.bound_is_exact) == (150, 60, 40, False)
    exact = manager(letters(150), state_path=None).estimate(output_tokens=30)
    assert found.input_tokens.low <= exact.input_tokens.value <= found.input_tokens.high
    assert found.cost.low <= exact.cost.value <= found.cost.high
    assert float(found.bound) == pytest.approx(float(exact.bound), rel=0.1)


def test_what_has_no_limit_has_no_bound(manager):
    tools = [{"type": "web_search_20250305", "name": "web_search"}]
    found = manager(letters(2), tools=tools).estimate()
    assert found.bound is None
    for words in ("no max_uses", "what searches cost, is not in the estimate"):
        assert words in str(found)


def test_what_is_left_out_is_said(manager):
    cached = [{"type": "text", "text": "Be brief. " * 9, "cache_control": {"type": "ephemeral"}}]
    assert "prompt caching is not in the estimate" in str(manager(letters(2), system=cached).estimate())
    long = [[{"role": "user", "content": "word " * 200_000}]]
    found = manager(long, model="claude-haiku-4-5", response_model=None).estimate()
    assert "1 items have more than the 200,000 tokens" in str(found)


def test_a_described_run_is_estimated_by_its_description(simulator, notes, spec, tmp_path):
    notes(*(f"Nr{n}" for n in range(8)))
    before = places(tmp_path)
    described = spec(files=["notes"], max_cost=1, cache=True)
    [found] = estimate_run(described).values()
    assert (found.items, found.model, found.max_cost) == (8, MODEL, Decimal(1))
    assert places(tmp_path) == before
    assert list(estimate_run(described, ["claude-haiku-4-5", MODEL])) == [MODEL, "claude-haiku-4-5"]
    summary = carry_out(described)
    [after] = estimate_run(described, output_tokens=5).values()
    assert float(after.cost.value) == summary["total_cost"]
