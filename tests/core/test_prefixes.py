"""Beginnings that requests share: recognised, weighed, marked."""

import copy

import orjson
import pytest

from batchata.core.caching import pays
from batchata.core.prefixes import (
    Digests,
    Marks,
    has_frame,
    is_marked,
    marked,
    opening,
    span_of,
)
from batchata.core.rates import Rates
from batchata.core.sharing import NONE, Tree, sharing_of

RATES = Rates(1, 5)
KEPT = {"type": "ephemeral", "ttl": "1h"}
DOCUMENT = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Clause. " * 5000}}


def text(words):
    return {"type": "text", "text": words}


def user(*content):
    return {
        "role": "user",
        "content": content[0] if len(content) == 1 and isinstance(content[0], str) else list(content),
    }


def request(*messages, **params):
    return {"model": "m", "max_tokens": 10, "messages": list(messages), **params}


def beginnings(*requests):
    digests = Digests()
    return [list(digests.of(each)) for each in requests]


def tree_of(requests):
    digests = Digests()
    tree = Tree(lambda index: digests.of(requests[index]))
    for index in range(len(requests)):
        tree.add(index)
    return tree


def shared_in(requests, tokens=10_000, least=512, mode="auto"):
    tree = tree_of(requests)
    return sharing_of(tree, {node: (tree.depths[node] + 1) * tokens for node in tree.shared()}, least, RATES, mode)


def test_requests_begin_alike_as_far_as_they_are_alike():
    one = request(user(DOCUMENT, text("Who?")), system="You read.")
    two = request(user(DOCUMENT, text("When?")), system="You read.", max_tokens=99, metadata={"user_id": "x"})
    three = request(user(DOCUMENT, text("When?")), system="You write.")
    found = beginnings(one, two, three)
    assert [[each.depth for each in chain] for chain in found] == [[0, 1]] * 3
    assert found[0] == found[1]
    assert not {each.digest for each in found[0]} & {each.digest for each in found[2]}


@pytest.mark.parametrize("other", [
    {"tools": [{"name": "t", "input_schema": {}}]},
    {"output_config": {"format": {"type": "json_schema", "schema": {}}}},
    {"thinking": {"type": "adaptive"}},
    {"model": "n"},
])  # fmt: skip
def test_what_stands_before_the_messages_is_part_of_it(other):
    one, two = beginnings(request(user(text("a"), text("b"))), request(user(text("a"), text("b")), **other))
    assert one[-1].digest != two[-1].digest


def test_the_same_words_in_another_turn_are_another_beginning():
    one, two = beginnings(
        request(user(text("a"), text("b"), text("c"))),
        request(user("a"), {"role": "assistant", "content": "b"}, user("c")),
    )
    assert one[0] == two[0]  # text alone and text in a block are the same to the API
    assert one[1] != two[1]


def test_thinking_cannot_be_marked_and_the_last_block_is_no_beginning():
    turns = [
        user("a"),
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "", "signature": "x"}, text("b")]},
    ]
    (chain,) = beginnings(request(*turns, user("c")))
    assert [each.depth for each in chain] == [1, 3]


@pytest.mark.parametrize("mine", [
    request(user("a"), cache_control=KEPT),
    request(user("a"), system=[{**text("s"), "cache_control": KEPT}]),
    request(user("a"), tools=[{"name": "t", "cache_control": KEPT}]),
    request(user({**DOCUMENT, "cache_control": KEPT}, text("a"))),
    request(user({"type": "tool_result", "tool_use_id": "x", "content": [{**text("r"), "cache_control": KEPT}]})),
])  # fmt: skip
def test_where_the_caller_placed_breakpoints_none_are_added(mine):
    assert is_marked(mine)
    assert beginnings(mine) == [[]]


def test_breakpoints_are_added_and_nothing_given_is_changed():
    given = request(user(DOCUMENT, text("Who?")), user("And?"), system="You read.", tools=[{"name": "t"}])
    before = copy.deepcopy(given)
    found = marked(given, Marks("x", (0, 1), "1h"))
    assert given == before
    assert found["system"] == [{**text("You read."), "cache_control": KEPT}]
    assert found["tools"] == given["tools"]
    assert found["messages"] == [user({**DOCUMENT, "cache_control": KEPT}, text("Who?")), user("And?")]
    assert marked(given, Marks("x", (2,), "5m"))["messages"][0]["content"][1]["cache_control"]["ttl"] == "5m"


def test_without_a_system_the_last_tool_is_marked_and_of_several_parts_the_last():
    tools = [{"name": "t"}, {"name": "u"}]
    assert marked(request(user("a"), tools=tools), Marks("x", (0,), "1h"))["tools"] == [
        tools[0],
        {**tools[1], "cache_control": KEPT},
    ]
    parts = [text("a"), text("b")]
    assert marked(request(user("a"), system=parts), Marks("x", (0,), "1h"))["system"] == [
        parts[0],
        {**parts[1], "cache_control": KEPT},
    ]
    assert not has_frame(request(user("a")))


def test_marked_requests_share_their_bytes_up_to_the_breakpoint():
    ask = [orjson.dumps(marked(request(user(DOCUMENT, text(f"Question {n}")), system="s"), Marks("x", (0, 1), "1h"))["messages"])
           for n in range(2)]  # fmt: skip
    at = ask[0].index(b"cache_control")
    assert ask[0][:at] == ask[1][:at]
    assert ask[0] != ask[1]


def test_an_opening_is_a_request_of_its_own():
    turns = [user(DOCUMENT, text("a")), {"role": "assistant", "content": "b"}, user("c")]
    given = request(*turns, system="s")
    assert opening(given, 1)["messages"] == [user(DOCUMENT)]
    assert opening(given, 0)["messages"] == [user(".")]
    assert opening(given, 3)["messages"] == [turns[0], {"role": "assistant", "content": [text("b")]}, user(".")]


def test_the_tokens_of_a_text_are_between_a_quarter_of_its_bytes_and_all_of_them():
    span = span_of(request(user("x" * 4000), system="y" * 400))
    assert 1100 <= span.fewest <= 1110
    assert 4400 <= span.most <= 4420
    assert span_of(request(user(DOCUMENT))).fewest == 10_000
    pdf = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "x" * 10**6}}
    assert span_of(request(user(pdf))).fewest < 5_000 < span_of(request(user(pdf))).most


def test_each_item_has_the_longest_beginning_that_pays():
    """Eight ask about one document, three about another, one about a third; all share the system."""
    documents = [{**DOCUMENT, "title": f"{number}"} for number in (0,) * 8 + (1,) * 3 + (2,)]
    requests = [request(user(each, text(f"{n}")), system="s" * 9000) for n, each in enumerate(documents)]
    found = shared_in(requests)
    assert [(each.depths, each.requests, each.tokens) for each in found.prefixes] == [
        ((0,), 12, 10_000), ((0, 1), 8, 20_000), ((0, 1), 3, 20_000),
    ]  # fmt: skip
    assert list(found.of) == [1] * 8 + [2] * 3 + [0]
    assert NONE not in found.of


def test_what_only_two_share_is_not_worth_it_and_what_nobody_shares_is_none():
    requests = [request(user(text(str(n // 2)), text(str(n)))) for n in range(4)]
    assert not pays(10_000, 2, RATES, "1h")
    assert list(shared_in(requests, mode="1h").of) == [0, 0, 1, 1]  # whoever asks for it gets it
    assert list(shared_in([request(user("a")), request(user("b"), system="x")]).of) == [NONE, NONE]


def test_a_short_beginning_is_not_cached():
    requests = [
        request(
            user(
                "a",
            ),
            system="s",
        )
    ] * 50
    assert shared_in(requests, tokens=511).prefixes == []
    assert len(shared_in(requests, tokens=512).prefixes) == 1


def test_examples_are_one_beginning_with_one_breakpoint_at_their_end():
    examples = [user("one"), {"role": "assistant", "content": "1"}, user("two"), {"role": "assistant", "content": "2"}]
    found = shared_in([request(*examples, user(f"{n}"), system="s") for n in range(20)])
    assert [each.depths for each in found.prefixes] == [(4,)]


def test_there_are_never_more_than_four_breakpoints():
    """Beginnings that part again and again: each longer one is shared by fewer."""
    requests = [request(user(*(text("same" if n % 4**level == 0 else f"{n}") for level in range(7)), text("end")), system="s")
                for n in range(4096)]  # fmt: skip
    found = shared_in(requests)
    deepest = max(found.prefixes, key=lambda each: len(each.depths))
    assert len(deepest.depths) == 4
    assert list(deepest.depths) == sorted(deepest.depths)


def test_the_tree_is_no_larger_than_the_items_are_many():
    requests = [request(*(user(f"{n} {turn}") for turn in range(30))) for n in range(50)]
    tree = tree_of(requests)
    assert len(tree.counts) == 50
    assert len(set(tree.ends)) == 50


def test_what_is_no_text_is_weighed_by_what_it_can_be():
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "x"}}
    result = {"type": "tool_result", "tool_use_id": "x", "content": "y" * 400}
    one, two = (span_of(request(user(each))) for each in (image, result))
    assert (one.fewest, one.most) == (100, 4784)
    assert 100 < two.fewest < two.most < 500


def test_a_very_long_conversation_is_not_looked_at_to_its_end():
    assert max(each.depth for each in beginnings(request(user(*map(text, "x" * 300))))[0]) == 100
