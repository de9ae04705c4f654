from decimal import Decimal

import orjson
import pytest
from pydantic import BaseModel

from batchata import BatchJob, Citation, Rates, batch, document, make_client
from batchata.core.money import rounded_usd
from batchata.errors import InputError, NotEndedError, ServiceError, UnknownPriceError
from batchata.simulator import AfterLooks, OnClock, Simulator
from tests.pdfs import invoice_pdf

from .conftest import Invoice

PROMPT = "Extract the invoice."


def send(client, files, **arguments):
    return batch(files=files, prompt=PROMPT, client=client, **{"model": "claude-haiku-5-5", **arguments})


def test_results_are_in_the_order_of_the_input_whatever_the_order_of_the_api(client, invoices, tmp_path):
    job = send(client, invoices, response_model=Invoice, raw_results_dir=tmp_path / "raw")
    assert [entry["result"].invoice_number for entry in job.results()] == [f"INV-{n:04d}" for n in range(20)]
    lines = (tmp_path / "raw" / f"{job.batch_id}.jsonl").read_bytes().splitlines()
    arrived = [orjson.loads(line)["custom_id"] for line in lines]
    assert len(arrived) == 20
    assert arrived != sorted(arrived)
    assert [path.name for path in (tmp_path / "raw").iterdir()] == [f"{job.batch_id}.jsonl"]


def test_text(client, invoices):
    entry = send(client, invoices[:1]).results()[0]
    assert isinstance(entry["result"], str)
    assert entry["citations"] is None


def test_structured(client, invoices):
    entry = send(client, invoices[3:4], response_model=Invoice).results()[0]
    assert entry == {"result": Invoice(invoice_number="INV-0003", total_amount=3.5), "citations": None}


def test_text_with_citations(client, invoices):
    entry = send(client, invoices[3:4], enable_citations=True).results()[0]
    assert isinstance(entry["result"], str)
    assert entry["citations"]
    assert all(isinstance(each, Citation) for each in entry["citations"])
    assert {each.source_file for each in entry["citations"]} == {str(invoices[3])}


def test_structured_with_citations(client, invoices):
    entry = send(client, invoices[3:4], response_model=Invoice, enable_citations=True).results()[0]
    assert entry["result"] == Invoice(invoice_number="INV-0003", total_amount=3.5)
    number, total = entry["citations"]["invoice_number"][0], entry["citations"]["total_amount"][0]
    assert (number.start_page, number.end_page, number.source_file) == (1, 1, str(invoices[3]))
    assert (total.start_page, total.match) == (2, "label")
    assert "3.50" in total.cited_text


@pytest.mark.parametrize("citations", [False, True])
def test_messages_with_system_messages_and_other_parameters(client, simulator, citations):
    text = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Invoice number: A-1"}}
    conversation = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [text, {"type": "text", "text": "What is the invoice number?"}]},
    ]
    job = batch(messages=[conversation], client=client, model="claude-haiku-5-5", response_model=None,
                enable_citations=citations, metadata={"user_id": "u"}, output_config={"effort": "low"})  # fmt: skip
    entry = job.results()[0]
    assert "A-1" in entry["result"]
    assert bool(entry["citations"]) is citations


class Contact(BaseModel):
    name: str
    email: str | None = None


def test_every_kind_of_file(client, tmp_path):
    (tmp_path / "a.txt").write_text("Name: Ada Lovelace")
    (tmp_path / "b.md").write_text("# Card\n\nName: Grace Hopper\nEmail: grace@example.org")
    (tmp_path / "c.csv").write_text("name,email\nAlan Turing,alan@example.org\n")
    uploaded = client.files.upload(file=("d.txt", b"Name: Edsger Dijkstra", "text/plain"))
    files = [tmp_path / "a.txt", str(tmp_path / "b.md"), tmp_path / "c.csv", b"Name: Barbara Liskov", uploaded.id]
    job = send(client, files, response_model=Contact, enable_citations=True)
    names = [record.result and record.result.name for record in job.outcomes()]
    assert [names[index] for index in (0, 1, 3, 4)] == [
        "Ada Lovelace",
        "Grace Hopper",
        "Barbara Liskov",
        "Edsger Dijkstra",
    ]
    assert [record.source for record in job.outcomes()][3:] == [None, uploaded.id]
    assert job.results()[1]["citations"]["email"][0].start_char_index is not None


def test_an_image_is_sent_as_an_image(client):
    png = bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
    )
    assert send(client, [png]).outcomes()[0].outcome in ("succeeded", "invalid")


def test_five_in_a_hundred_fail_and_the_others_are_all_there(client, simulator):
    faults = simulator.faults
    faults.outcome("errored", indices=[3], error="overloaded_error", message="Overloaded")
    faults.outcome("refused", indices=[20], category="cyber").outcome("truncated", indices=[40])
    faults.outcome("expired", indices=[60]).outcome("invalid", indices=[80])
    job = send(client, [invoice_pdf(n) for n in range(100)], response_model=Invoice, enable_citations=True)
    assert [entry["result"].total_amount for entry in job.results()] == [
        n + 0.5 for n in range(100) if n not in (3, 20, 40, 60, 80)
    ]
    failures = {record.index: record for record in job.failures()}
    assert {index: record.outcome for index, record in failures.items()} == {
        3: "errored", 20: "refused", 40: "truncated", 60: "expired", 80: "invalid",
    }  # fmt: skip
    assert failures[3].reason == "overloaded_error: Overloaded"
    assert "cyber" in failures[20].reason
    assert "max_tokens" in failures[40].reason
    assert failures[60].cost == failures[3].cost == 0
    assert failures[40].cost > 0
    assert "JSON" in failures[80].reason
    assert job.stats()["outcomes"] == {
        "succeeded": 95,
        "errored": 1,
        "refused": 1,
        "truncated": 1,
        "expired": 1,
        "invalid": 1,
    }


def test_an_unknown_kind_of_result_and_a_missing_line_are_failures(client, simulator, invoices, caplog):
    simulator.faults.outcome("unknown", indices=[1]).outcome("missing", indices=[2])
    job = send(client, invoices[:4], response_model=Invoice)
    assert [record.outcome for record in job.outcomes()] == ["succeeded", "errored", "missing", "succeeded"]
    assert "3 of 4 lines" in job.failures()[1].reason
    assert "ended after 3 of 4 lines" in caplog.text


@pytest.mark.parametrize(("model", "arguments"), [
    ("claude-haiku-5-5", {}),
    ("claude-sonnet-5-5", {"inference_geo": "us"}),
    ("claude-haiku-4-5", {}),
    ("claude-haiku-5-5", {"system": "word " * 80_000}),
    ("claude-sonnet-5-5", {"system": [{"type": "text", "text": "x " * 3000, "cache_control": {"type": "ephemeral", "ttl": "1h"}}]}),
])  # fmt: skip
def test_the_cost_is_the_sum_over_the_lines_by_hand(client, invoices, tmp_path, model, arguments):
    job = send(client, invoices[:5], model=model, raw_results_dir=tmp_path, **arguments)
    job.results()
    lines = [orjson.loads(line) for line in (tmp_path / f"{job.batch_id}.jsonl").read_bytes().splitlines()]
    by_hand = sum(cost_by_hand(line["result"]["message"]) for line in lines)
    assert job.cost().total == by_hand
    assert job.stats()["total_cost"] == float(by_hand)
    assert sum(record.cost for record in job.outcomes()) == by_hand
    assert job.cost().list_price == 2 * by_hand


def cost_by_hand(message):
    """USD per million tokens: input, output, write for 5 minutes, write for an hour, read."""
    prices = {
        "claude-haiku-5-5": ("0.10", "0.50", "0.125", "0.20", "0.01"),
        "claude-sonnet-5-5": ("2", "10", "2.5", "4", "0.10"),
        "claude-haiku-4-5-20251001": ("1", "5", "1.25", "2", "0.10"),
    }[message["model"]]
    usage = message["usage"]
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    if message["model"] == "claude-haiku-5-5" and sum(usage[name] for name in names) > 100_000:
        prices = ("0.50", "2.50", "0.625", "1.00", "0.05")
    written = usage.get("cache_creation") or {}
    tokens = (usage["input_tokens"], usage["output_tokens"], written.get("ephemeral_5m_input_tokens", 0),
              written.get("ephemeral_1h_input_tokens", 0), usage["cache_read_input_tokens"])  # fmt: skip
    factor = Decimal("0.5") * (Decimal("1.1") if usage["inference_geo"] == "us" else 1)
    return sum(Decimal(price) * count for price, count in zip(prices, tokens, strict=True)) * factor / 1_000_000


@pytest.mark.parametrize(("count", "options", "rate"), [
    (20, {}, 0.5),  # half of a batch starts together, in the simulator
    (20, {"prompt_caching": "off"}, None),
    (3, {}, None),  # one writes at 1.25, and few enough of the others are taken to read
    (3, {"prompt_caching": "1h"}, 1 / 3),
    (20, {"cache_control": {"type": "ephemeral"}}, 0.0),  # the caller's own, at the end of each prompt
])  # fmt: skip
def test_one_batch_shares_its_beginning_where_that_is_expected_to_pay(client, capsys, count, options, rate):
    messages = [[{"role": "user", "content": f"Mail {number}"}] for number in range(count)]
    job = batch(messages, model="claude-opus-5-5", system="Read with care. " * 400, client=client, **options)
    stats = job.stats(print_stats=True)
    assert stats["prompt_cache_hit_rate"] == rate
    plain = batch(
        messages, model="claude-opus-5-5", system="Read with care. " * 400, client=client, prompt_caching="off"
    )
    assert stats["prompt_cache_saved"] == pytest.approx(float(plain.cost().total - job.cost().total))
    printed = capsys.readouterr().out
    assert ("Prompt cache" in printed) == (rate is not None)
    if rate == 0.5:
        assert f"   Prompt cache: 50% read, saved {rounded_usd(Decimal(str(stats['prompt_cache_saved'])))}" in printed
    if rate == 0.0:
        assert "   Prompt cache: 0% read, cost $" in printed


def test_a_way_to_cache_that_nobody_knows_is_refused(client, simulator):
    with pytest.raises(InputError, match="`prompt_caching` is"):
        batch([[{"role": "user", "content": "x"}]], client=client, prompt_caching="always")
    with pytest.raises(InputError, match="there is no parameter promt_caching; did you mean `prompt_caching`"):
        batch([[{"role": "user", "content": "x"}]], client=client, promt_caching="off")
    assert simulator.state()["create_calls"] == 0


def test_a_cache_that_was_used_is_in_the_figures(client, invoices):
    system = [{"type": "text", "text": "word " * 4000, "cache_control": {"type": "ephemeral"}}]
    stats = send(client, invoices[:5], system=system).stats()
    assert stats["cache_write_tokens"] > 0
    assert stats["cache_read_tokens"] > 0
    assert stats["total_input_tokens"] > stats["cache_write_tokens"] + stats["cache_read_tokens"]


def test_the_printed_figures(client, invoices, capsys, tmp_path):
    job = send(client, invoices[:2], enable_citations=True, raw_results_dir=tmp_path / "raw")
    job.results()
    stats = job.stats(print_stats=True)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "\U0001f4ca Batch Statistics"
    found = dict(line.strip().split(": ", 1) for line in printed[1:] if ": " in line)
    assert found["ID"] == job.batch_id
    assert found["Status"] == "ended"
    assert found["Complete"] == "\u2705"
    assert found["Mode"] == "Text + Citations"
    assert found["Results"] == "2"
    assert found["Citations"] == str(stats["total_citations"])
    assert found["Input tokens"] == f"{stats['total_input_tokens']:,}"
    assert found["Output tokens"] == f"{stats['total_output_tokens']:,}"
    assert found["Total cost"] == rounded_usd(Decimal(str(stats["total_cost"])))
    assert found["Raw results"] == str(tmp_path / "raw")
    assert printed[-2].strip() == "(50% batch discount applied)"


def test_a_job_that_has_not_ended(invoices, capsys):
    simulator = Simulator(progress=OnClock(3600))
    with simulator as url, make_client(api_key="none", base_url=url) as client:
        job = send(client, invoices[:2], response_model=Invoice)
        assert not job.is_complete()
        with pytest.raises(NotEndedError, match=r"has not ended after 0 s; it ends by .* at the latest"):
            job.results(timeout=0)
        assert job.stats(print_stats=True)["total_cost"] == 0
        assert "Total cost: known when the batch has ended" in capsys.readouterr().out
        simulator.advance(3601)
        assert job.is_complete()
        assert len(job.results(timeout=0)) == 2


def test_results_wait_for_the_end(invoices):
    with Simulator(progress=AfterLooks(2)) as url, make_client(api_key="none", base_url=url) as client:
        assert len(send(client, invoices[:2], response_model=Invoice).results()) == 2


def test_one_look_that_fails_is_no_failure_of_the_batch(client, simulator, invoices, caplog):
    job = send(client.with_options(max_retries=0), invoices[:2], response_model=Invoice)
    simulator.faults.fail("retrieve", 503, times=9)
    assert [job.is_complete() for _ in range(10)] == [False] * 9 + [True]
    assert "look 9 of 10 that failed" in caplog.text
    once = send(client, invoices[:2])
    simulator.faults.fail("retrieve", 404)
    assert [once.is_complete(), once.is_complete()] == [False, True]
    other = send(client.with_options(max_retries=0), invoices[:2])
    simulator.faults.fail("retrieve", 503, times=None)
    with pytest.raises(ServiceError):
        for _ in range(10):
            other.is_complete()


def test_a_job_is_taken_up_again_by_its_id(client, invoices):
    first = send(client, invoices[:3], response_model=Invoice, enable_citations=True)
    sources = [str(path) for path in invoices[:3]]
    again = BatchJob.attach(
        first.batch_id, response_model=Invoice, enable_citations=True, sources=sources, client=client
    )
    assert again.results() == first.results()
    assert again.outcomes() == first.outcomes()


def test_the_sources_of_a_job_taken_up_again_are_all_or_none(client, invoices):
    first = send(client, invoices[:3])
    with pytest.raises(InputError, match="has 3 requests, and 1 sources are given"):
        BatchJob.attach(first.batch_id, sources=["a"], client=client)


def test_files_may_come_from_a_generator_or_be_documents(client, invoices):
    made = document(invoices[4].read_bytes(), name="mine.pdf")
    job = send(client, (each for each in [*invoices[:2], made]), response_model=Invoice)
    assert [record.source for record in job.outcomes()] == [str(invoices[0]), str(invoices[1]), "mine.pdf"]
    assert len(job.results()) == 3


def test_a_stream_that_was_cut_for_good_is_read_again_by_the_next_call(client, simulator, invoices, tmp_path):
    job = send(client, invoices, response_model=Invoice, raw_results_dir=tmp_path / "raw")
    simulator.faults.cut(5, times=3)
    assert len(job.results()) == 5
    assert {record.outcome for record in job.failures()} <= {"missing"}
    assert len(job.results()) == 20
    assert job.failures() == []


def test_a_canceled_batch(invoices):
    with Simulator(progress=OnClock(60)) as url, make_client(api_key="none", base_url=url) as client:
        job = send(client, invoices[:2], response_model=Invoice)
        job.cancel()
        assert {record.outcome for record in job.outcomes()} == {"canceled"}
        assert job.cost().total == 0


def test_an_empty_job_cannot_be_canceled():
    with pytest.raises(InputError, match="no items"):
        batch(messages=[]).cancel()


def test_a_model_without_a_price_is_said_early_and_is_no_zero(client, invoices, caplog, monkeypatch):
    from tokencost import TOKEN_COSTS

    job = send(client, invoices[:1], model="claude-mythos-5-1")
    assert (
        "the cost of this batch will not be known: no price is known for the model 'claude-mythos-5-1'" in caplog.text
    )
    assert len(job.results()) == 1
    assert job.outcomes()[0].cost is None
    with pytest.raises(UnknownPriceError, match="claude-mythos-5-1"):
        job.stats()
    row = {"input_cost_per_token": 1e-5, "output_cost_per_token": 5e-5}
    monkeypatch.setitem(TOKEN_COSTS, "claude-mythos-5-1", row)
    usage = job.outcomes()[0].usage
    expected = Decimal(usage["input_tokens"]) * 10 + Decimal(usage["output_tokens"]) * 50
    assert job.cost().total == expected / 2_000_000
    own = send(client, invoices[:1], model="claude-mythos-5-1", rates=Rates(1, 2))
    assert own.cost().total < job.cost().total
