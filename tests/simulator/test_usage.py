import json

import pytest

from tests.simulator.support import NUMBER, STRING, answer, asking, closed, item, run, text_document, text_of

LONG = "The quick brown fox jumps over the lazy dog by the river. " * 400
BLOCK = {"type": "text", "text": LONG}


def cached(ttl):
    return [{**BLOCK, "cache_control": {"type": "ephemeral", "ttl": ttl}}]


def usages(client, *items):
    return {name: result["message"]["usage"] for name, result in run(client, *items).items()}


def test_usage_is_complete(client):
    usage = answer(client)["usage"]
    assert usage.pop("input_tokens") > 0
    assert usage.pop("output_tokens") > 0
    assert usage == {
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens_details": {"thinking_tokens": 0},
        "server_tool_use": None,
        "service_tier": "batch",
        "inference_geo": "not_available",
    }
    assert answer(client, model="claude-opus-5", inference_geo="us")["usage"]["inference_geo"] == "us"


@pytest.mark.parametrize("ttl", ["5m", "1h"])
def test_the_first_item_writes_the_cache_and_the_others_read_it(start, ttl):
    _, client = start(cache_hits=1.0)
    items = [item(f"i{n}", model="claude-opus-5", system=cached(ttl)) for n in range(3)]
    found = usages(client, *items)
    written = found["i0"]["cache_creation_input_tokens"]
    assert written > 5000
    assert found["i0"]["cache_creation"][f"ephemeral_{ttl}_input_tokens"] == written
    assert found["i0"]["cache_read_input_tokens"] == 0
    for name in ("i1", "i2"):
        assert (found[name]["cache_read_input_tokens"], found[name]["cache_creation_input_tokens"]) == (written, 0)
        assert found[name]["input_tokens"] == found["i0"]["input_tokens"]


@pytest.mark.parametrize(("share", "together"), [(0.0, 10), (0.5, 5), (0.9, 1), (1.0, 0)])
def test_items_that_start_together_do_not_see_what_the_others_write(start, share, together):
    _, client = start(cache_hits=share)
    items = [item(f"i{n}", model="claude-opus-5", system=cached("1h")) for n in range(10)]
    first = usages(client, *items)
    wrote = [name for name, usage in first.items() if usage["cache_creation_input_tokens"]]
    assert sorted(wrote) == [f"i{n}" for n in range(max(together, 1))]
    again = usages(client, *items)
    assert all(
        usage["cache_read_input_tokens"] and not usage["cache_creation_input_tokens"] for usage in again.values()
    )


def test_what_was_written_long_ago_is_written_by_all_that_start_together(start):
    simulator, client = start()
    items = [item(f"i{n}", model="claude-opus-5", system=cached("5m")) for n in range(4)]
    usages(client, items[0])
    simulator.advance(301)
    found = usages(client, *items)
    assert [bool(found[f"i{n}"]["cache_creation_input_tokens"]) for n in range(4)] == [True, True, False, False]


def test_a_share_of_cache_hits_is_a_share(start):
    with pytest.raises(ValueError, match="cache_hits is a share from 0 to 1"):
        start(cache_hits=1.5)


def test_a_cache_entry_is_forgotten_in_time(start):
    simulator, client = start()
    request = item("a", model="claude-opus-5", system=cached("5m"))
    assert usages(client, request)["a"]["cache_creation_input_tokens"] > 0
    simulator.advance(200)
    assert usages(client, request)["a"]["cache_read_input_tokens"] > 0
    simulator.advance(301)
    assert usages(client, request)["a"]["cache_creation_input_tokens"] > 0


def test_a_short_prefix_is_not_cached(client):
    short = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    usage = usages(client, item("a", system=short))["a"]
    assert usage["cache_creation_input_tokens"] == usage["cache_read_input_tokens"] == 0


def test_breakpoints_with_two_lifetimes_and_one_beside_the_messages(client):
    content = [BLOCK, {**BLOCK, "cache_control": {"type": "ephemeral"}}]
    both = item("a", model="claude-opus-5", system=cached("1h"), messages=[{"role": "user", "content": content}])
    split = usages(client, both)["a"]["cache_creation"]
    assert split["ephemeral_5m_input_tokens"] > split["ephemeral_1h_input_tokens"] > 0
    beside = item("b", model="claude-opus-5", system="x" + LONG, cache_control={"type": "ephemeral"})
    assert usages(client, beside)["b"]["cache_creation"]["ephemeral_5m_input_tokens"] > 0


def test_another_model_does_not_read_the_same_cache(client):
    items = [item(name, model=f"claude-{name}", system=cached("5m")) for name in ("opus-5", "sonnet-5")]
    assert all(usage["cache_read_input_tokens"] == 0 for usage in usages(client, *items).values())


def test_an_answer_longer_than_max_tokens_is_really_cut(client):
    messages = asking(closed(vendor=STRING, total=NUMBER), text_document("Vendor: Acme\nTotal: 12.50\n"))
    whole = answer(client, messages=messages)
    cut = answer(client, messages=messages, max_tokens=12)
    assert cut["stop_reason"] == "max_tokens"
    assert cut["usage"]["output_tokens"] == 12
    assert text_of(whole).startswith(text_of(cut))
    assert 0 < len(text_of(cut)) < len(text_of(whole))


def test_models_that_think_bill_it_and_put_it_first(client):
    form = {"format": {"type": "json_schema", "schema": closed(reason=STRING)}}
    message = answer(client, model="claude-haiku-5-5", output_config=form)
    first, second = message["content"]
    assert (first["type"], first["thinking"]) == ("thinking", "")
    assert first["signature"]
    assert json.loads(second["text"])
    usage = message["usage"]
    assert 0 < usage["output_tokens_details"]["thinking_tokens"] < usage["output_tokens"]
    less = answer(client, model="claude-haiku-5-5", output_config={**form, "effort": "low"})["usage"]
    assert less["output_tokens"] < usage["output_tokens"]
    off = answer(client, model="claude-haiku-5-5", output_config=form, thinking={"type": "disabled"})
    assert [block["type"] for block in off["content"]] == ["text"]


def test_thinking_can_use_up_max_tokens(client):
    message = answer(client, model="claude-haiku-5-5", max_tokens=5)
    assert message["stop_reason"] == "max_tokens"
    assert [block["type"] for block in message["content"]] == ["thinking"]


def test_long_prompts_pass_a_hundred_thousand_tokens(client):
    messages = [{"role": "user", "content": LONG * 20}]
    assert answer(client, model="claude-haiku-5-5", messages=messages)["usage"]["input_tokens"] > 100_000


def test_newer_tokenizers_count_about_a_third_more(client):
    messages = [{"role": "user", "content": LONG}]
    old, new = (answer(client, model=f"claude-opus-{n}", messages=messages)["usage"] for n in ("4-6", "5"))
    assert 1.2 < new["input_tokens"] / old["input_tokens"] < 1.4


def test_what_is_cited_is_not_billed(start):
    tokens = []
    for value in ("x", "x" * 2000):
        _, client = start(style="values")
        document = text_document(f"Total: 12.50 {value}")
        tokens.append(answer(client, messages=asking(closed(total=NUMBER), document))["usage"]["output_tokens"])
    assert tokens[0] == tokens[1]


def test_images_and_documents_count(client):
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "AAAA"}}
    content = [picture, {"type": "text", "text": "What is this?"}]
    usage = answer(client, messages=[{"role": "user", "content": content}])["usage"]
    assert usage["input_tokens"] > 1568
