from hypothesis import given
from hypothesis import strategies as st

from batchata.core.waiting import FIRST, LONGEST, next_delay


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_waits_grow_from_half_a_second_to_a_minute(looks, chance):
    assert 0.8 * FIRST <= next_delay(looks, chance) <= LONGEST
    assert next_delay(looks, chance) <= next_delay(looks + 1, chance)
