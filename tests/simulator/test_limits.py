"""The API's rate limits, through the SDK."""

from datetime import datetime
from email.utils import parsedate_to_datetime

import anthropic
import pytest

from batchata.simulator import BySize, Limits, OnClock
from tests.simulator.support import item

NAME = "anthropic-ratelimit-requests"


def told(response):
    headers = response.headers
    return int(headers[f"{NAME}-limit"]), int(headers[f"{NAME}-remaining"])


def test_every_batch_endpoint_counts_and_says_what_is_left(start):
    simulator, client = start(limits=Limits(requests=4))
    raw = client.messages.batches.with_raw_response
    created = raw.create(requests=[item()])
    assert told(created) == (4, 3)
    batch_id = created.parse().id
    assert told(raw.retrieve(batch_id)) == (4, 2)
    assert told(raw.list()) == (4, 1)
    assert f"{NAME}-limit" not in client.models.with_raw_response.list().headers
    raw.delete(batch_id)
    with pytest.raises(anthropic.RateLimitError) as caught:
        client.messages.batches.list()
    headers = caught.value.response.headers
    assert told(caught.value.response) == (4, 0)
    assert 0 < float(headers["retry-after"]) <= 15
    assert simulator.state()["rate_limited"] == {"list": 1}
    simulator.advance(15)
    assert told(raw.list()) == (4, 0)


def test_the_bucket_is_full_again_at_the_reset_that_is_told(start):
    simulator, client = start(limits=Limits(requests=60))
    raw = client.messages.batches.with_raw_response
    for _ in range(30):
        raw.list()
    headers = raw.list().headers
    reset = datetime.fromisoformat(headers[f"{NAME}-reset"])
    assert 20 <= (reset - parsedate_to_datetime(headers["date"])).total_seconds() <= 33
    simulator.advance(35)
    assert told(raw.list()) == (60, 59)


def test_items_that_wait_are_limited_until_they_are_processed(start):
    simulator, client = start(limits=Limits(waiting=5), progress=OnClock(60))
    client.messages.batches.create(requests=[item(f"i{n}") for n in range(4)])
    with pytest.raises(anthropic.RateLimitError, match="4 are waiting"):
        client.messages.batches.create(requests=[item("a"), item("b")])
    client.messages.batches.create(requests=[item("a")])
    assert (simulator.state()["batches_created"], simulator.state()["rate_limited"]) == (2, {"create": 1})
    simulator.advance(60)
    client.messages.batches.create(requests=[item(f"i{n}") for n in range(5)])


def test_a_batch_may_take_its_time_for_each_item(start):
    simulator, client = start(progress=BySize(60, 5))
    small = client.messages.batches.create(requests=[item("a")])
    large = client.messages.batches.create(requests=[item(f"i{n}") for n in range(4)])
    simulator.advance(66)
    status = {each.id: each.processing_status for each in client.messages.batches.list()}
    assert status == {small.id: "ended", large.id: "in_progress"}
    simulator.advance(15)
    assert client.messages.batches.retrieve(large.id).processing_status == "ended"
