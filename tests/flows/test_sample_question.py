"""The form after a sample: in-process flows, answered by another process through the API."""

from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

import pytest

from batchata.core.outcomes import Succeeded
from batchata.core.records import record_of
from batchata.core.samplereport import SampleReport
from tests.flows.test_approval import answer, person, run_flow

pytestmark = pytest.mark.filterwarnings("default")  # Prefect's own warnings are not ours to fail on

GO_ON = answer(decision="continue")

REPORT = SampleReport(
    items=12,
    total=1_200,
    drawn_from=1_200,
    waiting=1_188,
    cost_per_item=Decimal("0.003"),
    forecast=Decimal("3.6"),
    low=Decimal("3.1"),
    high=Decimal("4.1"),
    spent=Decimal("0.036"),
    limit=Decimal(2),
    outcomes={"succeeded": 9, "refused": 3},
    cached=1,
    results=[
        record_of(Succeeded(custom_id="x", model="m", usage={}, result="| a `b`\n~~~\n# c"), 0, "a|b.pdf", None, None)
    ],
)


def question(**changes):
    from batchata.orchestration.sample_question import SampleQuestion

    return SampleQuestion("r1", 1, replace(REPORT, **changes))


@pytest.fixture
def name():
    return f"sampling-{uuid4().hex[:8]}"


def test_the_form_shows_what_is_decided_about(inside, name):
    with person(inside, name, GO_ON) as seen:
        assert run_flow(name, question()) == (True, "COMPLETED")
    [(status, text)] = seen
    assert status == "ACCEPT"
    for part in ("12 of 1,200 items", "$0.003, measured", "$3.60 (95 %: $3.10 to $4.10)", "$2.00, which is below",
                 "9 succeeded (75.0%), 3 refused (25.0%)", "1, which cost nothing", "1,188 items"):  # fmt: skip
        assert part in text


def test_results_are_quoted_as_they_are(inside):
    lines = question().describe().splitlines()
    first, last = [number for number, line in enumerate(lines) if set(line) == {"~"}]
    assert lines[first + 1 : last] == [r'a|b.pdf: "| a `b`\n~~~\n# c"']
    assert "~~~~" not in question(results=[]).describe()


def test_the_server_refuses_a_form_that_is_not_filled_in(inside, name):
    with person(inside, name, answer(), answer(decision="perhaps"), GO_ON) as seen:
        assert run_flow(name, question()) == (True, "COMPLETED")
    assert [status for status, _ in seen] == ["REJECT", "REJECT", "ACCEPT"]


def test_stop(inside, name):
    from batchata.orchestration.approval import Ending

    with person(inside, name, answer(decision="stop")):
        assert run_flow(name, question()) == (Ending.STOPPED, "COMPLETED")
