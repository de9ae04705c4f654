from datetime import UTC, datetime, timedelta

import pytest

from batchata import build_requests, make_client, poll, submit
from batchata.errors import AmbiguousSubmitError, CredentialsError, RequestRefusedError, ServiceError
from batchata.io.lost import LostAndFound, batches_since
from batchata.simulator import AfterLooks, OnClock, Simulator

CONVERSATION = [{"role": "user", "content": "hello"}]
BEGUN = datetime.now(UTC)


def send(client, count=3, run_id="run"):
    return submit(client, build_requests([CONVERSATION] * count, model="claude-haiku-5-5", run_id=run_id))


def items(count=3, attempt=1):
    return frozenset((index, attempt) for index in range(count))


def look(client, lost=None, *, wanted=None, total=3, since=BEGUN, known=()):
    return (lost or LostAndFound("run")).find(client, wanted or items(), total=total, since=since, known=known)


def look_that_may_fail(client, lost):
    try:
        return look(client, lost)
    except (ServiceError, RequestRefusedError):
        return "failed"


def reads(simulator):
    return simulator.state()["calls"].get("results", 0)


def test_a_batch_that_has_ended_is_found_by_its_first_line(client, simulator):
    send(client, run_id="other")
    mine = send(client)
    send(client, 4)
    poll(client, mine)
    for batch in list(batches_since(client, BEGUN)):
        poll(client, batch.batch_id)
    assert look(client) == mine
    assert reads(simulator) <= 2


def test_where_there_is_none_there_is_none(client, simulator):
    assert look(client) == []
    for count in (2, 4):
        poll(client, send(client, count))
    assert look(client) == []
    assert reads(simulator) == 0


def test_one_that_runs_may_be_it_until_it_has_ended():
    with Simulator(progress=AfterLooks(2)) as url, make_client(api_key="none", base_url=url) as client:
        mine, other = send(client), send(client, run_id="other")
        lost = LostAndFound("run")
        assert look(client, lost) == [other, mine]
        for _ in range(2):
            poll(client, other)
        assert look(client, lost) == [mine]
        for _ in range(2):
            poll(client, mine)
        assert look(client, lost) == mine


def test_those_of_other_runs_are_read_once(client, simulator):
    """Of the same total, and with a name that only begins like ours."""
    for name in ("other", "run-000000", "ru", "runn"):
        poll(client, send(client, run_id=name))
    lost = LostAndFound("run")
    for _ in range(3):
        assert look(client, lost) == []
        assert reads(simulator) == 4


@pytest.mark.parametrize("wanted", [items(attempt=2), frozenset({(7, 1), (8, 1), (9, 1)})])
def test_another_job_of_the_same_run_is_not_it_but_may_be_asked_for(client, wanted):
    mine = send(client)
    poll(client, mine)
    lost = LostAndFound("run")
    assert look(client, lost, wanted=wanted) == []
    assert look(client, lost) == mine


def test_known_ones_are_passed_over_and_not_read(client, simulator):
    mine = send(client)
    poll(client, mine)
    assert look(client, known={mine: 1}) == []
    assert look(client, known={mine: 1}.keys()) == []
    assert reads(simulator) == 0


def test_more_than_a_page_of_batches_is_looked_through(client):
    mine = send(client)
    others = [send(client, 1, "other") for _ in range(205)]
    poll(client, mine)
    assert look(client) == mine
    found = [each.batch_id for each in batches_since(client, BEGUN - timedelta(hours=1))]
    assert found == [*reversed(others), mine]


def test_a_list_of_exactly_one_page(client):
    mine = [send(client, 1) for _ in range(100)]
    assert [each.batch_id for each in batches_since(client, BEGUN - timedelta(hours=1))] == mine[::-1]


def test_older_ones_are_not_looked_at_but_clocks_may_be_apart(client, simulator):
    mine = send(client)
    poll(client, mine)
    now = datetime.now(UTC)
    assert look(client, since=now + timedelta(hours=24)) == mine
    assert look(client, since=now + timedelta(hours=26)) == []


def test_one_whose_results_are_gone_is_not_it(client, simulator):
    mine = send(client)
    poll(client, mine)
    simulator.advance(29 * 86_400 + 1)
    assert look(client) == []


def test_a_failed_look_is_an_error_and_not_an_answer(client, simulator):
    once = client.with_options(max_retries=0)
    mine = send(client)
    poll(client, mine)
    lost = LostAndFound("run")
    for endpoint in ("list", "results"):
        for status, error in ((529, ServiceError), (401, CredentialsError)):
            simulator.faults.fail(endpoint, status)
            with pytest.raises(error):
                look(once, lost)
        simulator.faults.drop(endpoint)
        with pytest.raises(ServiceError):
            look(once, lost)
    assert look(once, lost) == mine


@pytest.mark.parametrize(
    "fault", [{"after_lines": 0}, {"after_lines": 0, "inside": True}, {"after_lines": 0, "abrupt": True}]
)
def test_a_stream_that_is_cut_before_its_first_line_says_nothing(client, simulator, fault):
    """Taken for somebody else's, the batch would be sent again and paid for twice."""
    once = client.with_options(max_retries=0)
    mine = send(client)
    poll(client, mine)
    lost = LostAndFound("run")
    simulator.faults.cut(**fault)
    assert look_that_may_fail(once, lost) in ("failed", [mine])
    assert look(once, lost) == mine


def test_a_refused_read_of_results_does_not_hide_the_batch(client, simulator):
    """A gateway's 404 is a look that failed: the results of a batch that is minutes old are there."""
    once = client.with_options(max_retries=0)
    mine = send(client)
    poll(client, mine)
    lost = LostAndFound("run")
    simulator.faults.fail("results", 404)
    assert look_that_may_fail(once, lost) in ("failed", [mine])
    assert look(once, lost) == mine


def test_blank_lines_before_the_first_one_are_passed_over(client, simulator):
    mine = send(client)
    poll(client, mine)
    simulator.faults.blank_lines(1)
    assert look(client) == mine


def test_an_answer_that_was_lost_after_create_took_effect_is_found_again(client, simulator):
    simulator.faults.drop("create", "after")
    with pytest.raises(AmbiguousSubmitError):
        send(client)
    [batch] = batches_since(client, BEGUN - timedelta(hours=1))
    assert look(client) == batch.batch_id


def test_two_lost_jobs_of_one_run_are_told_apart():
    """While they run either may be the one; ended they say which they are."""
    simulator, lost = Simulator(seed=7, progress=OnClock(60)), LostAndFound("run")
    with simulator as url, make_client(api_key="none", base_url=url) as client:
        first = send(client)
        second = submit(client, build_requests([CONVERSATION] * 6, model="claude-haiku-5-5", run_id="run")[3:])
        assert look(client, lost) == [second, first]
        simulator.advance(61)
        assert look(client, lost) == first
        assert look(client, lost, wanted=frozenset((index, 1) for index in (3, 4, 5))) == second
