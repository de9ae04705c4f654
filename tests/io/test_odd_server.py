"""What the API never does, and gateways, proxies and bugs do: a server that answers as it is told."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import BaseModel

from batchata import BatchJob, batch, build_requests, make_client, poll, submit
from batchata.errors import AmbiguousSubmitError, InputError, NotEndedError, ServiceError

CONVERSATION = [{"role": "user", "content": "hello"}]
USAGE = {"input_tokens": 10, "output_tokens": 5, "service_tier": "batch"}


class Answer(BaseModel):
    a: int


class Odd:
    """A batch API of one batch; what it says can be replaced by path."""

    def __init__(self):
        self.bodies: dict[str, list[tuple[int, str, bytes]]] = {}
        self.lines: list[bytes] = []
        odd = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.rfile.read(int(self.headers.get("content-length") or 0))
                status, kind, body = odd.answer(self.command, self.path)
                self.send_response(status)
                self.send_header("content-type", kind)
                if status != 204:
                    self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815 - the name the standard library looks for

            def log_message(self, *arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def answer(self, method, path):
        queue = self.bodies.get("create" if method == "POST" else path.rsplit("/", 1)[-1])
        if queue:
            return queue.pop(0)
        if path.endswith("/results"):
            return 200, "application/x-jsonl", b"".join(line + b"\n" for line in self.lines)
        if "/models/" in path:
            return 200, "application/json", b'{"id": "claude-haiku-5-5"}'
        return 200, "application/json", json.dumps(self.status()).encode()

    def status(self):
        counts = {"processing": 0, "succeeded": len(self.lines), "errored": 0, "canceled": 0, "expired": 0}
        return {
            "id": "msgbatch_1", "processing_status": "ended", "request_counts": counts,
            "created_at": "2026-11-01T00:00:00Z", "expires_at": "2026-11-02T00:00:00Z", "ended_at": "2026-11-01T00:01:00Z",
            "results_url": f"{self.url}/v1/messages/batches/msgbatch_1/results",
        }  # fmt: skip


@pytest.fixture
def odd():
    odd = Odd()
    yield odd
    odd.server.shutdown()
    odd.server.server_close()


@pytest.fixture
def client(odd):
    with make_client(api_key="none", base_url=odd.url) as client:
        yield client


def line(index, content='{"a": 1}', **message):
    content = [{"type": "text", "text": content}] if isinstance(content, str) else content
    message = {
        "id": "m",
        "model": "claude-haiku-5-5",
        "content": content,
        "stop_reason": "end_turn",
        "usage": USAGE,
        **message,
    }
    entry = {"custom_id": f"run-{index:06d}-1", "result": {"type": "succeeded", "message": message}}
    return json.dumps(entry).encode()


def attach(client, **arguments):
    return BatchJob.attach("msgbatch_1", response_model=Answer, client=client, **arguments)


@pytest.mark.parametrize("answer", [
    (200, "application/json", b'{"id":"msgbatch_1'), (200, "application/json", b""), (200, "application/json", b"\xff\xfe"),
    (204, "application/json", b""), (200, "text/html", b"<html>login</html>"), (200, "application/json", b"{}"), (499, "text/plain", b""),
])  # fmt: skip
def test_a_create_whose_answer_cannot_be_read_is_ambiguous(odd, client, answer):
    odd.bodies["create"] = [answer]
    with pytest.raises(AmbiguousSubmitError):
        submit(client, build_requests([CONVERSATION], model="m"))


@pytest.mark.parametrize("body", [b"<html></html>", b'{"id": "msgb', b"{}", b"[]", b'{"id": 1}'])
def test_a_poll_that_cannot_be_read_says_nothing_about_the_batch(odd, client, body):
    odd.lines = [line(0)]
    kind = "text/html" if body.startswith(b"<") else "application/json"
    odd.bodies["msgbatch_1"] = [(200, kind, body)]
    with pytest.raises(ServiceError):
        poll(client, "msgbatch_1")
    job = attach(client)
    odd.bodies["msgbatch_1"] = [(200, kind, body)]
    assert job.results()[0]["result"] == Answer(a=1)


@pytest.mark.parametrize("content", [
    "text", {"a": 1}, [None], [{"type": "text", "text": 5}], [{"type": "text", "text": "{}", "citations": [None]}],
    [{"type": "text", "text": '{"a": 1}', "citations": [{"cited_text": ["x"]}]}],
])  # fmt: skip
def test_one_odd_answer_does_not_hide_the_others(odd, client, content):
    odd.lines = [line(0), line(1, content) if not isinstance(content, str) else line(1, [content])]
    job = attach(client, enable_citations=True)
    assert job.outcomes()[0].outcome == "succeeded"
    assert job.outcomes()[1].cost > 0
    assert len(job.results()) >= 1
    assert job.stats()["total_input_tokens"] == 20


def test_an_answer_without_usage_has_no_known_cost(odd, client):
    odd.lines = [line(0), line(1, usage=None)]
    records = attach(client).outcomes()
    assert records[0].cost > 0
    assert records[1].cost is None


def test_lines_that_only_lenient_readers_take_are_taken(odd, client):
    odd.lines = [line(0).replace(b'"usage"', b'"score": NaN, "usage"'), line(1, '{"a": 1, "b": "\\ud83d"}')]
    assert len(attach(client).results()) == 2


@pytest.mark.parametrize(
    "body", [b"<html>login</html>\n", b"", line(0) + b"\n" + line(0) + b"\n", line(0)[:-5] + b"\n" + line(1) + b"\n"]
)
def test_results_that_are_not_the_items_are_read_again(odd, client, body):
    odd.lines = [line(0), line(1)]
    odd.bodies["results"] = [(200, "application/x-jsonl", body)]
    assert len(attach(client).results()) == 2


def test_what_is_missing_has_no_known_cost(odd, client):
    odd.lines = [line(0), line(0)]
    records = attach(client).outcomes()
    assert [(record.outcome, record.cost is None) for record in records] == [("succeeded", False), ("missing", True)]


def test_a_batch_that_was_made_otherwise_can_be_attached(odd, client):
    odd.lines = [line(0).replace(b"run-000000-1", b"mine"), line(1, '{"a": 2}').replace(b"run-000001-1", b"yours")]
    assert [entry["result"].a for entry in attach(client).results()] == [1, 2]


def test_many_threads_read_one_job(odd, tmp_path):
    odd.lines = [line(n) for n in range(50)]
    client = make_client(api_key="none", base_url=odd.url)
    job = BatchJob.attach("msgbatch_1", response_model=Answer, client=client, raw_results_dir=tmp_path)
    with ThreadPoolExecutor(8) as pool:
        assert {len(each) for each in pool.map(lambda _: job.results(), range(8))} == {50}
    client.close()
    assert [path.name for path in tmp_path.iterdir()] == ["msgbatch_1.jsonl"]


def test_results_that_cannot_be_kept_are_read_all_the_same(odd, client, tmp_path, caplog):
    odd.lines = [line(0)]
    (tmp_path / "file").write_text("")
    assert len(attach(client, raw_results_dir=tmp_path / "file").results()) == 1
    (tmp_path / "msgbatch_1.jsonl").mkdir()
    assert len(attach(client, raw_results_dir=tmp_path).results()) == 1
    assert caplog.text.count("not kept") == 2


def test_a_place_that_cannot_be_written_to_is_said_before_anything_is_sent(odd, client, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"`raw_results_dir` .* cannot be written to"):
        batch(messages=[CONVERSATION], client=client, raw_results_dir=tmp_path / "file")


def test_a_wait_ends_at_its_time_with_one_more_look(odd, client):
    running = {**odd.status(), "processing_status": "in_progress", "results_url": None}
    odd.bodies["msgbatch_1"] = [(200, "application/json", json.dumps(running).encode())] * 3
    job = attach(client)
    with pytest.raises(NotEndedError, match=r"has not ended after 0\.3 s"):
        job.wait(timeout=0.3)
    assert job.is_complete()
