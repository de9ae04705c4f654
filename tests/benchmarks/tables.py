"""How much memory an export takes at 1,000, 10,000 and 100,000 rows, and whether all comes back equal.

Run: python -m tests.benchmarks.tables. Each export is a process of its own over the folder of a run, which holds what
a run writes: results of a nested response model with a citation for each field, and one item in twenty that failed.
Then the Parquet file is read again and every row compared with its record.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

PER_JOB = 1_000
RUN_ID = "run"
USAGE = {"input_tokens": 1_500, "output_tokens": 210, "cache_read_input_tokens": 0}
console = Console(width=100)


class Party(BaseModel):
    name: str
    country: str | None = None


class Line(BaseModel):
    what: str
    amount: Decimal
    pieces: int


class Invoice(BaseModel):
    number: str
    total: Decimal
    rate: float
    issued: date
    paid: bool | None = None
    reference: int | str
    vendor: Party
    lines: list[Line]
    extra: dict[str, str] = {}


def invoice(index: int) -> Invoice:
    lines = [
        Line(what=f"Delivered as agreed, item {n}", amount=Decimal(index * 7 + n) / 100, pieces=n + 1)
        for n in range(index % 5)
    ]
    return Invoice(
        number=f"INV-{index:06d}", total=sum((each.amount for each in lines), Decimal("0.00")), rate=index / 7,
        issued=date(2020, 1, 1) + timedelta(days=index % 2_000), paid=(None, True, False)[index % 3],
        reference=index if index % 2 else str(index), lines=lines, extra={f"key {index % 50}": "value"},
        vendor=Party(name=f"Müller & Söhne {index % 97}", country=("DE", None)[index % 2]),
    )  # fmt: skip


def record(index: int):
    from batchata.core.citations import Citation
    from batchata.core.leaves import leaves_of
    from batchata.core.outcomes import Errored, Missing, Succeeded
    from batchata.core.records import record_of

    custom_id, source = f"{RUN_ID}-{index:06d}-1", f"invoices/{index:06d}.pdf"
    if index % 20 == 19:
        failed = (Errored(custom_id=custom_id, error_type="api_error", message="it broke"),
                  Missing(custom_id=custom_id, problem="no line is about it"))[index % 40 == 19]  # fmt: skip
        return record_of(failed, index, source, "msgbatch_1", Decimal(0) if index % 40 != 19 else None)
    result = invoice(index)
    cited = {
        leaf.path: [Citation(cited_text=f"line {n} of the page", type="page_location", start_page=n % 3 + 1,
                             end_page=n % 3 + 1, document_index=0, source_file=source, match="label")] if n % 6 else []
        for n, leaf in enumerate(leaves_of(result, None))
    }  # fmt: skip
    done = Succeeded(custom_id=custom_id, model="claude-haiku-5-5", usage=USAGE, result=result, citations=cited,
                     answer=result.model_dump_json())  # fmt: skip
    return record_of(done, index, source, "msgbatch_1", Decimal(index % 977 + 1) / 10**7)


def make(folder: Path, count: int) -> None:
    """The folder as a run leaves it."""
    from batchata.core.events import Ending, ItemsAdded, RunStarted, Settled, encoded
    from batchata.core.fingerprints import model_fingerprint
    from batchata.core.processed import line_of
    from batchata.io.results import ResultsFolder
    from batchata.runs.folder import RunFolder
    from batchata.runs.spec import spec_of

    run = RunFolder(folder)
    run.describe(spec_of({"files": ["invoices"], "prompt": "Extract.", "response_model": f"{__spec__.name}:Invoice"}))
    settings = {"response_model": model_fingerprint(Invoice), "enable_citations": "True"}
    now, results = datetime.now(UTC), ResultsFolder(run.results, RUN_ID)
    with run.ledger.open("wb") as ledger:
        started = RunStarted(at=now, run_id=RUN_ID, version="0", model="claude-haiku-5-5", settings=settings)
        ledger.write(encoded(started))
        names = [f"invoices/{index:06d}.pdf" for index in range(count)]
        ledger.write(encoded(ItemsAdded(at=now, first=0, names=names)))
        for job, first in enumerate(range(0, count, PER_JOB), start=1):
            records = [record(index) for index in range(first, min(first + PER_JOB, count))]
            with results.writing(job) as file:
                file.writelines(line_of(each, run_id=RUN_ID, attempt=1) for each in records)
            endings = [Ending(each.index, each.outcome, each.cost) for each in records]
            cost = sum((each.cost or 0 for each in records), Decimal(0))
            ledger.write(encoded(Settled(at=now, job=job, batch_id=f"msgbatch_{job}", endings=endings, cost=cost)))


def exported(folder: Path, to: str) -> None:
    from batchata.runs.exporting import export_run
    from batchata.runs.folder import RunFolder

    begun = time.perf_counter()
    rows = export_run(RunFolder(folder), folder / to).rows
    seconds, peak = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rows": rows, "seconds": seconds, "cpu": time.process_time(), "peak_mb": peak}))


def check(folder: Path, count: int) -> None:
    """Every row of the Parquet file against the record that it was made of. Raises SystemExit for one that differs."""
    import pyarrow.parquet as pq

    from tests.tables.support import citations_of, plainly

    index = 0
    with pq.ParquetFile(folder / "out.parquet") as file:
        for batch in file.iter_batches(1_000):
            for row in batch.to_pylist():
                found = {field.name: plainly(field, row[field.name]) for field in batch.schema}
                if as_record(found, citations_of) != as_expected(record(index)):
                    raise SystemExit(f"row {index} is not equal: {found}")
                index += 1
    if index != count:
        raise SystemExit(f"{index} of {count} rows came back")
    print(json.dumps({"rows": index}))


def as_record(row, citations_of):
    cited = row["citations"]
    return {
        **{name: row[name] for name in ("index", "source", "outcome", "reason", "cost", "model", "batch_id")},
        "result": None if row["result"] is None else Invoice.model_validate(row["result"]),
        "citations": citations_of(cited and [{key: value for key, value in each.items() if key == "field" or value
                                              is not None} for each in cited]),
        "tokens": [row[f"{name}_tokens"] for name in ("input", "output", "cache_read", "cache_write")],
        "page": (row["page"] or {}).get("total"),
    }  # fmt: skip


def as_expected(each):
    usage, cited = each.usage or {}, (each.citations or {}).get("total")
    plain = {name: getattr(each, name) for name in ("index", "source", "outcome", "cost", "batch_id", "result")}
    return plain | {
        "reason": each.reason or None, "model": getattr(each.detail, "model", None), "citations": each.citations,
        "tokens": [usage.get("input_tokens"), usage.get("output_tokens"), usage.get("cache_read_input_tokens"), None],
        "page": cited[0].start_page if cited else None,
    }  # fmt: skip


def run(what: str, *arguments: object) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.tables", what, *map(str, arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout or "{}")


def whole(counts: list[int], formats: list[str]) -> None:
    table = Table(title="export of a run with nested results and citations, each in a process of its own")
    for name in ("rows", "to", "MB written", "seconds", "CPU s", "peak MB", "above the first", "came back equal"):
        table.add_column(name, justify="right")
    first: dict[str, float] = {}
    for count in counts:
        with tempfile.TemporaryDirectory(prefix="batchata-") as name:
            run("make", name, count)
            for each in formats:
                figures = run("export", name, f"out.{each}")
                first.setdefault(each, figures["peak_mb"])
                row = shown(figures, first[each], (Path(name) / f"out.{each}").stat().st_size)
                equal = f"{run('check', name, count)['rows']:,}" if each == "parquet" else ""
                console.print(f"{count:,} {each} {' '.join(row)} {equal}")
                table.add_row(f"{count:,}", each, *row, equal)
    console.print(table)


def shown(figures: dict[str, float], first: float, size: int) -> list[str]:
    peak = figures["peak_mb"]
    return [f"{size / 1e6:.1f}", f"{figures['seconds']:.1f}", f"{figures['cpu']:.1f}", f"{peak:.0f}",
            f"{peak - first:+.0f}"]  # fmt: skip


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("what", nargs="?", choices=["make", "export", "check"])
    arguments.add_argument("arguments", nargs="*")
    arguments.add_argument("--rows", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    arguments.add_argument("--to", nargs="+", default=["parquet", "csv", "jsonl"])
    given = arguments.parse_args()
    if given.what is None:
        whole(given.rows, given.to)
        return
    folder, other = Path(given.arguments[0]), given.arguments[1]
    match given.what:
        case "make":
            make(folder, int(other))
        case "export":
            exported(folder, other)
        case "check":
            check(folder, int(other))


if __name__ == "__main__":
    main()
