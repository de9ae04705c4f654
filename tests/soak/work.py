"""What a worker of the soak does: orders to read whose answers are known, and a report of what came of them."""

import json
import logging
import os
import sys
from pathlib import Path

from pydantic import BaseModel

from batchata import BatchManager, load_results_from_disk

MODEL = "claude-haiku-5-5"
OPTIONS = {"items_per_job": 10, "max_parallel_jobs": 4, "cache": False, "lost_after": 1.5}


class Order(BaseModel):
    order_number: str
    quantity: int


def orders(label, count):
    """Conversations of which no two are the same, in this round or in another one."""
    return [[{"role": "user", "content": f"Order number: {label}-{n:04d}\nQuantity: {n + 7}"}] for n in range(count)]


def answers(label, count):
    """What the orders say, in the same order."""
    return [{"order_number": f"{label}-{n:04d}", "quantity": n + 7} for n in range(count)]


def manager_of(job):
    """The manager that a job describes: `folder`, `label`, `items`, `options`."""
    folder = Path(job["folder"])
    return BatchManager(
        messages=orders(job["label"], job["items"]),
        model=MODEL,
        response_model=Order,
        state_path=ledger_of(folder),
        results_dir=folder / "results",
        **{**OPTIONS, **job.get("options", {})},
    )


def ledger_of(folder):
    return Path(folder) / "ledger.jsonl"


def report_of(folder):
    return Path(folder) / "report.json"


def work(job):
    """Runs to the end and writes down what the public interface says then."""
    os.environ |= {"ANTHROPIC_API_KEY": "soak", "ANTHROPIC_BASE_URL": job["url"], "HOME": job["folder"]}
    os.chdir(job["folder"])
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(process)d %(levelname)s %(message)s")
    logging.getLogger("batchata").setLevel(logging.INFO)
    manager = manager_of(job)
    report = {"summary": manager.run()}
    report["outcomes"] = [
        {"index": each.index, "outcome": each.outcome, "result": each.result and each.result.model_dump()}
        | {"cost": str(each.cost), "batch_id": each.batch_id, "reason": each.reason}
        for each in manager.outcomes()
    ]
    report["results"] = [each["result"].model_dump() for each in manager.results()]
    report["loaded"] = [
        each["result"].model_dump() for each in load_results_from_disk(manager.results_dir, Order)
    ] if report["results"] else []  # fmt: skip
    report["again"] = manager_of(job).run()
    partial = report_of(job["folder"]).with_suffix(".partial")
    partial.write_text(json.dumps(report))
    partial.replace(report_of(job["folder"]))
