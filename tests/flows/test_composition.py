"""The verbs inside a flow of a user's own, on a real server; also shows that the installed Prefect can run one."""

import pytest
from pydantic import BaseModel

from batchata import build_requests, make_client, parse, poll, stream_results, submit
from batchata.simulator import Simulator

pytestmark = pytest.mark.filterwarnings("default")  # Prefect's own warnings are not ours to fail on


class Contact(BaseModel):
    name: str


def test_the_verbs_compose_into_a_flow(inside):
    from prefect import flow, task

    @task
    def send(url: str, names: list[str]) -> str:
        conversations = [[{"role": "user", "content": f"Name: {name}"}] for name in names]
        with make_client(api_key="none", base_url=url) as client:
            return submit(client, build_requests(conversations, model="claude-haiku-5-5", response_model=Contact))

    @task
    def collect(url: str, batch_id: str) -> list[str]:
        with make_client(api_key="none", base_url=url) as client:
            assert poll(client, batch_id).is_ended
            outcomes = [parse(line, Contact) for line in stream_results(client, batch_id)]
        return [each.result.name for each in sorted(outcomes, key=lambda each: each.custom_id)]

    @flow
    def contacts(url: str, names: list[str]) -> list[str]:
        return collect(url, send(url, names))

    with Simulator() as url:
        assert contacts(url, ["Ada Lovelace", "Alan Turing"]) == ["Ada Lovelace", "Alan Turing"]
