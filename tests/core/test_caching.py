"""When the prompt cache pays: the arithmetic of writes and reads as tables."""

from decimal import Decimal

import pytest

from batchata.core.caching import (
    MINIMUM_TOKENS,
    checked_mode,
    expected_cost,
    hit_rate,
    minimum_tokens,
    offer,
    pays,
)
from batchata.core.pricing import price
from batchata.core.rates import Rates, rates_of
from batchata.errors import InputError

USUAL = Rates(1, 5)
CHEAP_READS = rates_of("claude-sonnet-5-5")

# What a shared token costs in all requests, plain input being 1 in each. One writes (1.25 or 2); of the others 30 %
# are taken to read (0.1) without a job ahead, and with one 50 % within five minutes, 80 % within an hour.
EXPECTED = [
    (1, "5m", False, "1.25"),
    (2, "5m", False, "2.155"),  # 1.25 + 0.3 * 0.1 + 0.7 * 1.25
    (10, "5m", False, "9.395"),
    (10, "1h", False, "14.87"),  # 2 + 9 * (0.3 * 0.1 + 0.7 * 2)
    (10, "5m", True, "7.325"),  # 1.25 + 9 * (0.5 * 0.1 + 0.5 * 1.25)
    (1, "1h", True, "2"),
    (2, "1h", True, "2.48"),  # 2 + 0.8 * 0.1 + 0.2 * 2
    (3, "1h", True, "2.96"),
    (500, "1h", True, "241.52"),
]


@pytest.mark.parametrize(("requests", "ttl", "ahead", "cost"), EXPECTED)
def test_what_a_shared_token_is_expected_to_cost(requests, ttl, ahead, cost):
    assert expected_cost(requests, ttl, USUAL, ahead=ahead) == Decimal(cost)


@pytest.mark.parametrize(("ttl", "ahead", "least"), [("5m", False, 4), ("5m", True, 2), ("1h", True, 3)])
def test_from_how_many_requests_on_it_pays(ttl, ahead, least):
    costs = [expected_cost(count, ttl, USUAL, ahead=ahead) for count in range(1, 20)]
    assert [count for count, cost in enumerate(costs, start=1) if cost < count] == list(range(least, 20))


def test_an_hour_without_a_job_ahead_never_pays():
    assert all(expected_cost(count, "1h", USUAL, ahead=False) > count for count in (1, 10, 100_000))


@pytest.mark.parametrize(("mode", "requests", "ahead", "ttl", "gain"), [
    ("auto", 500, True, "1h", "12.924"),  # 50,000 tokens at $1 / 2 a million: 0.025 * (500 - 241.52) * 2
    ("auto", 500, False, "5m", "2.333"),
    ("auto", 2, True, "1h", "-0.024"),
    ("1h", 500, False, "1h", "-10.8075"),
    ("5m", 500, True, "5m", "8.1"),
])  # fmt: skip
def test_the_better_lifetime_is_offered_with_what_it_saves(mode, requests, ahead, ttl, gain):
    found = offer(100_000, requests, USUAL, mode, ahead=ahead)
    assert (found.ttl, found.ahead) == (ttl, ahead)
    assert found.gain == pytest.approx(Decimal(gain), rel=Decimal("0.02"))


def test_a_model_with_cheaper_reads_gains_more():
    usual = offer(10_000, 100, Rates(2, 10), "auto", ahead=True)
    assert offer(10_000, 100, CHEAP_READS, "auto", ahead=True).gain > usual.gain


def test_a_long_beginning_is_priced_as_the_tier_of_its_length():
    rates = rates_of("claude-haiku-5-5")
    short, long = (offer(tokens, 100, rates, "auto", ahead=True).gain for tokens in (100_000, 100_001))
    assert 4.9 < long / short < 5.1


def test_nothing_is_offered_where_nothing_is_priced_or_sent():
    assert offer(1000, 5, Rates(0, 1), "auto", ahead=True) is None
    assert offer(1000, 0, USUAL, "auto", ahead=True) is None
    assert offer(1000, 5, USUAL, "off", ahead=True) is None
    assert not pays(1000, 1, USUAL, "auto")
    assert pays(1000, 3, USUAL, "auto")


def test_the_minimum_is_known_by_name_and_date_and_never_guessed():
    assert minimum_tokens("claude-haiku-4-5-20251001") == minimum_tokens("claude-haiku-4-5") == 4096
    assert minimum_tokens("claude-sonnet-5-5") == 512
    assert [minimum_tokens(model) for model in ("claude-fable-5-2", "claude-haiku-6", "claude-haiku-4-5-fast")] == [
        None
    ] * 3
    assert all(model.startswith("claude-") for model in MINIMUM_TOKENS)


def test_the_hit_rate_is_what_was_read_of_what_could_have_been():
    assert hit_rate(300, 100) == 0.75
    assert hit_rate(0, 0) is None


@pytest.mark.parametrize(("read", "wrote", "saved"), [
    (900_000, 0, "0.855"),  # 0.9 million at $1 in a batch, read at a twentieth
    (0, 900_000, "-0.9"),  # for an hour: twice the price
    (600_000, 300_000, "0.27"),
])  # fmt: skip
def test_what_was_saved_is_told_against_the_same_tokens_as_plain_input(read, wrote, saved):
    usage = {
        "input_tokens": 100_000, "output_tokens": 5_000, "cache_read_input_tokens": read,
        "cache_creation_input_tokens": wrote,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": wrote},
    }  # fmt: skip
    plain = {"input_tokens": 1_000_000, "output_tokens": 5_000}
    cost = price(usage, "claude-sonnet-5-5")
    assert cost.saved_by_caching == Decimal(saved)
    assert cost.uncached == price(plain, "claude-sonnet-5-5").total


@pytest.mark.parametrize("given", ["on", True, None, "2h", 5])
def test_another_mode_is_refused(given):
    assert checked_mode("auto") == "auto"
    with pytest.raises(InputError, match='`prompt_caching` is "auto", "off", "5m" or "1h"'):
        checked_mode(given)
