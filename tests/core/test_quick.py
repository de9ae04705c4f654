"""Small jobs first: their sizes, and whole runs on a clock that is a number."""

import pytest

from batchata.core.quick import MOST_JOBS, MOST_WAITING, job_size, jobs_in_flight
from batchata.core.waiting import QUICK_LONGEST
from tests.core.clockwork import Api, Bucket, run


def sizes(items, jobs=MOST_JOBS, most=1_000):
    found = []
    while sum(found) < items:
        sent = sum(found)
        found.append(min(items - sent, job_size(sent, items - sent, jobs, most)))
    return found


@pytest.mark.parametrize(
    ("items", "jobs", "most", "expected"),
    [
        (1, 50, 1_000, [1]),
        (12, 50, 1_000, [5, 6, 1]),
        (200, 50, 1_000, [5, 6, 7, 9, 10, 12, 15, 18, 21, 26, 31, 37, 3]),
        (200, 50, 8, [5, 6, 7, *[8] * 22, 6]),
        (200, 1, 1_000, [200]),
        (5_000, 1, 1_000, [1_000] * 5),
    ],
)
def test_the_first_jobs_are_the_smallest(items, jobs, most, expected):
    assert sizes(items, jobs, most) == expected


@pytest.mark.parametrize("jobs", [2, 3, 7, 50])
@pytest.mark.parametrize("items", [10, 200, 3_000, 45_000])
def test_all_that_fits_side_by_side_is_side_by_side(items, jobs):
    """So that no item waits for a job to end that would not in a usual run."""
    found = sizes(items, jobs)
    assert found[:-1] == sorted(found[:-1])
    assert max(found) <= 1_000
    fewest = -(-items // 1_000)
    assert len(found) <= max(jobs, fewest + MOST_JOBS * 2 // 3)
    if items <= jobs * 300:
        assert len(found) <= jobs + 1


@pytest.mark.parametrize(
    ("items_per_job", "expected"), [(1, 50), (1_000, 50), (2_500, 40), (50_000, 10), (100_000, 10)]
)
def test_what_is_in_flight_fits_into_the_queue_of_the_api_or_is_what_it_always_is(items_per_job, expected):
    jobs = jobs_in_flight(items_per_job, usual=10)
    assert jobs == expected
    assert jobs == 10 or jobs * items_per_job <= MOST_WAITING


@pytest.mark.parametrize(("seconds", "per_item"), [(60, 5), (60, 0.1), (600, 0)])
@pytest.mark.parametrize("items", [1, 200, 1_200])
def test_the_first_result_comes_with_the_first_small_job_and_the_last_no_later_than_usual(seconds, per_item, items):
    """A call takes 0.3 s; what a look too late costs, ten seconds at most here, is not what the jobs cost."""
    quick, usual = Api(seconds, per_item, Bucket(1_000)), Api(seconds, per_item, Bucket(1_000))
    soon, later = run(quick, items, quick=True), run(usual, items)
    assert sum(count for _, count in soon.settled) == sum(count for _, count in later.settled) == items
    assert soon.settled[0][1] <= 5
    assert soon.first <= seconds + per_item * 5 + QUICK_LONGEST + 2
    assert soon.last <= later.last + QUICK_LONGEST
    ends = [max(ends for _, ends in api.batches.values()) for api in (quick, usual)]
    assert ends[0] <= ends[1] + 2
    assert not quick.refused


def test_two_hundred_items_of_a_believable_api():
    """A minute and five seconds an item: 78 s and 254 s, instead of 1,098 s for the first and the last."""
    soon, later = run(Api(60, 5), 200, quick=True), run(Api(60, 5), 200)
    assert (round(soon.first), soon.sizes[0]) == (78, 5)
    assert soon.last < 300
    assert later.first == later.last > 1_060


@pytest.mark.parametrize(("given", "sizes", "lanes"), [
    ({"items_per_job": 50}, {50}, 4),
    ({"max_parallel_jobs": 2}, {5, 195}, 2),
    ({"items_per_job": 20, "max_parallel_jobs": 3}, {20}, 3),
])  # fmt: skip
def test_what_is_given_holds(given, sizes, lanes):
    told = run(Api(60), 200, quick=True, **given)
    assert set(told.sizes) == sizes
    assert told.in_flight == lanes


def test_looking_keeps_to_its_share_of_the_requests():
    """Fifty batches of five minutes: half of 1,000 requests a minute, however often they could be looked at."""
    api = Api(300)
    told = run(api, 50, quick=True, items_per_job=1)
    assert told.in_flight == MOST_JOBS
    assert api.calls["Look"] / 5 <= 500


def test_items_that_are_sent_again_are_a_job_of_their_own_size():
    assert job_size(200, 3, MOST_JOBS, 1_000) >= 3
