"""What the log says of a job that is settled."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from batchata.core.events import Again, Ending, Settled
from batchata.core.jobwords import job_sentence

CENT = Decimal("0.001")


def settled(kinds, **more):
    endings = [Ending(index, kind, CENT) for index, kind in enumerate(kinds)]
    return Settled(at=datetime(2026, 11, 22, tzinfo=UTC), job=1, endings=endings, cost=CENT * len(kinds), **more)


@pytest.mark.parametrize(
    ("event", "causes", "left", "told"),
    [
        (settled(["succeeded"] * 3), [], 27, "3 of 3 succeeded, $0.003; 27 items left"),
        (settled(["succeeded"], cached=1), [], 0, "1 of 1 succeeded, 1 from the cache, $0.001; 0 items left"),
        (
            settled(["succeeded", "refused"]), ["refused: the model refused"], 1,
            "1 of 2 succeeded, 1 failed (refused: the model refused), $0.002; 1 item left",
        ),
        (
            settled(["refused", "refused", "invalid"]), ["refused: no", "refused: no", "invalid: it holds none: 'Max'"], 1,
            "0 of 3 succeeded, 3 failed (mostly refused: no), $0.003; 1 item left",
        ),
        (
            settled(["invalid"]), ["invalid: the answer holds no JSON: 'Max Mustermann'"], 0,
            "0 of 1 succeeded, 1 failed (invalid: the answer holds no JSON), $0.001; 0 items left",
        ),
        (
            settled(["truncated"], again=[Again(4, "expired", None, None)], pending=[5, 6]), [None, None], 3,
            "0 of 4 succeeded, 1 failed, 1 to be sent again (truncated, expired), 2 wait as before, $0.001 and 1 of unknown cost; 3 items left",
        ),
    ],
)  # fmt: skip
def test_a_settled_job_in_one_line(event, causes, left, told):
    assert job_sentence(event, causes, left) == f"job 1 settled: {told}"
