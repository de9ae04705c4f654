"""Words on pages: what counts as the same words, and where they are."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchata.core.glyphs import Box, Glyph, folded
from batchata.core.locating import Pages
from batchata.core.pointing import named
from tests.report.glyph_support import HIGH, WIDE, line_of, page_of, spelled


def found(glyphs, words, value=None):
    """What is marked, one text for each place."""
    return [spelled(glyphs, spot.glyphs) for spot in Pages(glyphs).find(words, value).spots]


@pytest.mark.parametrize(
    ("lines", "words", "marked"),
    [
        (["Total due  $1,234.50"], "Total due $1,234.50", ["Totaldue$1,234.50"]),
        (["Total due  $1,234.50"], "total\ndue", ["Totaldue"]),
        (["e\ufb03cient \ufb01ling"], "efficient filing", ["e\ufb03cient\ufb01ling"]),
        (
            ["It\u2019s \u201cfine\u201d \u2013 really"],
            'It\'s "fine" - really',
            ["It\u2019s\u201cfine\u201d\u2013really"],
        ),
        (["Z\u00fcrich"], "Zu\u0308rich", ["Z\u00fcrich"]),
        (["an extra\u0002", "ordinary sum"], "extra-\nordinary", ["extra\u0002ordinary"]),
        (["an extra-", "ordinary sum"], "extraordinary sum", ["extraordinarysum"]),
        (["one two", "three four"], "two three", ["twothree"]),
        (["12 12.50 2012 1,12 12/04 12"], "12", ["12", "12"]),
        (["A-12 12"], "12", ["12", "12"]),
        (["pre12 fix"], "12", []),
        (["something"], "nothing", []),
        (["something"], "  \n", []),
    ],
)
def test_what_counts_as_the_words(lines, words, marked):
    assert found(page_of(*lines), words) == marked


def test_words_of_a_row_are_found_although_the_file_has_them_by_column():
    names, sums = page_of("Chair", "Desk"), page_of("$10.00", "$20.00", right=200)
    assert found([*names, *sums], "Desk $20.00") == ["Desk$20.00"]


def test_each_line_of_the_words_has_a_rectangle_and_a_gap_between_columns_has_none():
    glyphs = [*page_of("the first", "of two"), *line_of("$5", 1, 300, 1.5 * HIGH)]
    pages = Pages(glyphs)
    spot = pages.find("first of two $5").spots[0]
    assert [placed.box for placed in pages.boxes(spot.glyphs)] == [
        Box(4 * WIDE, 0, 9 * WIDE, HIGH),
        Box(0, 1.5 * HIGH, 6 * WIDE, 2.5 * HIGH),
        Box(300, 1.5 * HIGH, 300 + 2 * WIDE, 2.5 * HIGH),
    ]


def test_words_that_go_on_overleaf_are_marked_on_both_pages():
    pages = Pages([*page_of("it ends", number=3), *page_of("with this", number=4)])
    spot = pages.find("ends with").spots[0]
    assert [placed.page for placed in pages.boxes(spot.glyphs)] == [3, 4]


def test_every_place_is_told():
    glyphs = page_of("EUR 5.00", "EUR 5.00", "EUR 15.00")
    assert found(glyphs, "EUR 5.00") == ["EUR5.00", "EUR5.00"]


def test_the_value_is_marked_within_the_words():
    glyphs = page_of("Total: 5.00 EUR")
    spot = Pages(glyphs).find("Total: 5.00 EUR", (7, 11)).spots[0]
    assert spelled(glyphs, spot.value) == "5.00"


def test_lines_that_stand_are_marked_when_others_do_not():
    glyphs = page_of("a first line", "the third one")
    cited = "a first line\na second line\nthe third one"
    result = Pages(glyphs).find(cited, (cited.index("third"), cited.index(" one")))
    assert (result.lines, result.of) == (2, 3)
    assert spelled(glyphs, result.spots[0].glyphs) == "afirstlinethethirdone"
    assert spelled(glyphs, result.spots[0].value) == "third"


def test_a_line_that_stands_twice_is_not_taken_for_the_one_that_is_meant():
    result = Pages(page_of("paid", "paid")).find("paid\nnever written")
    assert (result.spots, result.lines) == ((), 0)


def test_numbers_are_not_found_by_their_digits_alone():
    assert found(page_of("12.50", "1 250"), "1250") == ["1250"]
    assert found(page_of("12.50"), "1250") == []


def test_a_page_without_text():
    assert Pages([]).find("anything").spots == ()


words = st.lists(st.text("abc\u00e9\ufb01D9.-", min_size=1, max_size=6), min_size=1, max_size=12)


@given(words, st.data())
def test_whatever_stands_on_a_page_is_found_there(listed, data):
    first = data.draw(st.integers(0, len(listed) - 1))
    last = data.draw(st.integers(first, len(listed) - 1))
    phrase = listed[first : last + 1]
    split = data.draw(st.integers(0, len(listed)))
    glyphs = page_of(" ".join(listed[:split]), " ".join(listed[split:]))
    wanted = "".join(phrase)
    assert wanted in found(glyphs, " ".join(phrase)) or not any(map(folded, wanted))


@given(st.lists(st.tuples(st.sampled_from("ab1.\u00e9-"), st.booleans()), max_size=30), st.text("ab1.e- ", max_size=5))
def test_what_is_marked_reads_as_the_words(letters, phrase):
    glyphs = [Glyph(text, 1, Box(n * WIDE, 0, (n + 1) * WIDE, HIGH), apart) for n, (text, apart) in enumerate(letters)]
    for spot in found(glyphs, phrase):
        assert "".join(map(folded, spot)) == "".join(map(folded, phrase))


def calls_for(words):
    """To find a word that stands so often on each line, and to see for three fields which of its places is meant."""
    pages, made = Pages(page_of("EUR of " * words, "EUR in " * words)), 0

    def count(_frame, event, _argument):
        nonlocal made
        made += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        for field in ("total", "tax", "sum"):
            spots = pages.find("EUR").spots
            assert len(spots) == 2 * words
            assert named(field, [pages.line_text(spot.glyphs) for spot in spots]) is None
    finally:
        sys.setprofile(None)
    return made


def test_a_page_with_twice_the_words_is_twice_the_work():
    """For each place of a word its whole line was made and taken apart: 50,000 letters took ten seconds."""
    assert calls_for(60) < 2.5 * calls_for(30)
