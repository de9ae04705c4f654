import orjson
import pytest

from batchata import build_requests, poll, stream_results, submit
from batchata.errors import ForeignResultsUrlError, IncompleteResultsError, NotEndedError, ServiceError
from batchata.io.downloads import READINGS
from batchata.simulator import AfterLooks, Simulator

CONVERSATION = [{"role": "user", "content": "hello"}]
COUNT = 20


@pytest.fixture
def batch_id(client):
    return submit(client, build_requests([CONVERSATION] * COUNT, model="claude-haiku-5-5"))


def ids(lines):
    return [orjson.loads(line)["custom_id"] for line in lines]


def reads(simulator):
    return simulator.state()["calls"].get("results", 0)


def test_every_request_has_its_line_in_an_order_of_the_api(client, batch_id):
    found = ids(stream_results(client, batch_id))
    assert len(set(found)) == COUNT
    assert found != sorted(found)


@pytest.mark.parametrize("cut", [
    {"after_lines": 7}, {"after_lines": 0}, {"after_lines": 7, "inside": True}, {"after_lines": 7, "abrupt": True},
    {"after_lines": 7, "inside": True, "abrupt": True}, {"after_lines": 7, "times": READINGS - 1},
])  # fmt: skip
def test_a_cut_stream_is_read_again_and_nothing_comes_twice(client, simulator, batch_id, cut):
    simulator.faults.cut(**cut)
    assert len(set(ids(stream_results(client, batch_id)))) == COUNT
    assert reads(simulator) == cut.get("times", 1) + 1


@pytest.mark.parametrize("abrupt", [False, True])
def test_a_stream_that_stays_short_gives_what_there_is_and_then_says_so(client, simulator, batch_id, abrupt):
    simulator.faults.cut(7, inside=True, abrupt=abrupt, times=None)
    lines = []
    with pytest.raises(IncompleteResultsError, match="7 of 20") as caught:
        lines.extend(stream_results(client, batch_id))
    assert len(ids(lines)) == caught.value.read == 7


def test_blank_lines_are_passed_over(client, simulator, batch_id):
    simulator.faults.blank_lines(2)
    assert len(set(ids(stream_results(client, batch_id)))) == COUNT


def test_the_key_is_not_sent_to_a_foreign_host(client, simulator):
    simulator.faults.results_url("http://127.0.0.2:9/v1/results")
    batch_id = submit(client, build_requests([CONVERSATION], model="claude-haiku-5-5"))
    with pytest.raises(ForeignResultsUrlError, match=r"127\.0\.0\.2:9"):
        list(stream_results(client, batch_id))


def test_there_are_no_results_before_the_end():
    from batchata import make_client

    with Simulator(progress=AfterLooks(50)) as url, make_client(api_key="none", base_url=url) as client:
        batch_id = submit(client, build_requests([CONVERSATION] * 2, model="claude-haiku-5-5"))
        with pytest.raises(NotEndedError, match="2 of 2 requests are being processed"):
            list(stream_results(client, batch_id))


def test_a_busy_api_is_asked_again_and_then_given_up(client, simulator, batch_id):
    simulator.faults.fail("retrieve", 529, times=1)
    assert poll(client, batch_id).is_ended
    simulator.faults.fail("retrieve", 529, times=None)
    with pytest.raises(ServiceError, match="HTTP 529"):
        poll(client.with_options(max_retries=0), batch_id)
