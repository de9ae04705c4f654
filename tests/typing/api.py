"""Never run: type checking fails here when the public API changes its types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, assert_type

import pandas as pd
import polars as pl
import pyarrow as pa
from anthropic import Anthropic
from pydantic import BaseModel
from upath import UPath

from batchata import (
    BatchJob,
    BatchManager,
    BatchStatus,
    Citation,
    Cost,
    Document,
    Entry,
    Estimate,
    Exported,
    Item,
    Listed,
    Outcome,
    Rates,
    Record,
    Request,
    RequestFile,
    SampleReport,
    Summary,
    batch,
    bound,
    build_requests,
    content_hash,
    expand_files,
    list_files,
    load_results_from_disk,
    make_client,
    map_citations,
    parse,
    pdf_to_document_block,
    poll,
    price,
    read_conversations,
    read_documents,
    read_prompts,
    read_requests,
    read_rows,
    stream_results,
    submit,
    to_dataframe,
    with_prompts,
)
from batchata.core.stats import Stats
from batchata.simulator import AfterLooks, Faults, Simulator


class Invoice(BaseModel):
    total: float


def jobs(client: Anthropic) -> None:
    objects = batch(files=["a.pdf", Path("b.pdf"), b"%PDF-"], prompt="x", response_model=Invoice, enable_citations=True)
    assert_type(objects, BatchJob[Invoice])
    assert_type(objects.results(), list[Entry[Invoice]])
    assert_type(objects.results()[0]["result"].total, float)
    assert_type(objects.outcomes(), list[Record[Invoice]])
    assert_type(objects.failures()[0].reason, str)
    assert_type(objects.failures()[0].cost, Decimal | None)
    assert_type(objects.is_complete(), bool)
    assert_type(objects.stats(print_stats=True), Stats)
    assert_type(objects.cost(), Cost)
    texts = batch(
        messages=[[{"role": "user", "content": "x"}]], model="m", temperature=0, client=client, raw_results_dir="raw"
    )
    assert_type(texts, BatchJob[str])
    assert_type(texts.results(timeout=0)[0]["result"], str)
    assert_type(BatchJob.attach("msgbatch_1", response_model=Invoice), BatchJob[Invoice])
    assert_type(BatchJob.attach("msgbatch_1"), BatchJob[str])


def approve(report: SampleReport) -> bool:
    assert_type(report.forecast, Decimal | None)
    assert_type(report.results, Sequence[Record[Any]])
    return report.spent < 5


def tables(manager: BatchManager[Invoice], job: BatchJob[Invoice]) -> None:
    assert_type(manager.export("a.parquet"), Exported)
    assert_type(manager.export(UPath("s3://b/a"), format="csv", outcomes=["succeeded"]).waiting, int)
    assert_type(manager.to_dataframe(), pd.DataFrame)
    assert_type(manager.to_dataframe("polars", flat=True), pl.DataFrame)
    assert_type(manager.to_dataframe("arrow"), pa.Table)
    assert_type(to_dataframe(job.outcomes(), Invoice), pd.DataFrame)
    assert_type(to_dataframe(manager.outcomes(), library="polars"), pl.DataFrame)


def runs(client: Anthropic) -> None:
    objects = BatchManager(
        files=["a.pdf", Path("b.pdf")], prompt="x", response_model=Invoice, max_cost=5, quick=True, temperature=0
    )
    assert_type(objects, BatchManager[Invoice])
    assert_type(objects.run(print_progress=True), Summary)
    assert_type(objects.run(sample=0.01, approve=approve, approve_below=20), Summary)
    assert_type(objects.run(sample=50, approve=lambda report: report.high is not None), Summary)
    assert_type(objects.estimate().cost.value, Decimal)
    assert_type(objects.estimate().input_tokens.low, int | None)
    assert_type(objects.estimate().to_dict(), dict[str, Any])
    assert_type(objects.estimate(count=50, output_tokens=200), Estimate)
    assert_type(objects.estimate(models=["a", "b"]), dict[str, Estimate])
    assert_type(objects.stream(sample=50, approve_below=20, wait=False), Iterator[Record[Invoice]])
    assert_type(objects.retry_failed()["failed_items"], int)
    assert_type(objects.results()[0]["result"].total, float)
    assert_type(objects.outcomes(), Iterator[Record[Invoice]])
    assert_type(objects.failures(), list[Record[Invoice]])
    assert_type(objects.stats["total_cost"], float)
    assert_type(objects.cancel(), list[str])
    texts = BatchManager(messages=[[{"role": "user", "content": "x"}]], client=client, state_path="state", cache=False)
    assert_type(texts, BatchManager[str])
    assert_type(texts.results()[0]["result"], str)
    assert_type(load_results_from_disk("results", Invoice), list[Entry[Invoice]])
    assert_type(load_results_from_disk(Path("results"), run_id="x"), list[Entry[Any]])


def verbs() -> None:
    client = make_client()
    documents = read_documents(["a.pdf"], citations=True)
    assert_type(documents, list[Document])
    requests = build_requests(documents, model="m", prompt="x", response_model=Invoice, max_tokens=5, metadata={})
    assert_type(requests, list[Request])
    assert_type(bound(requests[0]), Cost)
    batch_id = submit(client, requests)
    assert_type(batch_id, str)
    assert_type(poll(client, batch_id), BatchStatus)
    for line in stream_results(client, batch_id):
        outcome = parse(line, Invoice, enable_citations=True)
        assert_type(outcome, Outcome[Any])
        if outcome.kind == "succeeded":
            assert_type(outcome.usage, Mapping[str, Any])
            assert_type(price(outcome.usage, outcome.model, rates=Rates(1, "2")).total, Decimal)
    assert_type(map_citations([], Invoice(total=1)), dict[str, list[Citation]])
    assert_type(pdf_to_document_block(b"", enable_citations=True), dict[str, Any])
    assert_type(Citation(cited_text="x", start_page=1).start_page, int | None)


def simulated() -> None:
    with Simulator(progress=AfterLooks(2), faults=Faults().drop("create", "after")) as url:
        assert_type(url, str)


def urls(client: Anthropic) -> None:
    here = UPath("s3://bucket/inbox", endpoint_url="x")
    assert_type(expand_files(["a/*.pdf", Path("b"), here]), list[str])
    assert_type(list_files([here]), list[Listed])
    assert_type(content_hash(here), str)
    manager = BatchManager(files=[here, "s3://bucket/a.pdf", Path("b.pdf"), b"x"], prompt="x", results_dir=here)
    assert_type(manager.results(), list[Entry[str]])
    assert_type(load_results_from_disk(here, Invoice), list[Entry[Invoice]])
    batch(files=[here], prompt="x", raw_results_dir=here, client=client)


def inputs(client: Anthropic) -> None:
    assert_type(read_requests("r.jsonl"), RequestFile)
    assert_type(read_rows("m.csv", "{a}", id_column="id", delimiter=";"), list[Item])
    assert_type(with_prompts(["a.pdf"], {"who": "Who?"}), list[Item])
    assert_type(read_prompts("p.txt"), list[str] | dict[str, str])
    BatchManager(messages=read_conversations("c.jsonl"))
    BatchManager(
        messages=[
            [{"role": "user", "content": "x"}],
            Item([{"role": "user", "content": "x"}], params={"max_tokens": 5}),
        ]
    )
    run = BatchManager(
        files=["a.pdf", Item(Path("b.pdf"), source="b", prompt="y")], prompts={"who": "Who?"}, upload=True
    )
    for record in run.outcomes():
        assert_type(record.label, str | None)
    batch(files=[Item(b"%PDF-", source="a")], prompt="x", client=client)
