"""The example automation: made by the command of the README, and it fires."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from uuid import uuid4

import pytest
import yaml
from pydantic import ValidationError

from batchata import BatchManager

pytestmark = pytest.mark.filterwarnings("default")  # Prefect's own warnings are not ours to fail on

EXAMPLE = Path(__file__).parents[2] / "examples" / "automations.yaml"
NO_BLOCK = "the-id-of-your-notification-block"


@pytest.fixture
def mailbox():
    """Somebody who is notified by a webhook."""
    received, arrived = [], threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()
            arrived.set()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", received, arrived
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_place_of_the_id_is_not_taken_for_one():
    from prefect.events.schemas.automations import AutomationCore

    [automation] = yaml.safe_load(EXAMPLE.read_text())["automations"]
    with pytest.raises(ValidationError, match="block_document_id"):
        AutomationCore.model_validate(automation)
    automation["actions"][0]["block_document_id"] = str(uuid4())
    assert AutomationCore.model_validate(automation).enabled


def test_somebody_is_told_that_items_failed(inside, mailbox, tmp_path, client, simulator):
    from prefect.blocks.notifications import CustomWebhookNotificationBlock
    from prefect.client.orchestration import get_client

    url, received, arrived = mailbox
    data = {"subject": "{{subject}}", "body": "{{body}}"}
    block = CustomWebhookNotificationBlock(name="test", url=url, method="POST", json_data=data)
    block_id = block.save(f"mailbox-{uuid4().hex[:8]}")
    example = tmp_path / "automations.yaml"
    example.write_text(EXAMPLE.read_text().replace(NO_BLOCK, str(block_id)))
    inside.prefect("automation", "create", "--from-file", str(example))
    with get_client(sync_client=True) as api:
        [made] = [
            each for each in api.request("POST", "/automations/filter", json={}).json() if "batchata" in each["name"]
        ]
        try:
            assert made["enabled"]
            simulator.faults.outcome("refused", indices=[1])
            messages = [[{"role": "user", "content": f"Name: Person{number}"}] for number in range(3)]
            state = tmp_path / "mails.jsonl"
            summary = BatchManager(messages, state_path=state, client=client, cache=False, orchestrator="prefect").run()
            assert summary["failed_items"] == 1
            assert arrived.wait(30)
        finally:
            api.request("DELETE", f"/automations/{made['id']}")
    [told] = received
    assert told["subject"] == "mails: 1 item failed"
    assert re.match(r"2 of 3 items succeeded, 1 failed\. Spent: \$0\.\d*[1-9]\d*; there is no limit\.\n", told["body"])
    assert "/flow-run/" in told["body"]
