import json

import anthropic
import httpx2
import pytest

from batchata.simulator import Faults
from tests.simulator.support import item, run

TEN = [item(f"i{n}") for n in range(10)]


def test_the_next_calls_fail_and_do_nothing(start):
    simulator, client = start(faults=Faults().fail("create", 429, times=2, retry_after=7))
    for _ in range(2):
        with pytest.raises(anthropic.RateLimitError) as caught:
            client.messages.batches.create(requests=TEN)
        assert caught.value.response.headers["retry-after"] == "7"
    client.messages.batches.create(requests=TEN)
    assert (simulator.state()["create_calls"], simulator.state()["batches_created"]) == (3, 1)


@pytest.mark.parametrize(
    ("endpoint", "call"),
    [
        ("create", lambda client: client.messages.batches.create(requests=TEN)),
        ("retrieve", lambda client: client.messages.batches.retrieve("x")),
        ("list", lambda client: client.messages.batches.list()),
        ("cancel", lambda client: client.messages.batches.cancel("x")),
        ("delete", lambda client: client.messages.batches.delete("x")),
        ("models", lambda client: client.models.list()),
        ("files", lambda client: client.files.list()),
        ("count_tokens", lambda client: client.messages.count_tokens(model="m", messages=[])),
        ("*", lambda client: client.models.retrieve("m")),
    ],
)
@pytest.mark.parametrize(("status", "kind"), [(529, "overloaded_error"), (500, "api_error"), (503, "api_error")])
def test_every_endpoint_can_fail(served, endpoint, call, status, kind):
    simulator, client = served
    simulator.faults.fail(endpoint, status)
    with pytest.raises(anthropic.APIStatusError) as caught:
        call(client)
    assert (caught.value.status_code, caught.value.body["error"]["type"]) == (status, kind)


def test_a_spend_limit_has_its_error_code(served):
    simulator, client = served
    simulator.faults.fail("create", 429, error_code="enforced_spend_limit_reached")
    with pytest.raises(anthropic.RateLimitError) as caught:
        client.messages.batches.create(requests=TEN)
    assert caught.value.body["error"]["details"] == {"error_code": "enforced_spend_limit_reached"}
    assert "retry-after" not in caught.value.response.headers


@pytest.mark.parametrize(("when", "created"), [("before", 0), ("after", 1)])
def test_the_connection_drops_before_or_after_the_message_batch_exists(served, when, created):
    simulator, client = served
    simulator.faults.drop("create", when)
    with pytest.raises(anthropic.APIConnectionError):
        client.messages.batches.create(requests=TEN)
    assert simulator.state()["batches_created"] == created
    assert len(client.messages.batches.list().data) == created


def test_results_cut_at_a_line_end_look_complete(served):
    simulator, client = served
    batch = client.messages.batches.create(requests=TEN)
    simulator.faults.cut(4)
    assert len(list(client.messages.batches.results(batch.id))) == 4
    assert len(list(client.messages.batches.results(batch.id))) == 10


def test_results_cut_inside_a_line(served):
    simulator, client = served
    batch = client.messages.batches.create(requests=TEN)
    simulator.faults.cut(4, inside=True)
    with pytest.raises(json.JSONDecodeError):
        list(client.messages.batches.results(batch.id))


@pytest.mark.parametrize("inside", [False, True])
def test_results_cut_by_a_closed_connection(served, inside):
    simulator, client = served
    batch = client.messages.batches.create(requests=TEN)
    simulator.faults.cut(4, inside=inside, abrupt=True)
    with pytest.raises(httpx2.RemoteProtocolError):
        list(client.messages.batches.results(batch.id))


def test_a_delay_outlasts_the_timeout(served):
    simulator, client = served
    simulator.faults.delay("models", 0.4, times=1)
    with pytest.raises(anthropic.APITimeoutError):
        client.with_options(timeout=0.1).models.list()
    client.models.list()


@pytest.mark.parametrize("kind", ["api_error", "overloaded_error", "invalid_request_error"])
def test_picked_items_are_errored(served, kind):
    simulator, client = served
    simulator.faults.outcome("errored", error=kind, indices=[0], custom_ids=["i3"], match=lambda name: name == "i5")
    results = run(client, *TEN)
    errored = {name: result["error"]["error"] for name, result in results.items() if result["type"] == "errored"}
    assert {name: each["type"] for name, each in errored.items()} == dict.fromkeys(("i0", "i3", "i5"), kind)
    assert simulator.state()["items_billed"] == 7


def test_shares_are_picked_by_custom_id_and_seed(start):
    many = [item(f"i{n}") for n in range(300)]
    picked = []
    for seed in (1, 1, 2):
        _, client = start(seed=seed, faults=Faults().outcome("errored", share=0.2).outcome("expired", share=0.3))
        picked.append({name: result["type"] for name, result in run(client, *many).items()})
    kinds = list(picked[0].values())
    assert picked[0] == picked[1] != picked[2]
    assert 40 <= kinds.count("errored") <= 80
    assert 65 <= kinds.count("expired") <= 115


def test_outcomes_can_be_limited_to_a_message_batch_and_a_number(served):
    simulator, client = served
    simulator.faults.outcome("expired", share=1.0, batch=1, times=3)
    assert [result["type"] for result in run(client, *TEN).values()].count("expired") == 3
    assert [result["type"] for result in run(client, *TEN).values()].count("expired") == 0


def test_a_refusal_succeeds_without_content(served):
    simulator, client = served
    simulator.faults.outcome("refused", indices=[0], category="cyber")
    message = run(client, *TEN)["i0"]["message"]
    assert (message["stop_reason"], message["content"]) == ("refusal", [])
    assert message["stop_details"]["category"] == "cyber"
    assert message["usage"]["input_tokens"] > 0


def test_truncated_and_invalid_answers(served):
    simulator, client = served
    simulator.faults.outcome("truncated", indices=[0]).outcome("invalid", indices=[1])
    schema = {"type": "object", "properties": {"reason": {"type": "string"}}, "required": ["reason"]}
    form = {"format": {"type": "json_schema", "schema": {**schema, "additionalProperties": False}}}
    results = run(client, *(item(f"i{n}", output_config=form) for n in range(3)))
    texts = {name: result["message"]["content"][0]["text"] for name, result in results.items()}
    assert results["i0"]["message"]["stop_reason"] == "max_tokens"
    assert texts["i2"].startswith(texts["i0"])
    for name in ("i0", "i1"):
        with pytest.raises(json.JSONDecodeError):
            json.loads(texts[name])
    assert json.loads(texts["i2"])


def test_unknown_result_types_and_missing_lines(served):
    simulator, client = served
    simulator.faults.outcome("unknown", indices=[0]).outcome("missing", indices=[1])
    batch = client.messages.batches.create(requests=TEN)
    lines = {line.custom_id: line.result.type for line in client.messages.batches.results(batch.id)}
    assert lines["i0"] == "postponed"
    assert "i1" not in lines
    assert client.messages.batches.retrieve(batch.id).request_counts.succeeded == 10


def test_a_foreign_results_url(served):
    simulator, client = served
    simulator.faults.results_url("http://elsewhere.invalid/results")
    batch = client.messages.batches.create(requests=TEN)
    assert client.messages.batches.retrieve(batch.id).results_url == "http://elsewhere.invalid/results"
    simulator.faults.results_url(None)
    assert simulator.url in client.messages.batches.retrieve(batch.id).results_url


def test_blank_lines_in_the_stream(served, raw):
    simulator, client = served
    simulator.faults.blank_lines(5)
    batch = client.messages.batches.create(requests=TEN)
    body = raw.get(client.messages.batches.retrieve(batch.id).results_url).text
    assert body.split("\n").count("") == 3
    simulator.faults.clear()
    assert len(list(client.messages.batches.results(batch.id))) == 10


def test_faults_are_ordered_over_http(served):
    simulator, client = served
    address = f"{simulator.url}/_simulator/faults"
    orders = {"fail": [{"endpoint": "list", "status": 503}], "outcome": [{"kind": "expired", "indices": [0]}]}
    assert httpx2.post(address, json=orders).status_code == 200
    with pytest.raises(anthropic.InternalServerError):
        client.messages.batches.list()
    assert run(client, *TEN)["i0"]["type"] == "expired"
    assert httpx2.post(address, json={"clear": True, "blank_lines": 1, "results_url": "x"}).status_code == 200
    unknown, none = httpx2.post(address, json={"flood": 1}), httpx2.post(address, json={})
    assert (unknown.status_code, none.status_code, httpx2.post(address).status_code) == (400, 400, 400)
    assert "flood is unknown; known are blank_lines, clear," in unknown.json()["error"]["message"]
    assert "none was given; known are" in none.json()["error"]["message"]
    assert '{"clear": true} takes all back' in none.json()["error"]["message"]
    assert httpx2.post(address, json={"outcome": [{"kind": "sulking"}]}).status_code == 400
    assert httpx2.post(address, json={"fail": [{"endpoint": "nowhere"}]}).status_code == 400


def test_faults_given_as_mappings():
    faults = Faults(cut=[{"after_lines": 2}], drop=[{}], delay=[{"endpoint": "list", "seconds": 1}], blank_lines=2)
    assert faults.blank_line_every == 2


def test_latency_is_before_every_answer(start):
    _, client = start(latency=0.3)
    with pytest.raises(anthropic.APITimeoutError):
        client.with_options(timeout=0.05).models.list()
