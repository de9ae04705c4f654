import pytest

from batchata.core.columns import column_places
from batchata.core.templates import template_of
from batchata.errors import InputError


@pytest.mark.parametrize(("text", "columns", "filled"), [
    ("Classify: {subject} {body}", ["subject", "body"], "Classify: A B"),
    ("{body}{subject}{body}", ["body", "subject"], "BAB"),
    ('{{"a": {subject}}}', ["subject"], '{"a": A}'),
    ("{{{subject}}}", ["subject"], "{A}"),
    ("{ Total: EUR } {odd.name[0]!r}", ["Total: EUR", "odd.name[0]!r"], "T N"),
    ("no column", [], "no column"),
])  # fmt: skip
def test_columns_in_braces_are_filled_in_and_nothing_else_is_read_into_them(text, columns, filled):
    values = {"subject": "A", "body": "B", "Total: EUR": "T", "odd.name[0]!r": "N"}
    assert template_of(text).columns == columns
    assert template_of(text).filled(values) == filled


@pytest.mark.parametrize("text", ["{", "a } b", "{}", "{ }", "{a}}", "{a {b}"])
def test_a_brace_that_names_no_column_is_shown(text):
    with pytest.raises(InputError, match=r"brace at character \d+ that names no column"):
        template_of(text)


def test_a_value_with_braces_stays_as_it_is():
    assert template_of("{a}").filled({"a": "{b} {{"}) == "{b} {{"


def test_columns_that_are_not_there_or_there_twice_are_named():
    assert column_places(["c", "a"], ["a", "b", "c"], "x.csv") == {"c": 2, "a": 0}
    with pytest.raises(InputError, match=r"x\.csv has no column d, e; it has a, b"):
        column_places(["a", "d", "e"], ["a", "b"], "x.csv")
    with pytest.raises(InputError, match=r"x\.csv has 2 columns named a; rename all but one"):
        column_places(["a"], ["a", "b", "a"], "x.csv")
