from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchata import Rates, bound, build_requests, document, price
from batchata.core.pricing import Tokens
from batchata.errors import UnboundedCostError, UnknownPriceError, UnknownUsageError
from tests.pdfs import pdf

MILLION = 1_000_000
COUNTS = st.integers(0, 5_000_000)


def usage(input_tokens=0, output_tokens=0, **more):
    return {"input_tokens": input_tokens, "output_tokens": output_tokens, "service_tier": "batch", **more}


@pytest.mark.parametrize(("model", "used", "expected"), [
    # half of the list price
    ("claude-sonnet-5-5", usage(MILLION), "1"),
    ("claude-sonnet-5-5", usage(0, MILLION), "5"),
    ("claude-opus-5-5", usage(MILLION, MILLION), "12"),
    ("claude-fable-5-2", usage(MILLION, MILLION), "24"),
    ("claude-opus-4-6", usage(MILLION, MILLION), "15"),
    ("claude-haiku-4-5-20251001", usage(MILLION, MILLION), "3"),
    ("claude-3-haiku-20240307", usage(MILLION, MILLION), "0.75"),
    # outside a batch
    ("claude-sonnet-5-5", usage(MILLION) | {"service_tier": "standard"}, "2"),
    ("claude-sonnet-5-5", usage(MILLION) | {"service_tier": None}, "1"),
    # cache: 1.25 and 2 times to write, 0.05 to read; without the split the dearer lifetime
    ("claude-sonnet-5-5", usage(cache_creation_input_tokens=MILLION, cache_creation={"ephemeral_5m_input_tokens": MILLION, "ephemeral_1h_input_tokens": 0}), "1.25"),
    ("claude-sonnet-5-5", usage(cache_creation_input_tokens=MILLION, cache_creation={"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": MILLION}), "2"),
    ("claude-sonnet-5-5", usage(cache_creation_input_tokens=MILLION, cache_creation=None), "2"),
    ("claude-sonnet-5-5", usage(cache_read_input_tokens=MILLION), "0.05"),
    ("claude-sonnet-5", usage(cache_read_input_tokens=MILLION), "0.10"),
    # Haiku 5.5: above 100,000 tokens of prompt every token is dearer, and cached ones count
    ("claude-haiku-5-5", usage(100_000, MILLION), "0.255"),
    ("claude-haiku-5-5", usage(100_001, MILLION), "1.27500025"),
    ("claude-haiku-5-5", usage(1, MILLION, cache_read_input_tokens=100_000), "1.25250025"),
    # the place of inference, and web searches, which have no batch price
    ("claude-sonnet-5-5", usage(MILLION, inference_geo="us"), "1.1"),
    ("claude-sonnet-5-5", usage(MILLION, inference_geo="not_available"), "1"),
    ("claude-sonnet-5-5", usage(server_tool_use={"web_search_requests": 3}), "0.03"),
    ("claude-sonnet-5-5", usage(server_tool_use=None, output_tokens_details={"thinking_tokens": 5}), "0"),
])  # fmt: skip
def test_the_price_list(model, used, expected):
    assert price(used, model).total == Decimal(expected)


@given(COUNTS, COUNTS, COUNTS, st.sampled_from(["claude-sonnet-5-5", "claude-opus-5", "claude-haiku-4-5"]))
def test_the_bill_of_the_whole_is_the_sum_of_the_parts(read, wrote, out, model):
    whole = price(usage(read, out, cache_creation_input_tokens=wrote), model)
    parts = (
        price(usage(read, 0), model)
        + price(usage(0, out), model)
        + price(usage(0, 0, cache_creation_input_tokens=wrote), model)
    )
    assert whole == parts
    assert whole.list_price == 2 * whole.total
    assert whole.saved == whole.total


def test_prices_of_the_time_of_the_batch():
    before, after = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    long = usage(300_000)
    assert price(long, "claude-opus-4-6", at=before).total == 2 * price(long, "claude-opus-4-6", at=after).total


@pytest.mark.parametrize("model", ["claude-sonnet-5-7", "claude-sonnet-6", "claude-haiku", "gpt-4o-nope", ""])
def test_no_price_is_guessed(model):
    with pytest.raises(UnknownPriceError, match=r"rates=Rates\(.*tokencost.TOKEN_COSTS"):
        price(usage(1), model)


def test_a_price_can_be_given_or_registered(monkeypatch):
    from tokencost import TOKEN_COSTS

    assert price(usage(MILLION, MILLION), "mine", rates=Rates(2, "10.5")).total == Decimal("6.25")
    monkeypatch.setitem(
        TOKEN_COSTS,
        "mine",
        {"input_cost_per_token": 1e-6, "output_cost_per_token": 5e-6, "cache_read_input_token_cost": 1e-7},
    )
    assert price(usage(MILLION, MILLION), "mine").total == Decimal(3)
    assert price(usage(cache_read_input_tokens=MILLION), "mine").total == Decimal("0.05")
    tiered = Rates(1, 2, tiers=((100, Rates(10, 20)),))
    assert price(usage(100), "x", rates=tiered).input * 10 < price(usage(101), "x", rates=tiered).input


@pytest.mark.parametrize("used", [{}, {"input_tokens": 5}, {"input_tokens": None, "output_tokens": 1}])
def test_a_usage_without_its_counts_is_no_zero(used):
    with pytest.raises(UnknownUsageError, match="gives no input_tokens or output_tokens"):
        Tokens.of(used)


def request(content, **params):
    return build_requests(
        [[{"role": "user", "content": content}]], **{"model": "claude-sonnet-5-5", "max_tokens": 1000, **params}
    )[0]


def test_the_bound_covers_the_longest_answer_in_the_us():
    found = bound(request("x" * 5000))
    assert found.output == Decimal(1000) * 10 / 2_000_000 * Decimal("1.1")
    assert found.input >= Decimal(5000) * 2 / 2_000_000 * Decimal("1.1")
    assert bound(request("x"), input_tokens=100).input < found.input


@given(st.text(min_size=1, max_size=400), st.integers(1, 128_000), st.integers(0, 10_000))
def test_no_bill_passes_the_bound(content, max_tokens, cached):
    """A token is at least a byte; the API may add a preamble, write a cache or infer in the US."""
    made = request(content, max_tokens=max_tokens)
    at_most = usage(len(content.encode()) + 500, max_tokens, inference_geo="us")
    assert price(at_most, "claude-sonnet-5-5").total <= bound(made).total
    written = request(
        [{"type": "text", "text": content, "cache_control": {"type": "ephemeral", "ttl": "1h"}}], max_tokens=max_tokens
    )
    bill = usage(0, max_tokens, cache_creation_input_tokens=len(content.encode()) + 500, inference_geo="us")
    assert price(bill, "claude-sonnet-5-5").total <= bound(written).total


def test_the_bound_of_documents_counts_pages_text_and_images():
    def tokens(block):
        return bound(request([block]), rates=Rates(2_000_000 / 1.1, 0)).input

    one, two = (document(pdf(*["some words"] * n)).block for n in (1, 2))
    assert 7_700 <= tokens(two) - tokens(one) <= 7_900
    dense = document(pdf("\n".join("word " * 40 for _ in range(40)))).block
    assert tokens(dense) - tokens(one) > 3_000
    assert tokens({"type": "document", "source": {"type": "file", "file_id": "file_1"}}) == pytest.approx(
        Decimal(1_000_000)
    )
    assert tokens({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "x"}}) < 7_000


def test_server_tools_without_a_limit_have_no_bound():
    search = {"type": "web_search_20260209", "name": "web_search"}
    with pytest.raises(UnboundedCostError, match="has no max_uses"):
        bound(request("x", tools=[search]))
    assert bound(request("x", tools=[{**search, "max_uses": 5}])).searches == Decimal("0.05")
    assert bound(request("x", tools=[{"name": "mine", "input_schema": {}}])).searches == 0


@pytest.mark.parametrize(
    "model", ["claude-opus-4-10", "claude-haiku-4-50", "claude-sonnet-4-5-mini", "claude-opus-4-5-fast"]
)
def test_a_name_that_begins_like_a_known_one_is_not_known(model):
    with pytest.raises(UnknownPriceError):
        price(usage(1), model)


def test_the_bound_counts_what_stands_around_the_words():
    many = build_requests([[{"role": "user", "content": "a"}] * 5001], model="claude-sonnet-5-5", max_tokens=10)[0]
    assert bound(many, rates=Rates(2_000_000, 0)).input > 5 * 5001
    for control in ({"type": "ephemeral", "ttl": None}, {"type": "ephemeral", "ttl": "24h"}):
        cached = request([{"type": "text", "text": "x" * 1000, "cache_control": control}])
        assert bound(cached).cache_write > 0
    nested = {
        "type": "content",
        "content": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
    }
    assert bound(request([{"type": "document", "source": nested}])).cache_write > 0
    broken = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjQgbm8="}
    assert bound(request([{"type": "document", "source": broken}])).input > bound(request("x")).input
    with pytest.raises(UnboundedCostError, match="MCP"):
        bound(request("x", mcp_servers=[{"url": "https://example.org"}]))
    assert bound(request("x", tools=[{"type": "bash_20250124", "name": "bash"}])).searches == 0
