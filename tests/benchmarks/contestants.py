"""The same work done three ways, each in a process of its own; prints its figures as JSON."""

import json
import resource
import sys
import time
from datetime import datetime
from functools import partial
from typing import Literal

from pydantic import BaseModel

MODEL = "claude-haiku-5-5"


class Spam(BaseModel):
    is_spam: bool
    confidence: float
    kind: Literal["advert", "fraud", "personal", "work"]
    reason: str


def messages(count: int) -> list[list[dict[str, str]]]:
    return [[{"role": "user", "content": f"Message {n}: you have won $1000, click here"}] for n in range(count)]


def output_format() -> dict:
    schema = Spam.model_json_schema()
    return {"format": {"type": "json_schema", "schema": {**schema, "additionalProperties": False}}}


def plain_requests(conversations: list) -> list[dict]:
    config = output_format()
    return [
        {
            "custom_id": f"item-{n}",
            "params": {"model": MODEL, "max_tokens": 16_000, "messages": each, "output_config": config},
        }
        for n, each in enumerate(conversations)
    ]


def floor(url: str, conversations: list) -> int:
    """httpx, orjson and Pydantic with nothing between them."""
    import httpx2
    import orjson

    headers = {"authorization": "Bearer none", "anthropic-version": "2026-10-21", "content-type": "application/json"}
    with httpx2.Client(base_url=url, headers=headers, timeout=600) as client:
        body = orjson.dumps({"requests": plain_requests(conversations)})
        status = client.post("/v1/messages/batches", content=body).json()
        while status["processing_status"] != "ended":
            status = client.get(f"/v1/messages/batches/{status['id']}").json()
        found = {}
        with client.stream("GET", status["results_url"]) as response:
            for line in response.iter_lines():
                entry = orjson.loads(line)
                message = entry["result"]["message"]
                text = next(block["text"] for block in message["content"] if block["type"] == "text")
                found[entry["custom_id"]] = Spam.model_validate_json(text)
    return len(found)


def sdk(url: str, conversations: list) -> int:
    """The loop of the SDK's documentation."""
    import anthropic

    with anthropic.Anthropic(api_key="none", base_url=url) as client:
        status = client.messages.batches.create(requests=plain_requests(conversations))
        while status.processing_status != "ended":
            status = client.messages.batches.retrieve(status.id)
        found = {}
        for entry in client.messages.batches.results(status.id):
            text = next(block.text for block in entry.result.message.content if block.type == "text")
            found[entry.custom_id] = Spam.model_validate_json(text)
    return len(found)


def batchata(url: str, conversations: list) -> int:
    from batchata import batch, make_client

    with make_client(api_key="none", base_url=url) as client:
        job = batch(messages=conversations, model=MODEL, response_model=Spam, client=client)
        return len(job.results())


def manager(url: str, conversations: list, *, items_per_job: int, orchestrator: str, progress: list[float]) -> int:
    """A whole run from an empty folder to the results; `progress` gets when each job was settled."""
    import tempfile
    from pathlib import Path

    from batchata import BatchManager, make_client

    with tempfile.TemporaryDirectory() as folder, make_client(api_key="none", base_url=url) as client:
        run = BatchManager(
            messages=conversations, model=MODEL, response_model=Spam, items_per_job=items_per_job, max_parallel_jobs=5,
            state_path=Path(folder) / "ledger", cache=Path(folder) / "cache", orchestrator=orchestrator, client=client,
        )  # fmt: skip
        run.run()
        for line in run.state_path.read_bytes().splitlines():
            event = json.loads(line)
            if event["event"] == "settled":
                progress.append(datetime.fromisoformat(event["at"]).timestamp())
        return len(run.results())


def submit(url: str, count: int) -> dict:
    from batchata import build_requests, get_model, make_client
    from batchata import submit as send

    with make_client(api_key="none", base_url=url) as client:
        info = get_model(client, MODEL)
        requests = build_requests(messages(count), model=MODEL, response_model=Spam, model_info=info)
        return {"batch_id": send(client, requests)}


def stream(url: str, batch_id: str, count: int) -> dict:
    from batchata import make_client, parse, stream_results

    with make_client(api_key="none", base_url=url) as client:
        done = sum(parse(line, Spam).kind == "succeeded" for line in stream_results(client, batch_id))
    if done != count:
        raise SystemExit(f"{done} of {count} results")
    return {"peak_mb": peak_mb()}


def invoices(count: int) -> dict[str, list[float]]:
    """Microseconds for each invoice of the corpus, by the shape of the answer."""
    from batchata import parse
    from tests.corpus import CASES, SHAPES

    return {
        name: [
            timed(partial(parse, line, case.model, enable_citations=True), count) for case, line in lines(shape, CASES)
        ]
        for name, shape in SHAPES.items()
    }


def lines(shape, cases) -> list[tuple]:
    def line(case) -> bytes:
        message = {"model": MODEL, "stop_reason": "end_turn", "content": shape(case), "usage": {}}
        return json.dumps({"custom_id": "run-000000-1", "result": {"type": "succeeded", "message": message}}).encode()

    return [(case, line(case)) for case in cases if "invoice" in case.name]


def timed(work, count: int) -> float:
    """The quickest of `count` runs: what the work costs when the machine does nothing else."""
    best = float("inf")
    for _ in range(count):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best * 1e6


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def grows(settled: list[float]) -> float:
    """How much longer the last fifth of the jobs took than the second one (the first one warms up)."""
    fifth = len(settled) // 5
    early = settled[2 * fifth] - settled[fifth]
    return (settled[5 * fifth - 1] - settled[4 * fifth - 1]) / early


def run_of(url: str, count: int, per_job: int, orchestrator: str) -> dict[str, float]:
    settled: list[float] = []
    work = partial(manager, items_per_job=per_job, orchestrator=orchestrator, progress=settled)
    figures = race(work, url, count)
    return figures | ({"growth": grows(settled)} if len(settled) >= 50 else {})


def race(work, url: str, count: int) -> dict[str, float]:
    import anthropic  # noqa: F401 - so that nobody's time holds an import
    import httpx2  # noqa: F401
    import prefect.results  # noqa: F401

    import batchata.manager  # noqa: F401

    conversations = messages(count)
    wall, cpu = time.perf_counter(), time.process_time()
    done = work(url, conversations)
    figures = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "peak_mb": peak_mb()}
    if done != count:
        raise SystemExit(f"{done} of {count} results")
    return figures


def main() -> None:
    name, url, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if name == "submit":
        figures = submit(url, count)
    elif name.startswith("stream:"):
        figures = stream(url, name.removeprefix("stream:"), count)
    elif name.startswith("manager:"):
        per_job, orchestrator = name.split(":")[1:]
        figures = run_of(url, count, int(per_job), orchestrator)
    elif name == "invoices":
        figures = invoices(count)
    else:
        figures = race({"floor": floor, "sdk": sdk, "batchata": batchata}[name], url, count)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
