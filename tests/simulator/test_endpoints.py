import io

import anthropic
import httpx2
import pytest

from batchata.simulator import AfterLooks, OnClock, Simulator
from tests.simulator.support import drawn, item, request, run


def test_a_new_message_batch_is_in_progress_and_counts_only_processing(client):
    batch = client.messages.batches.create(requests=[item("a"), item("b")])
    assert batch.processing_status == "in_progress"
    assert batch.request_counts.to_dict() == {
        "processing": 2, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0,
    }  # fmt: skip
    assert (batch.expires_at - batch.created_at).total_seconds() == 86_400
    assert batch.results_url is None
    assert batch.ended_at is None
    assert batch._request_id.startswith("req_sim_")


def test_an_ended_message_batch_has_its_counts_and_an_absolute_results_url(served):
    simulator, client = served
    batch = client.messages.batches.create(requests=[item("a"), item("b", max_tokens=10**9)])
    ended = client.messages.batches.retrieve(batch.id)
    assert ended.processing_status == "ended"
    assert (ended.request_counts.succeeded, ended.request_counts.errored, ended.request_counts.processing) == (1, 1, 0)
    assert ended.results_url == f"{simulator.url}/v1/messages/batches/{batch.id}/results"


@pytest.mark.parametrize("total", [2, 3, 10])
def test_results_come_in_another_order_than_the_requests_and_always_in_the_same(start, total):
    orders = []
    for _ in range(2):
        _, client = start(seed=5)
        orders.append(list(run(client, *(item(f"i{n}") for n in range(total)))))
    assert orders[0] == orders[1]
    assert orders[0] != [f"i{n}" for n in range(total)]
    assert sorted(orders[0]) == sorted(f"i{n}" for n in range(total))


def test_results_before_the_end_are_refused(start, raw):
    _, client = start(progress=OnClock(3600))
    batch = client.messages.batches.create(requests=[item()])
    with pytest.raises(anthropic.AnthropicError, match="No `results_url`"):
        client.messages.batches.results(batch.id)
    assert raw.get("/v1/messages/batches/msgbatch_none/results").status_code == 404


def test_list_is_newest_first_and_pages_both_ways(client):
    ids = [client.messages.batches.create(requests=[item()]).id for _ in range(5)][::-1]
    assert [batch.id for batch in client.messages.batches.list()] == ids
    page = client.messages.batches.list(limit=2)
    assert (page.has_more, page.first_id, page.last_id) == (True, ids[0], ids[1])
    assert [batch.id for batch in client.messages.batches.list(limit=2)] == ids
    after = client.messages.batches.list(limit=2, after_id=ids[2])
    assert ([batch.id for batch in after.data], after.has_more) == (ids[3:], False)
    before = client.messages.batches.list(limit=2, before_id=ids[3])
    assert ([batch.id for batch in before.data], before.has_more) == (ids[1:3], True)


def test_an_empty_list_has_no_ends(raw):
    assert raw.get("/v1/messages/batches").json() == {"data": [], "has_more": False, "first_id": None, "last_id": None}


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "after_id=nothing"])
def test_bad_cursors_are_refused(raw, query):
    assert raw.get(f"/v1/messages/batches?{query}").json()["error"]["type"] == "invalid_request_error"


def test_delete_only_after_the_end(start):
    simulator, client = start(progress=OnClock(60))
    batch = client.messages.batches.create(requests=[item()])
    with pytest.raises(anthropic.BadRequestError, match="has not ended"):
        client.messages.batches.delete(batch.id)
    simulator.advance(60)
    assert client.messages.batches.delete(batch.id).type == "message_batch_deleted"
    with pytest.raises(anthropic.NotFoundError):
        client.messages.batches.retrieve(batch.id)


def test_after_looks_ends_at_the_nth_retrieve(start):
    _, client = start(progress=AfterLooks(3))
    batch = client.messages.batches.create(requests=[item()])
    client.messages.batches.list()
    looks = [client.messages.batches.retrieve(batch.id).processing_status for _ in range(4)]
    assert looks == ["in_progress", "in_progress", "ended", "ended"]


def test_the_clock_can_be_pushed_forward_from_another_process(start):
    simulator, client = start(progress=OnClock(3600))
    batch = client.messages.batches.create(requests=[item()])
    assert client.messages.batches.retrieve(batch.id).processing_status == "in_progress"
    httpx2.post(f"{simulator.url}/_simulator/advance", json={"seconds": 3600})
    assert client.messages.batches.retrieve(batch.id).processing_status == "ended"


def test_cancel_keeps_what_was_processed_and_cancels_the_rest(start):
    simulator, client = start(progress=OnClock(1000))
    batch = client.messages.batches.create(requests=[item(f"i{n}") for n in range(10)])
    simulator.advance(455)
    canceling = client.messages.batches.cancel(batch.id)
    assert canceling.processing_status == "canceling"
    assert canceling.cancel_initiated_at is not None
    assert canceling.request_counts.processing == 10
    ended = client.messages.batches.retrieve(batch.id)
    assert (ended.request_counts.succeeded, ended.request_counts.canceled) == (4, 6)
    lines = {line.custom_id: line.result.type for line in client.messages.batches.results(batch.id)}
    assert lines == {f"i{n}": "succeeded" if n < 4 else "canceled" for n in range(10)}
    assert client.messages.batches.cancel(batch.id).processing_status == "ended"


def test_items_that_wait_for_a_day_expire(start):
    simulator, client = start(progress=OnClock(2 * 86_400))
    batch = client.messages.batches.create(requests=[item(f"i{n}") for n in range(4)])
    simulator.advance(86_400)
    ended = client.messages.batches.retrieve(batch.id)
    assert (ended.request_counts.succeeded, ended.request_counts.expired) == (2, 2)
    assert ended.ended_at == ended.expires_at


def test_results_are_archived_after_29_days(served):
    simulator, client = served
    batch = client.messages.batches.create(requests=[item()])
    client.messages.batches.retrieve(batch.id)
    simulator.advance(29 * 86_400)
    old = client.messages.batches.retrieve(batch.id)
    assert old.archived_at is not None
    assert old.results_url is None


@pytest.mark.parametrize(
    ("requests", "sentence"),
    [
        ([], "at least 1 item"),
        ([item("a"), item("a")], "requests.1.custom_id"),
        ([item("a.b")], "requests.0.custom_id"),
        ([item("ä")], "requests.0.custom_id"),
        ([item("x" * 65)], "requests.0.custom_id"),
        ([{"custom_id": "a"}], "requests.0.params"),
        ([item(max_tokens=0)], "requests.0.params.max_tokens"),
        ("nonsense", "requests"),
        (range(100_001), "at most 100000"),
    ],
)
def test_create_refuses_at_once(served, raw, requests, sentence):
    if isinstance(requests, range):  # so many are not made where tests are only collected
        requests = [item(f"i{n}") for n in requests]
    reply = raw.post("/v1/messages/batches", json={"requests": requests})
    assert reply.status_code == 400
    body = reply.json()
    assert body["type"] == "error"
    assert body["error"]["type"] == "invalid_request_error"
    assert sentence in body["error"]["message"]
    assert body["request_id"] == reply.headers["request-id"]
    assert served[0].state()["batches_created"] == 0


def test_a_body_over_256_mb_is_refused_in_front_of_the_api(raw):
    block = b" " * (1 << 20)
    size = 257 * len(block)
    reply = raw.post("/v1/messages/batches", content=(block for _ in range(257)), headers={"content-length": str(size)})
    assert reply.status_code == 413
    assert reply.json() == {"error": {"type": "request_too_large", "message": "Request exceeds the maximum size"}}


def test_requests_without_a_key_or_version_are_refused(served):
    url = f"{served[0].url}/v1/models"
    reply = httpx2.get(url, headers={"anthropic-version": "2026-10-21"})
    assert (reply.status_code, reply.json()["error"]["type"]) == (401, "authentication_error")
    assert httpx2.get(url, headers={"x-api-key": "k"}).status_code == 400
    assert httpx2.get(url, headers={"x-api-key": "k", "anthropic-version": "2023-06-01"}).status_code == 200


def test_answers_say_that_no_model_is_behind_them(raw):
    reply = raw.get("/v1/models")
    assert reply.headers["x-batchata-simulator"] == "rule-based, not a model"


def test_bad_json_and_unknown_addresses(raw):
    assert raw.post("/v1/messages/batches", content=b"{").status_code == 400
    assert raw.get("/v1/nothing").status_code == 404


def test_a_chunked_body_is_read(raw):
    body = b'{"model":"claude-haiku-5-5","messages":[{"role":"user","content":"Hi"}]}'
    reply = raw.post("/v1/messages/count_tokens", content=iter([body[:20], body[20:]]))
    assert reply.json()["input_tokens"] > 0


def test_models_are_listed_without_the_retired_ones(client, raw):
    models = list(client.models.list())
    assert models[0].id == "claude-fable-5-2"
    assert {model.lifecycle for model in models} == {"active", "deprecated"}
    assert client.models.list(limit=3).has_more
    retired = raw.get("/v1/models", params={"lifecycle[]": "retired", "limit": 100}).json()["data"]
    assert {model["lifecycle"] for model in retired} == {"retired"}


def test_a_model_is_found_by_its_alias_and_tells_its_limits(client):
    model = client.models.retrieve("claude-haiku-4-5")
    assert (model.id, model.max_input_tokens, model.max_tokens) == ("claude-haiku-4-5-20251001", 200_000, 64_000)
    assert model.capabilities.structured_outputs.supported
    assert not model.capabilities.thinking.types.adaptive.supported
    assert client.models.retrieve("claude-3-haiku-20240307").lifecycle == "retired"
    with pytest.raises(anthropic.NotFoundError):
        client.models.retrieve("claude-unheard-of")


def test_uploaded_files_can_be_documents_until_they_are_deleted(client):
    data = drawn((50, 800, "Total: $12.00"))
    stored = client.files.upload(file=("a.pdf", io.BytesIO(data), "application/pdf"))
    assert (stored.mime_type, stored.size_bytes, stored.downloadable) == ("application/pdf", len(data), False)
    assert client.files.retrieve_metadata(stored.id).id == stored.id
    document = {"type": "document", "source": {"type": "file", "file_id": stored.id}, "citations": {"enabled": True}}
    messages = [{"role": "user", "content": [document, {"type": "text", "text": "What is the total?"}]}]
    message = run(client, item(messages=messages))["a"]["message"]
    cited = message["content"][0]["citations"][0]
    assert (cited["cited_text"], cited["file_id"]) == ("Total: $12.00", stored.id)
    client.files.delete(stored.id)
    assert run(client, item(messages=messages))["a"]["type"] == "errored"


def test_the_same_simulator_can_be_started_again_with_everything_in_it(start):
    simulator, client = start()
    batch = client.messages.batches.create(requests=[item()])
    simulator.stop()
    with pytest.raises(anthropic.APIConnectionError):
        client.messages.batches.retrieve(batch.id)
    simulator.start()
    assert client.messages.batches.retrieve(batch.id).processing_status == "ended"


def test_an_unknown_style_is_refused():
    with pytest.raises(ValueError, match="bullets"):
        Simulator(style="rhymes")


def test_state_counts_what_was_processed_and_billed(served):
    simulator, client = served
    run(client, item("a"), item("b", max_tokens=10**9))
    run(client, item("c"))
    state = httpx2.get(f"{simulator.url}/_simulator/state").json()
    assert state == simulator.state()
    assert (state["create_calls"], state["batches_created"]) == (2, 2)
    assert (state["items_processed"], state["items_billed"]) == (3, 2)
    assert sorted(state["processed"].values()) == [1, 2]
    assert list(state["billed"].values()) == [2]
    assert state["billed_custom_ids"] == {"a": 1, "c": 1}


def test_counted_tokens_are_the_billed_input_tokens(client):
    params = request(system="Be brief.", messages=[{"role": "user", "content": "How long is a piece of string?"}])
    counted = client.messages.count_tokens(**{name: value for name, value in params.items() if name != "max_tokens"})
    usage = run(client, {"custom_id": "a", "params": params})["a"]["message"]["usage"]
    assert counted.input_tokens == usage["input_tokens"]


def test_count_tokens_takes_no_max_tokens(raw):
    reply = raw.post("/v1/messages/count_tokens", json=request())
    assert (reply.status_code, reply.json()["error"]["message"]) == (400, "max_tokens: Extra inputs are not permitted")
