"""What a run and its shards tell each other through a real server, over a line that fails."""

from contextlib import closing

import pytest
from httpx import ReadError

from batchata.orchestration.exchange import Mailbox, Notice
from batchata.orchestration.server import Line

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
    from prefect import flow
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
