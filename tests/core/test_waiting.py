from hypothesis import given
from hypothesis import strategies as st

from batchata.core.waiting import FIRST, LONGEST, QUICK_LONGEST, next_delay, quick_delay


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_waits_grow_from_half_a_second_to_a_minute(looks, chance):
    assert 0.8 * FIRST <= next_delay(looks, chance) <= LONGEST
    assert next_delay(looks, chance) <= next_delay(looks + 1, chance)


@given(st.integers(0, 10_000), st.floats(0, 1), st.integers(1, 10_000))
def test_batches_of_a_quick_run_are_looked_at_often_and_together_no_more_than_500_times_a_minute(looks, chance, jobs):
    delay = quick_delay(looks, chance, jobs=jobs)
    assert jobs / delay <= 500 / 60 + 1e-9 or delay == LONGEST
    assert delay <= max(QUICK_LONGEST, min(LONGEST, jobs * 60 / 500))
