"""What is asked for one item only: its request, its name, its record."""

from decimal import Decimal

import pytest

from batchata import Item, Record, build_requests, document, with_prompts
from batchata.core.fingerprints import file_of, name_of
from batchata.core.models import ModelInfo
from batchata.core.outcomes import Refused
from batchata.core.processed import line_of, read_line, record_from
from batchata.core.records import record_of
from batchata.core.requests import shape_of
from batchata.errors import InputError

TALK = [{"role": "user", "content": "hello"}]
NOTE = document(b"some words", name="note.txt")
INFO = ModelInfo(id="m", max_tokens=64_000)


def params_of(item, **arguments):
    return build_requests([item], model="m", run_id="r", model_info=INFO, **arguments)[0]["params"]


def test_an_item_that_asks_for_nothing_of_its_own_is_sent_as_what_it_holds():
    assert params_of(Item(TALK, source="mail 7")) == params_of(TALK)
    assert params_of(Item(NOTE), prompt="Who?") == params_of(NOTE, prompt="Who?")


def test_what_an_item_asks_for_takes_the_place_of_what_the_call_asks_for():
    item = Item(
        TALK,
        params={
            "system": "Be long.",
            "max_tokens": 99,
            "metadata": {"user_id": "u"},
            "output_config": {"effort": "low"},
        },
    )
    found = params_of(
        item, system="Be brief.", max_tokens=10, output_config={"effort": "high", "x": 1}, stop_sequences=["."]
    )
    assert found == {
        "model": "m", "max_tokens": 99, "system": "Be long.", "metadata": {"user_id": "u"}, "messages": TALK,
        "output_config": {"effort": "low", "x": 1}, "stop_sequences": ["."],
    }  # fmt: skip


def test_a_file_has_a_prompt_of_its_own():
    turn = params_of(Item(NOTE, prompt="Where?"), prompt="Who?")["messages"][0]
    assert turn["content"][-1] == {"type": "text", "text": "Where?"}


def test_the_tokens_asked_for_after_a_truncated_answer_win_over_those_of_the_item():
    shape = shape_of("m", None, None, enable_citations=False, max_tokens=20, info=INFO, params={})
    item = Item(TALK, params={"max_tokens": 50})
    assert [shape.params_of(item, tokens)["max_tokens"] for tokens in (None, 100)] == [50, 100]


@pytest.mark.parametrize(("item", "words"), [
    (Item(TALK, params={"model": "other"}), "all items of a run have one model"),
    (Item(TALK, params={"max_tokens": 0}), "`max_tokens` must be at least 1, not 0"),
    (Item(TALK, params={"max_tokens": 64_001}), "m answers with at most 64,000"),
    (Item(TALK, params={"stream": True}), "a message batch cannot stream"),
    (Item(TALK, params={"sistem": "x"}), "did you mean `system`"),
    (Item(TALK, params="max_tokens"), "its params are a mapping"),
    (Item(TALK, prompt="Who?"), "a prompt goes with files"),
    (Item(NOTE, prompt=" "), "its prompt is ' '"),
    (Item(Item(TALK)), "it is an Item of an Item"),
])  # fmt: skip
def test_what_cannot_be_asked_of_an_item_is_a_sentence(item, words):
    with pytest.raises(InputError, match=words):
        params_of(item, prompt=None)


def test_an_item_is_known_by_what_is_asked_of_it():
    assert name_of(Item("in/a.pdf")) == "in/a.pdf" == file_of("in/a.pdf")
    assert name_of(Item(TALK)) == name_of(TALK)
    names = {
        name_of(each)
        for content in ("in/a.pdf", TALK, NOTE)
        for each in (
            Item(content, prompt="x"),
            Item(content, prompt="y"),
            Item(content, params={"max_tokens": 5}),
            Item(content, "name"),
        )
    }
    assert len(names) == 12
    assert {file_of(name) for name in names if name.startswith("in/")} == {"in/a.pdf"}
    assert name_of(Item(TALK, source="mails.csv:17")).startswith("mails.csv:17 ")


def test_every_file_goes_with_every_prompt_the_prompts_of_a_file_one_after_the_other():
    named = with_prompts(["a", "b"], {"who": "Who?", "where": "Where?"})
    assert [(each.content, each.label, each.prompt) for each in named] == [
        ("a", "who", "Who?"), ("a", "where", "Where?"), ("b", "who", "Who?"), ("b", "where", "Where?"),
    ]  # fmt: skip
    assert [each.label for each in with_prompts(["a"], ["Who?", "Where?"])] == ["0", "1"]


def test_the_label_comes_back_from_disk_and_lines_without_one_are_as_before():
    outcome = Refused(custom_id="r-000003-1", model="m", usage={}, category=None, explanation=None)
    record: Record = record_of(outcome, 3, "a.pdf", None, Decimal(0), "who")
    line = line_of(record, run_id="r", attempt=1)
    assert record_from(read_line(line)) == record
    assert record.label == "who"
    plain = line_of(record_of(outcome, 3, "a.pdf", None, Decimal(0)), run_id="r", attempt=1)
    assert b"label" not in plain
    assert record_from(read_line(plain)).label is None
