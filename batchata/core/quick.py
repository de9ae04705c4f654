"""Quick runs: many small jobs side by side, the first ones the smallest, so that the first results come early."""

from __future__ import annotations

FIRST_ITEMS = 5
GROWTH = 1.2
"""Each job is so many times larger than the one before: 50 jobs are enough for a thousand items each in the end."""

MOST_JOBS = 50
"""In flight. Created, looked at and collected, they need half of the 1,000 requests a minute of the lowest tier."""

MOST_WAITING = 100_000
"""Items in flight, half of what the lowest tier lets wait to be processed (doc:api/rate-limits)."""


def jobs_in_flight(items_per_job: int, usual: int) -> int:
    """How many jobs a quick run has side by side, never fewer than the `usual` ones."""
    return min(MOST_JOBS, max(usual, MOST_WAITING // items_per_job))


def job_size(sent: int, waiting: int, jobs: int, most: int) -> int:
    """How many items the next job takes, at most `most`, when so many were `sent` before and so many wait.

    Job after job grows by a fifth, and by more where that would take more jobs than may be side by side: so no item
    waits for a job to end that would not in a usual run.
    """
    growth = _growth(min(sent + waiting, jobs * most), jobs)
    if growth is None:
        return most
    return max(1, min(most, round(FIRST_ITEMS + (growth - 1) * sent)))


def _growth(items: int, jobs: int) -> float | None:
    """By how much job after job has to grow so that so many jobs hold all items; None for a single job."""
    if jobs == 1:
        return None
    growth = GROWTH
    while FIRST_ITEMS * (growth**jobs - 1) / (growth - 1) < items:
        growth *= 1.02
    return growth
