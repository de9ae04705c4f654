"""Cited characters of a text, marked with what stands around them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchata.core.excerpts import Marked, cited_span, excerpts

TEXT = "One \U0001f600 two. Three four. Three four."


@pytest.mark.parametrize(
    ("cited", "start", "end", "span"),
    [
        ("two.", 6, 10, (6, 10)),
        ("two.", 7, 11, (6, 10)),  # counted in UTF-16 units
        ("two.", 0, 4, (6, 10)),
        ("two.", None, None, (6, 10)),
        ("Three four.", 23, 34, (23, 34)),
        ("Three four.", 1, 2, None),
        ("five", 0, 4, None),
        ("", 0, 0, None),
    ],
)
def test_where_the_cited_characters_are(cited, start, end, span):
    assert cited_span(TEXT, cited, start, end) == span


def test_a_short_text_is_shown_whole_and_a_long_one_in_parts():
    mark = Marked(0, (5000, 5004), (5000, 5001))
    [short] = excerpts("x" * 50, [])
    assert (short.segments[0].text, short.cut_before, short.cut_after) == ("x" * 50, False, False)
    assert excerpts("x" * 9000, []) == []
    [part] = excerpts("x" * 9000, [mark], around=10)
    assert [(each.text, each.marks, each.values) for each in part.segments] == [
        ("x" * 10, (), ()),
        ("x", (0,), (0,)),
        ("xxx", (0,), ()),
        ("x" * 10, (), ()),
    ]
    assert part.cut_before
    assert part.cut_after


@st.composite
def marked_texts(draw):
    text = draw(st.text("ab\n", min_size=1, max_size=120))
    places = st.integers(0, len(text) - 1)
    spans = [tuple(sorted(draw(st.tuples(places, places)))) for _ in range(draw(st.integers(0, 5)))]
    return text, [Marked(number, (start, end + 1)) for number, (start, end) in enumerate(spans)]


@given(marked_texts(), st.integers(1, 20))
def test_each_mark_covers_its_characters_whatever_overlaps(given_text, around):
    text, marks = given_text
    parts = excerpts(text, marks, around)
    for mark in marks:
        covered = "".join(each.text for part in parts for each in part.segments if mark.number in each.marks)
        assert covered == text[slice(*mark.span)]
    assert all("".join(each.text for each in part.segments) in text for part in parts)
