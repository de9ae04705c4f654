import json

from hypothesis import given
from hypothesis import strategies as st

from batchata.core.jsontext import Node, find_json, locate

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)
PROSE = st.text(alphabet=st.characters(exclude_characters='{}[]"', exclude_categories=("Cs",)))


def nodes(node: Node):
    yield node
    for child in [*(node.members or {}).values(), *(node.elements or [])]:
        yield from nodes(child)


def plain(node: Node):
    if node.members is not None:
        return {name: plain(child) for name, child in node.members.items()}
    return [plain(child) for child in node.elements] if node.elements is not None else node.scalar


@given(st.dictionaries(st.text(), VALUES), PROSE, PROSE, st.sampled_from([None, 2]))
def test_every_part_of_an_object_is_found_at_its_characters(value, before, after, indent):
    text = before + json.dumps(value, indent=indent) + after
    (start, end, found) = next(find_json(text))
    assert found == value
    root = locate(text, start)
    assert root.end == end
    for node in nodes(root):
        assert json.loads(text[node.start : node.end]) == plain(node)


@given(st.text(alphabet='{}[]":,a1 \n\\'))
def test_no_text_breaks_the_search(text):
    for start, end, value in find_json(text):
        assert json.loads(text[start:end], strict=False) == value


def test_braces_of_prose_are_passed_over():
    text = 'See {annex} and {"a": 1}. Then ```json\n{"b": [2]}\n``` and {so on'
    assert [value for _, _, value in find_json(text)] == [{"a": 1}, {"b": [2]}]


def test_only_objects_are_looked_for_when_asked():
    assert [value for _, _, value in find_json('lines[0] is {"a": [1]} [2]', "{")] == [{"a": [1]}]


def test_a_deep_nest_is_no_crash():
    assert list(find_json("[" * 100_000)) == []
