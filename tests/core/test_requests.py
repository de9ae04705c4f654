import copy

import orjson
import pytest
from pydantic import BaseModel

from batchata import Document, Item, build_requests, document
from batchata.core.encoding import encode
from batchata.core.models import ModelInfo, takes_sampling
from batchata.core.requests import DEFAULT_MAX_TOKENS, new_run_id
from batchata.errors import InputError, ModelError

USER = {"role": "user", "content": "hello"}
TEXT = Document({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}, "a.txt")
NATIVE = ModelInfo(id="claude-haiku-5-5", structured_outputs=True, max_tokens=128_000)


class Answer(BaseModel):
    value: int


def params(item, **arguments):
    return build_requests([item], **{"model": "claude-haiku-5-5", **arguments})[0]["params"]


def test_only_what_was_set_is_sent():
    assert params([USER]) == {"model": "claude-haiku-5-5", "max_tokens": DEFAULT_MAX_TOKENS, "messages": [USER]}


def test_a_run_has_ids_of_its_own_in_order():
    made = build_requests([[USER]] * 3, model="m", run_id="run", attempt=2)
    assert [request["custom_id"] for request in made] == ["run-000000-2", "run-000001-2", "run-000002-2"]
    first, second = (build_requests([[USER]], model="m")[0]["custom_id"] for _ in range(2))
    assert first != second
    assert len(new_run_id()) == 12


def test_a_bad_run_id_is_refused():
    with pytest.raises(InputError, match=r"run_id 'a\.b'"):
        build_requests([[USER]], model="m", run_id="a.b")


@pytest.mark.parametrize(("messages", "extra", "system"), [
    ([{"role": "system", "content": "one"}, USER], {}, "one"),
    ([{"role": "system", "content": "one"}, USER, {"role": "system", "content": "two"}], {},
     [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]),
    ([{"role": "system", "content": [{"type": "text", "text": "one", "cache_control": {"type": "ephemeral"}}]}, USER],
     {"system": "zero"},
     [{"type": "text", "text": "zero"}, {"type": "text", "text": "one", "cache_control": {"type": "ephemeral"}}]),
    ([USER], {"system": "zero"}, "zero"),
])  # fmt: skip
def test_system_messages_become_the_system_parameter_in_their_order(messages, extra, system):
    made = params(messages, **extra)
    assert made["system"] == system
    assert made["messages"] == [USER]


def test_other_parameters_pass_through():
    given = {
        "thinking": {"type": "adaptive"}, "metadata": {"user_id": "u"}, "tools": [{"name": "t", "input_schema": {}}],
        "tool_choice": {"type": "auto"}, "stop_sequences": ["x"], "service_tier": "auto", "inference_geo": "us",
        "output_config": {"effort": "low"},
    }  # fmt: skip
    assert given.items() <= params([USER], **given).items()


def test_nothing_of_the_caller_is_changed():
    conversation = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": [dict(TEXT.block), {"type": "text", "text": "t"}]},
    ]
    config = {"effort": "low"}
    before = copy.deepcopy((conversation, config))
    for citations in (False, True):
        params(conversation, response_model=Answer, output_config=config, enable_citations=citations, model_info=NATIVE)
    assert (conversation, config) == before


def test_a_file_goes_before_the_prompt():
    content = params(TEXT, prompt="Read.", enable_citations=True)["messages"][0]["content"]
    assert content == [{**TEXT.block, "citations": {"enabled": True}}, {"type": "text", "text": "Read."}]
    assert params(Item(TEXT, "a.txt"), prompt="Read.")["messages"][0]["content"][0] == TEXT.block


def test_citations_are_on_for_every_document_of_a_conversation_or_for_none():
    blocks = [dict(TEXT.block), dict(TEXT.block), {"type": "text", "text": "Compare."}]
    conversation = [{"role": "user", "content": blocks}]
    on = params(conversation, enable_citations=True)["messages"][0]["content"]
    assert [block.get("citations") for block in on] == [{"enabled": True}, {"enabled": True}, None]
    assert params(conversation)["messages"] == conversation


def test_the_schema_goes_out_natively_where_the_model_takes_it():
    made = params([USER], response_model=Answer, model_info=NATIVE, output_config={"effort": "low"})
    assert made["output_config"]["effort"] == "low"
    assert made["output_config"]["format"]["schema"]["required"] == ["value"]
    assert "system" not in made


@pytest.mark.parametrize("arguments", [
    {}, {"model_info": ModelInfo(id="m")}, {"model_info": ModelInfo(id="m", structured_outputs=False)},
    {"model_info": NATIVE, "enable_citations": True},
])  # fmt: skip
def test_otherwise_it_is_asked_for_in_words(arguments):
    made = params([USER], response_model=Answer, system="Be kind.", **arguments)
    assert "output_config" not in made
    assert made["system"][0]["text"] == "Be kind."
    assert '"value"' in made["system"][1]["text"]


def test_citations_that_the_caller_switched_on_forbid_the_native_format():
    block = {**TEXT.block, "citations": {"enabled": True}}
    made = params([{"role": "user", "content": [block]}], response_model=Answer, model_info=NATIVE)
    assert "output_config" not in made
    assert "lines[2].amount" in made["system"]


def test_a_format_of_the_callers_own_is_left_alone():
    own = {"format": {"type": "json_schema", "schema": {"type": "object"}}}
    made = params([USER], response_model=Answer, model_info=NATIVE, output_config=own)
    assert made["output_config"] == own
    assert "system" not in made


@pytest.mark.parametrize(("arguments", "expected"), [
    ({}, 16_000), ({"max_tokens": 5}, 5), ({"model_info": ModelInfo(id="m", max_tokens=4096)}, 4096),
    ({"thinking": {"type": "enabled", "budget_tokens": 10_000}}, 26_000),
    ({"thinking": {"type": "enabled", "budget_tokens": 60_000}, "model_info": ModelInfo(id="m", max_tokens=64_000)}, 64_000),
])  # fmt: skip
def test_max_tokens_leaves_room_for_thinking(arguments, expected):
    assert params([USER], **arguments)["max_tokens"] == expected


@pytest.mark.parametrize(("name", "value"), [("stream", False), ("messages", []), ("speed", "fast"), ("fallbacks", [])])
def test_what_no_batch_takes_is_refused(name, value):
    with pytest.raises(InputError, match=f"`{name}` cannot be set"):
        params([USER], **{name: value})


def test_all_bad_items_are_named():
    with pytest.raises(InputError, match="2 of 3 items") as caught:
        build_requests([[USER], [], TEXT], model="m")
    assert [problem.item for problem in caught.value.problems] == ["item 1", "item 2 (a.txt)"]


@pytest.mark.parametrize(("model", "takes"), [
    ("claude-sonnet-4-6", True), ("claude-haiku-4-5-20251001", True), ("claude-opus-4-20250514", True),
    ("claude-opus-4-1-20250805", True), ("claude-3-5-haiku-20241022", True), ("claude-3-haiku-20240307", True),
    ("claude-opus-4-7", False), ("claude-opus-4-8", False), ("claude-sonnet-5", False), ("claude-haiku-5-5", False),
    ("claude-fable-5-2", False), ("claude-sonnet-6", False), ("claude-mythos-preview", False),
])  # fmt: skip
def test_which_models_take_a_temperature(model, takes):
    from batchata.core.models import check_sampling

    assert takes_sampling(model) is takes
    if takes:
        check_sampling(model, {"temperature": 0})
    else:
        with pytest.raises(ModelError):
            check_sampling(model, {"temperature": 0})


def test_the_body_is_what_the_api_takes():
    made = build_requests([[USER]] * 2, model="m", run_id="run")
    encoded = encode(made)
    assert orjson.loads(encoded.body) == {"requests": made}
    assert (encoded.total, encoded.first_custom_id, encoded.api_version) == (2, "run-000000-1", None)
    assert encode(build_requests([[USER]], model="m", temperature=0)).api_version == "2023-06-01"


def test_bytes_become_the_blocks_of_their_kind():
    assert document(b"hello", name="a.md").block["source"] == {
        "type": "text",
        "media_type": "text/plain",
        "data": "hello",
    }
    assert document("h\u00e9".encode("utf-16"), name="a.txt").block["source"]["data"] == "h\u00e9"
    assert document(b"\xef\xbb\xbfhello").block["source"]["data"] == "hello"
    assert document(b"GIF89a....").block["source"]["media_type"] == "image/gif"


@pytest.mark.parametrize(("arguments", "words"), [
    ({"max_tokens": 4000, "thinking": {"type": "enabled", "budget_tokens": 5000}}, "more than the thinking budget of 5,000"),
    ({"thinking": {"type": "enabled", "budget_tokens": 64_000}, "model_info": ModelInfo(id="m", max_tokens=64_000)}, "more than the thinking budget"),
    ({"max_tokens": "5"}, "`max_tokens` must be at least 1, not '5'"),
    ({"attempt": 10**20}, "attempt .* must be from 1"),
    ({"extra_headers": {"x": "y"}}, r"give it to submit\(\) or batch\(\)"),
    ({"response_model": int}, "is a single value; make it a field"),
    ({"response_model": Answer(value=1)}, "give the class and not an instance|no JSON Schema|cannot be validated"),
])  # fmt: skip
def test_what_would_fail_for_every_item_fails_at_once(arguments, words):
    with pytest.raises(InputError, match=words):
        params([USER], **arguments)


@pytest.mark.parametrize("odd", [{1, 2}, b"x", 2**70, "\ud83d"])
def test_what_is_no_json_is_named(odd):
    made = build_requests(
        [[USER], [{"role": "user", "content": [{"type": "text", "text": odd}]}]], model="m", run_id="run"
    )
    with pytest.raises(InputError, match="run-000001-1: it is no JSON"):
        encode(made)


def test_objects_of_the_sdk_and_tuples_can_be_sent_back():
    from anthropic.types import TextBlock

    answer = {"role": "assistant", "content": (TextBlock(type="text", text="hi", citations=None),)}
    made = params((USER, answer, USER))
    assert made["messages"][1]["content"] == [{"type": "text", "text": "hi", "citations": None}]


def test_a_system_parameter_of_one_block_or_none():
    block = {"type": "text", "text": "x"}
    assert params([USER], system=block, response_model=Answer)["system"][0] == block
    assert "system" not in params([USER], system="")
    assert params([USER], response_model=Answer, model_info=NATIVE, output_config=None)["output_config"]["format"]


def test_one_request_does_not_poison_the_next_call():
    first = params([USER], response_model=Answer, model_info=NATIVE)
    first["output_config"]["format"]["schema"]["properties"].clear()
    assert params([USER], response_model=Answer, model_info=NATIVE)["output_config"]["format"]["schema"]["properties"]


def test_a_text_about_pdfs_is_a_text():
    assert document(b"Every PDF starts with %PDF-1.4 or so.").block["source"]["type"] == "text"
