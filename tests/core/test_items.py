import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchata.core.items import ItemKey, custom_id, is_run_id, item_key

RUN_IDS = st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True)


@given(RUN_IDS, st.integers(0, 10**9), st.integers(1, 9999))
def test_a_custom_id_is_legal_and_says_what_it_was_made_of(run_id, index, attempt):
    made = custom_id(run_id, index, attempt)
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", made)
    assert item_key(made) == ItemKey(run_id, index, attempt)


@pytest.mark.parametrize("foreign", ["", "abc", "abc-1", "-1-1", "a-b-c", "a-1-b", "x" * 64])
def test_a_foreign_custom_id_says_nothing(foreign):
    assert item_key(foreign) is None


@pytest.mark.parametrize("bad", ["", "x" * 41, "a.b", "a b", "\u00e4"])
def test_a_run_id_that_would_not_fit_is_refused(bad):
    assert not is_run_id(bad)
