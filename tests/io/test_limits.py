"""What the API says of its limits, read and kept."""

import pickle
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import partial

import pytest

from batchata import BatchManager, make_client
from batchata.core.pacing import Quota
from batchata.errors import RateLimitedError
from batchata.io.batches import poll
from batchata.io.limits import Meter, quota_of, retry_after
from batchata.io.lost import batches_since
from batchata.simulator import AtOnce, Limits, OnClock, Simulator

NOW = 1_795_348_800.0


def headers(reset, *, date=None, limit="100", remaining="40"):
    name = "anthropic-ratelimit-requests"
    told = {f"{name}-limit": limit, f"{name}-remaining": remaining}
    told[f"{name}-reset"] = reset if isinstance(reset, str) else datetime.fromtimestamp(reset, UTC).isoformat()
    return told | ({} if date is None else {"date": format_datetime(datetime.fromtimestamp(date, UTC), usegmt=True)})


@pytest.mark.parametrize(("given", "reset"), [
    (headers(NOW + 30), NOW + 30),
    (headers(NOW + 30.4, date=NOW), NOW + 30.4),
    (headers(NOW + 3_630, date=NOW + 3_600), NOW + 29),
    (headers(NOW - 3_570, date=NOW - 3_600), NOW + 30),
    (headers(NOW - 5), NOW),
])  # fmt: skip
def test_when_all_is_there_again_is_told_by_the_clock_of_the_api(given, reset):
    """Ours may be an hour off; where they agree it is the finer one."""
    quota = quota_of(given, NOW)
    assert (quota.limit, quota.remaining) == (100, 40)
    assert quota.reset == pytest.approx(reset, abs=1.01)


@pytest.mark.parametrize("given", [
    {}, headers("soon"), headers(NOW, limit="many"), headers(NOW, limit="0"), headers("2026-11-22T12:00:00"),
])  # fmt: skip
def test_what_cannot_be_read_says_nothing(given):
    assert quota_of(given, NOW) is None


@pytest.mark.parametrize(("value", "seconds"), [
    ("7", 7.0), ("0.25", 0.25), ("-3", 0.0), ("", None), ("later", None),
    (format_datetime(datetime.fromtimestamp(NOW + 90, UTC), usegmt=True), 90.0),
])  # fmt: skip
def test_when_it_may_be_asked_again(value, seconds):
    assert retry_after({"retry-after": value}, NOW) == seconds
    assert retry_after({}, NOW) is None


@pytest.mark.parametrize(("value", "seconds"), [("99999999", 3_600), ("inf", 3_600), ("nan", None)])
def test_nobody_keeps_a_run_quiet_for_ever(value, seconds):
    assert retry_after({"retry-after": value}, NOW) == seconds


def test_a_date_to_ask_again_at_is_meant_by_the_clock_of_the_api():
    """Ours is five hours late."""
    at = format_datetime(datetime.fromtimestamp(NOW + 18_030, UTC), usegmt=True)
    assert retry_after({**headers(NOW, date=NOW + 18_000), "retry-after": at}, NOW) == 30


def test_a_client_of_the_users_own_is_heard_too_whatever_it_answers():
    """Their middleware stays where it is, and a refused call tells as much as any other."""
    seen = []

    def theirs(request, call_next):
        seen.append(request.url)
        return call_next(request)

    with Simulator(limits=Limits(requests=2)) as url, make_client(api_key="any", base_url=url) as client:
        meter = Meter()
        metered = client.with_options(max_retries=0).with_middleware(theirs).with_middleware(meter)
        metered.models.list()
        assert meter.quota is None
        list(batches_since(metered, datetime.now(UTC)))
        assert meter.quota.remaining == 1
        list(batches_since(metered, datetime.now(UTC)))
        with pytest.raises(RateLimitedError, match="takes no more for the moment") as caught:
            poll(metered, "msgbatch_1")
    assert meter.quota == Quota(2, 0, meter.quota.reset)
    assert 50 < meter.quota.reset - time.time() <= 60
    assert len(seen) == 4
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.is_pace
    assert 0 < again.retry_after <= 30


def manager_of(url, folder, count, **options):
    return BatchManager(
        messages=[[{"role": "user", "content": f"Name: Person Nr{number}"}] for number in range(count)],
        model="claude-haiku-5-5", state_path=folder / "state.jsonl", cache=False, orchestrator="local",
        client=partial(make_client, api_key="any", base_url=url), **options,
    )  # fmt: skip


def test_a_run_keeps_to_the_requests_that_a_strict_api_allows(tmp_path):
    """60 jobs, 180 calls at 100 in a minute (of two seconds): no call refused, no item failed or paid twice."""
    simulator = Simulator(progress=AtOnce(), limits=Limits(requests=100, minute=2.0))
    with simulator as url:
        summary = manager_of(url, tmp_path, 60, items_per_job=1, quick=True).run()
    state = simulator.state()
    assert (summary["completed_items"], summary["failed_items"]) == (60, 0)
    assert (state["batches_created"], state["items_billed"]) == (60, 60)
    assert sum(state["rate_limited"].values()) <= 5


def test_a_full_queue_is_waited_for_and_told_once(tmp_path, caplog):
    simulator = Simulator(progress=OnClock(0.2), limits=Limits(waiting=10))
    with simulator as url:
        summary = manager_of(url, tmp_path, 30, items_per_job=5, max_parallel_jobs=6).run()
    state = simulator.state()
    assert (summary["completed_items"], summary["failed_items"]) == (30, 0)
    assert (state["batches_created"], state["items_billed"]) == (6, 30)
    assert 1 <= state["rate_limited"]["create"] <= 6
    told = [each.getMessage() for each in caplog.records if "no more for the moment" in each.getMessage()]
    assert len(told) == 1
    assert "nothing is dropped" in told[0]
