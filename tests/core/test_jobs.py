from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchata.core.encoding import MAX_BATCH_BYTES, MAX_REQUESTS
from batchata.core.jobs import Fit, Packing

CENTS = st.integers(0, 300).map(lambda cents: Decimal(cents) / 100)
OFFERS = st.lists(st.tuples(st.integers(1, 400), CENTS), max_size=40)


def encoded_size(sizes):
    return len(b'{"requests":[' + b",".join(b"x" * size for size in sizes) + b"]}")


@given(OFFERS, st.integers(1, 12), st.none() | CENTS, st.integers(100, 1500))
def test_what_is_packed_is_within_count_bytes_and_budget(offers, items, left, room):
    packing = Packing(items=items, left=left, bytes=room)
    taken = [(size, bound) for size, bound in offers if packing.offer(size, bound) is Fit.TAKEN]
    assert packing.taken == len(taken) <= items
    assert encoded_size([size for size, _ in taken]) <= packing.size
    assert packing.size <= room or len(taken) == 1
    if left is None:
        assert (packing.bound, packing.remains) == (None, None)
    else:
        assert packing.bound == sum((bound for _, bound in taken), Decimal(0)) <= left
        assert packing.remains == left - packing.bound


@given(OFFERS, st.integers(1, 12), CENTS)
def test_an_item_that_fits_is_taken_and_one_that_does_not_changes_nothing(offers, items, left):
    packing = Packing(items=items, left=left, bytes=1000)
    for size, bound in offers:
        before = (packing.taken, packing.size, packing.bound)
        full = packing.is_full or (packing.taken > 0 and packing.size + size + 1 > 1000)
        dear = bound > packing.remains
        fit = packing.offer(size, bound)
        assert fit is (Fit.FULL if full else Fit.TOO_DEAR if dear else Fit.TAKEN)
        assert (fit is Fit.TAKEN) == ((packing.taken, packing.size, packing.bound) != before)


def test_a_job_holds_so_many_items():
    packing = Packing(items=2)
    assert [packing.offer(10, None) for _ in range(3)] == [Fit.TAKEN, Fit.TAKEN, Fit.FULL]
    assert packing.is_full
    assert Packing(items=10**9).items == MAX_REQUESTS


def test_a_job_holds_what_a_call_may_hold():
    packing = Packing(items=100)
    assert packing.bytes == MAX_BATCH_BYTES
    half = MAX_BATCH_BYTES // 2
    assert [packing.offer(half, None), packing.offer(half, None), packing.offer(5, None)] == [
        Fit.TAKEN,
        Fit.FULL,
        Fit.TAKEN,
    ]


def test_an_item_that_is_larger_than_a_call_goes_alone_and_is_refused_elsewhere():
    packing = Packing(items=5, bytes=100)
    assert [packing.offer(500, None), packing.offer(1, None)] == [Fit.TAKEN, Fit.FULL]


@pytest.mark.parametrize(("left", "bounds", "fits"), [
    ("1", ["0.5", "0.5", "0"], [Fit.TAKEN, Fit.TAKEN, Fit.TAKEN]),
    ("1", ["0.5", "0.6", "0.5"], [Fit.TAKEN, Fit.TOO_DEAR, Fit.TAKEN]),
    ("0", ["0.01"], [Fit.TOO_DEAR]),
    ("-1", ["0.01"], [Fit.TOO_DEAR]),
    ("0.1", ["0.1000000000000000000000000001"], [Fit.TOO_DEAR]),
    ("1", [None], [Fit.TOO_DEAR]),
    (None, [None, "9"], [Fit.TAKEN, Fit.TAKEN]),
])  # fmt: skip
def test_a_job_takes_as_many_items_as_the_budget_covers(left, bounds, fits):
    packing = Packing(items=9, left=None if left is None else Decimal(left))
    assert [packing.offer(1, None if each is None else Decimal(each)) for each in bounds] == fits
