import socket

import pytest

from batchata import build_requests, make_client, poll, submit
from batchata.core.encoding import MAX_ITEM_BYTES
from batchata.errors import (
    AccountError,
    AmbiguousSubmitError,
    CredentialsError,
    InputError,
    RequestRefusedError,
    ServiceError,
)

CONVERSATION = [{"role": "user", "content": "hello"}]


def requests(count=3, **params):
    return build_requests([CONVERSATION] * count, model="claude-haiku-5-5", run_id="run", **params)


def creates(simulator):
    return simulator.state()["calls"].get("create", 0)


def test_one_post_makes_one_batch(client, simulator):
    batch_id = submit(client, requests(3))
    assert poll(client, batch_id).counts.total == 3
    assert creates(simulator) == 1


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (429, None, ServiceError),
        (429, "enforced_spend_limit_reached", AccountError),
        (402, None, AccountError),
        (403, None, AccountError),
        (401, None, CredentialsError),
        (400, None, RequestRefusedError),
        (413, None, RequestRefusedError),
        (500, None, AmbiguousSubmitError),
        (503, None, AmbiguousSubmitError),
        (529, None, AmbiguousSubmitError),
        (409, None, AmbiguousSubmitError),
    ],
)
def test_a_failed_create_is_told_apart_and_never_repeated(client, simulator, status, code, error):
    simulator.faults.fail("create", status, times=None, error_code=code, retry_after=60)
    with pytest.raises(error):
        submit(client, requests())
    assert creates(simulator) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_answer_is_ambiguous_and_says_how_to_find_the_batch(client, simulator, when):
    simulator.faults.drop("create", when)
    with pytest.raises(AmbiguousSubmitError, match="run-000000-1") as caught:
        submit(client, requests(3))
    assert (caught.value.total, caught.value.custom_id) == (3, "run-000000-1")
    assert creates(simulator) == 1
    assert len(client.messages.batches.list().data) == (1 if when == "after" else 0)


def test_a_server_that_is_not_there_was_sent_nothing():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with make_client(api_key="none", base_url=url) as client, pytest.raises(ServiceError, match="nothing was sent"):
            submit(client, requests())


@pytest.mark.parametrize(("count", "words"), [(0, "at least one"), (100_001, "100,001 items are more")])
def test_too_few_and_too_many_requests_are_not_sent(client, simulator, count, words):
    with pytest.raises(InputError, match=words):
        submit(client, requests(1) * count)
    assert creates(simulator) == 0


def test_an_item_that_is_too_large_is_named(client, simulator):
    big = build_requests([CONVERSATION, [{"role": "user", "content": "x" * MAX_ITEM_BYTES}]], model="m", run_id="run")
    with pytest.raises(InputError, match=r"run-000001-1: it has 32\.0 MB"):
        submit(client, big)
    assert creates(simulator) == 0


def test_a_batch_that_is_too_large_is_not_sent(client, simulator):
    part = build_requests([[{"role": "user", "content": "x" * 30_000_000}]], model="m")
    with pytest.raises(InputError, match=r"the items make 270\.0 MB"):
        submit(client, part * 9)
    assert creates(simulator) == 0


@pytest.mark.parametrize(("temperature", "ends"), [(0.3, "succeeded"), (None, "succeeded")])
def test_a_temperature_goes_out_under_the_api_version_that_takes_it(client, temperature, ends):
    params = {} if temperature is None else {"temperature": temperature}
    batch_id = submit(client, build_requests([CONVERSATION], model="claude-sonnet-4-6", **params))
    assert getattr(poll(client, batch_id).counts, ends) == 1
