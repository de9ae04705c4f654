"""What a run and its shards tell each other through a real server, over a line that fails."""

import time
from concurrent.futures import Future
from contextlib import closing
from uuid import uuid4

import pytest
from httpx import ReadError
from prefect import flow

from batchata.core.measured import Measure
from batchata.errors import ForgottenRunError, LostWorkerError
from batchata.orchestration import shards
from batchata.orchestration.claims import take
from batchata.orchestration.crews import RunnerCrew
from batchata.orchestration.exchange import Exchange, Mailbox, Notice
from batchata.orchestration.server import Line
from batchata.orchestration.sharding import ShardCrew, _Shard
from batchata.running.errands import Parcel
from batchata.running.probing import sweep

STEP, PARCEL = Measure(1, [], limited=False), Parcel(b"", "nobody")

pytestmark = pytest.mark.filterwarnings("default")  # Prefect's own warnings are not ours to fail on


class Poor(Line):
    """The answer to one of its calls is lost on the way."""

    calls, lost = 0, 0

    def call(self, function):
        self.calls += 1
        found = super().call(function)
        if self.calls == self.lost:
            raise ReadError("the connection was reset")
        return found


@pytest.mark.parametrize("lost", [2, 3, 4])
def test_a_notice_that_was_read_is_not_lost_with_the_answer_to_its_removal(inside, lost):
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        run = client.create_flow_run(flow(lambda: None, name="nothing")).id
    with closing(Line()) as line, closing(Poor()) as poor:
        sender, receiver = Mailbox(line), Mailbox(poor)
        for number in range(3):
            sender.post(run, "order", Notice(number=number))
        poor.lost = lost
        heard = [each.number for each in receiver.read(run, "order")]
        heard += [each.number for each in receiver.read(run, "order")]
    assert sorted(heard) == [0, 1, 2]


def crew_with_one_shard_in(folder):
    """Whose flow run the server does not know any more."""
    crew = ShardCrew(1, "work-shard/work-shard")
    crew._exchange, crew._own = Exchange.of_run(folder, "run"), uuid4()
    crew._exchange.open()
    crew._shards[0] = _Shard(0, uuid4(), heard=time.monotonic())
    crew._listen()
    return crew


@pytest.mark.parametrize("is_closed", [False, True])
def test_an_errand_of_a_shard_that_will_never_tell_counts_as_lost(inside, tmp_path, is_closed):
    """Its flow run was deleted, or the crew rests while it is at work: nobody waits for ever."""
    crew, told = crew_with_one_shard_in(tmp_path), Future()
    with closing(crew):
        assert crew.give(STEP, PARCEL, "", told.set_result)
        if is_closed:
            crew.close()
        assert isinstance(told.result(timeout=60), LostWorkerError)
        assert not crew.give(STEP, PARCEL, "", told.set_result)
    assert not list(tmp_path.iterdir())


def test_an_errand_for_a_cluster_that_is_gone_counts_as_lost():
    from prefect.task_runners import ThreadPoolTaskRunner

    told = Future()
    assert RunnerCrew(ThreadPoolTaskRunner()).give(STEP, PARCEL, "", told.set_result)
    assert isinstance(told.result(timeout=0), LostWorkerError)


def test_a_right_of_a_flow_run_that_was_deleted_is_nobodys(inside):
    with pytest.raises(ForgottenRunError, match="does not know the flow run"):
        take(str(uuid4()), "claim-run-1")


@pytest.mark.parametrize(
    ("knows", "clears", "silent", "why"),
    [
        (True, False, 10, ""),
        (True, False, 100, ""),
        (True, True, 100, "went on without it"),
        (True, False, 200, "nothing was heard"),
        (False, False, 100, "has ended"),
    ],
)
def test_a_shard_whose_run_was_killed_ends_and_leaves_nothing(inside, tmp_path, knows, clears, silent, why):
    """Known to the server or not, with the files that the run left, or after the next one cleared them away."""
    exchange = Exchange.of_run(tmp_path, "run")
    exchange.open()
    with closing(Line()) as line:
        run = line.call(lambda client: client.create_flow_run(flow(lambda: None, name="nothing"))).id
        shard = shards._Shard(uuid4(), run if knows else uuid4(), 0, exchange, None, Mailbox(line))
        if clears:
            sweep(tmp_path, "run")
        assert why in shard._forsaken(silent)
        assert bool(shard._forsaken(silent)) == bool(why)
    assert bool(list(tmp_path.iterdir())) == (not why)
