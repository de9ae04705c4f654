"""Counting many requests: side by side, no faster than the API allows, and not at all where it cannot."""

import time

import pytest

from batchata import AccountError, ServiceError
from batchata.io import counting
from batchata.io.ahead import in_order
from batchata.io.counting import TokenCounter, Uncounted

PARAMS = {"model": "claude-haiku-5-5", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello there"}]}


def counts(client, number):
    return [call() for call in in_order(TokenCounter(client).count, [PARAMS] * number, counting.WIDTH)]


def test_all_wait_when_the_api_asks_one_to(client, simulator):
    [once] = counts(client, 1)
    simulator.faults.fail("count_tokens", 429, times=3, retry_after=0.3)
    began = time.monotonic()
    assert counts(client, 12) == [once] * 12
    assert time.monotonic() - began >= 0.3
    assert simulator.state()["calls"]["count_tokens"] == 16


def test_a_dropped_connection_is_tried_again(client, simulator):
    simulator.faults.drop("count_tokens", "after", times=1)
    assert isinstance(TokenCounter(client).count(PARAMS), int)


def test_nobody_waits_for_an_hour(client, simulator):
    simulator.faults.fail("count_tokens", 429, times=None, retry_after=3_600)
    with pytest.raises(ServiceError, match="takes no more for the moment"):
        TokenCounter(client).count(PARAMS)
    assert simulator.state()["calls"]["count_tokens"] == 1


def test_an_api_that_stays_down_is_an_error(client, simulator, monkeypatch):
    monkeypatch.setattr(counting, "_TRIES", 2)
    simulator.faults.fail("count_tokens", 529, times=None, retry_after=0.01)
    with pytest.raises(ServiceError):
        TokenCounter(client).count(PARAMS)
    assert simulator.state()["calls"]["count_tokens"] == 3


def test_account_trouble_is_told_at_once(client, simulator):
    simulator.faults.fail("count_tokens", 403, times=None)
    with pytest.raises(AccountError):
        TokenCounter(client).count(PARAMS)


def test_a_request_that_is_refused_is_not_counted_and_says_why(client):
    found = TokenCounter(client).count({**PARAMS, "messages": []})
    assert isinstance(found, Uncounted)
    assert "messages" in found.reason


def test_where_there_is_no_counting_it_is_asked_for_once(client, simulator):
    simulator.faults.fail("count_tokens", 404, times=None)
    counter = TokenCounter(client)
    assert [type(counter.count(PARAMS)) for _ in range(5)] == [Uncounted] * 5
    assert simulator.state()["calls"]["count_tokens"] == 1
