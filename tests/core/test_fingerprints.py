from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from batchata import document
from batchata.core.fingerprints import (
    differing_names,
    differing_settings,
    job_key,
    name_of,
    namespace_of,
    request_fingerprint,
    settings_of,
)


class Invoice(BaseModel):
    total: float


class Other(BaseModel):
    total: int


def settings(**more):
    known = {
        "model": "m",
        "prompt": "p",
        "response_model": Invoice,
        "citations": False,
        "max_tokens": None,
        "params": {},
    }
    return settings_of(**{"api": "https://api", **known, **more})


@pytest.mark.parametrize(("more", "name"), [
    ({"model": "n"}, "model"),
    ({"prompt": "q"}, "prompt"),
    ({"prompt": None}, "prompt"),
    ({"prompt": ""}, "prompt"),
    ({"response_model": Other}, "response_model"),
    ({"response_model": None}, "response_model"),
    ({"response_model": list[Invoice]}, "response_model"),
    ({"citations": True}, "enable_citations"),
    ({"max_tokens": 5}, "max_tokens"),
    ({"params": {"temperature": 0.1}}, "parameters"),
])  # fmt: skip
def test_each_setting_is_told_apart_and_named(more, name):
    old, new = settings(), settings(**more)
    [what] = differing_settings(old, new)
    called = name if name == "parameters" else f"`{name}`"
    assert what in (f"{called} was {old[name]} and is now {new[name]}", f"{called} is another one")
    assert namespace_of(old) != namespace_of(new)
    assert differing_settings(new, new) == []


def test_two_classes_of_one_name_and_schema_are_one_response_model():
    again = type("Invoice", (BaseModel,), {"__annotations__": {"total": float}})
    assert settings(response_model=again) == settings()


def test_a_setting_that_an_older_ledger_does_not_know_differs():
    old = settings()
    del old["max_tokens"]
    assert differing_settings(old, settings()) == ["`max_tokens` was not known and is now None"]


@pytest.mark.parametrize(("one", "other"), [
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ({"thinking": {"type": "enabled", "budget_tokens": 9}}, {"thinking": {"budget_tokens": 9, "type": "enabled"}}),
])  # fmt: skip
def test_the_order_of_keys_makes_no_other_parameters(one, other):
    assert settings(params=one) == settings(params=other)


def test_names_of_items():
    assert name_of("in/a.pdf") == "in/a.pdf" == name_of(Path("in/a.pdf"))
    assert name_of(b"abc") == name_of(bytearray(b"abc")) == name_of(memoryview(b"abc"))
    assert name_of(b"abc").startswith("3 bytes ")
    assert name_of(b"abc") != name_of(b"abd")
    conversation = [{"role": "user", "content": "hello"}]
    assert name_of(conversation) == name_of([dict(conversation[0])])
    assert name_of(conversation) != name_of([{"role": "user", "content": "hullo"}])
    assert name_of(document(b"some words", name="a.txt")).startswith("a.txt ")
    nameless = [name_of(document(each)) for each in (b"some words", b"some words", b"other words")]
    assert (nameless[0] == nameless[1], nameless[0] == nameless[2]) == (True, False)


@pytest.mark.parametrize("odd", [
    [{"role": "user", "content": object}],
    [{"role": "user", "content": {1, 2}}],
    [{"role": "user", "content": "half an emoji \ud83d"}],
    [{"role": "user", "content": {1: "a key that is no text"}}],
    [{"role": "user", "content": 10**30}],
    None,
    5,
])  # fmt: skip
def test_what_is_no_json_has_a_name_all_the_same(odd):
    """It is refused by name, later, beside all other bad items."""
    assert name_of(odd) == name_of(odd)
    assert name_of(odd) != name_of([{"role": "user", "content": "hello"}])


def test_a_prompt_that_is_no_json_has_a_fingerprint_all_the_same():
    assert settings(prompt="half an emoji \ud83d") != settings()


@pytest.mark.parametrize(("old", "new", "words"), [
    (["a", "b"], ["a", "b"], []),
    (["a"], ["a", "b", "c"], []),
    ([], ["a"], []),
    (["a", "b"], ["a"], ["there were 2 items and are now 1"]),
    (["a", "b"], ["a", "c"], ["item 1 was b and is now c"]),
    (["a", "b"], ["b", "a", "c"], ["item 0 was a and is now b", "item 1 was b and is now a"]),
    (["a"] * 9, ["b"] * 9, [*(f"item {index} was a and is now b" for index in range(3)), "6 more items differ"]),
])  # fmt: skip
def test_what_differs_in_the_items(old, new, words):
    assert differing_names(old, new) == words


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_a_request_is_known_by_every_byte(one, other):
    assert (request_fingerprint(one) == request_fingerprint(other)) == (one == other)


def test_another_attempt_is_another_job():
    first, second = (job_key("run", [(0, attempt, None, "f")]) for attempt in (1, 2))
    assert len({first, second, job_key("other", [(0, 1, None, "f")]), job_key("run", [(0, 1, 9, "f")])}) == 4
    assert first == job_key("run", iter([(0, 1, None, "f")]))
