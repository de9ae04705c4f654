"""When somebody is told of a run, and in which words."""

from decimal import Decimal

import pytest

from batchata.core.attention import Known, attention, known_of, still_known
from batchata.core.reports import Facts
from tests.core.brain_support import decided, intent, settled, state_of, submitted

FACTS = Facts("invoices", "run", "claude-haiku-5-5", "/data/state.jsonl", "/data/results")
REFUSED = settled(1, {0: "succeeded", 1: "refused"}, cost="0.0000110")
NOTHING = Known()
CANCELED = settled(2, {2: "canceled", 3: "canceled"})


def told(*events, known=NOTHING, asks=False, limit=None):
    found = attention(FACTS, known, state_of(*events, limit=limit), asks=asks)
    return found and (found["headline"], found["told"], found["newly_failed"])


def test_who_fails_is_told_of_once():
    once = "1 of 6 items succeeded, 1 failed, 4 waiting. Spent: $0.000011; there is no limit."
    assert told(REFUSED) == ("invoices: 1 item failed", once, 1)
    known = known_of(state_of(REFUSED))
    assert told(REFUSED, known=known) is None
    more = settled(2, {2: "refused", 3: "expired"})
    headline, _, new = told(REFUSED, more, known=known)
    assert (headline, new) == ("invoices: 2 items failed", 2)


def test_items_that_somebody_cancelled_are_no_failures():
    assert told(CANCELED) is None
    _, text, new = told(REFUSED, CANCELED)
    assert (text.partition(".")[0], new) == ("1 of 6 items succeeded, 1 failed, 2 canceled, 2 waiting", 1)


def test_what_is_sent_again_may_fail_anew():
    known = known_of(state_of(REFUSED))
    again = [REFUSED, decided("retry", [1])]
    known = still_known(known, state_of(*again))
    assert told(*again, settled(2, {1: "refused"}), known=known) is not None


def test_the_limit_is_told_of_when_nothing_is_in_flight_that_may_free_a_part_of_it():
    reached = decided("limit_reached", limit="0.008")
    flying = [intent(2, 4), submitted(2)]
    assert told(*flying, reached, limit="0.008") is None
    headline, text, _ = told(settled(1, {0: "succeeded"}, cost="0.0057"), reached, limit="0.008")
    assert headline == "invoices: has reached its cost limit"
    assert text == "1 of 6 items succeeded, 5 waiting. Spent: $0.0057 of $0.008."
    known = known_of(state_of(reached, limit="0.008"))
    assert told(reached, limit="0.008", known=known) is None
    raised = [reached, decided("limit", limit="0.01")]
    known = still_known(known, state_of(*raised, limit="0.008"))
    assert told(*raised, decided("limit_reached", limit="0.01"), limit="0.008", known=known) is not None


@pytest.mark.parametrize("known", [Known(), Known(5, at_limit=True)])
def test_a_question_always_wants_attention(known):
    assert told(known=known, asks=True)[0] == "invoices: waits for your answer"


def test_the_payload_has_amounts_for_people_beside_the_exact_ones():
    found = attention(FACTS, Known(), state_of(REFUSED), asks=False)
    assert (found["spent"], found["limit"]) == ("$0.000011", "no limit")
    assert (Decimal(found["spent_usd"]), found["limit_usd"]) == (Decimal("0.000011"), None)
    assert found["canceled"] == 0
