"""The calls, keys and printed lines of the documented API, as users of earlier versions wrote them."""

import time
from pathlib import Path

import pytest
from pydantic import BaseModel

from batchata import BatchJob, Citation, batch, pdf_to_document_block

MODEL = "claude-haiku-5-5"


class Bill(BaseModel):
    company_name: str
    total_amount: str
    date: str


class SpamResult(BaseModel):
    is_spam: bool
    confidence: float
    reason: str


class Summary(BaseModel):
    title: str | None = None
    revenue: str | None = None


def mails(*texts):
    return [[{"role": "user", "content": text}] for text in texts]


@pytest.fixture
def job(project):
    return batch(files=["invoice1.pdf", "invoice2.pdf", "invoice3.pdf"], prompt="Extract company, total and date.",
                 model=MODEL, response_model=Bill, enable_citations=True)  # fmt: skip


def test_files_with_a_response_model_and_citations(job):
    while not job.is_complete():
        time.sleep(0.1)
    results = job.results()
    assert len(results) == 3
    for entry in results:
        assert set(entry) == {"result", "citations"}
        assert isinstance(entry["result"], Bill)
        assert set(entry["citations"]) == {"company_name", "total_amount", "date"}
        assert all(isinstance(each, Citation) for found in entry["citations"].values() for each in found)


def test_messages_with_a_response_model(project):
    job = batch(
        messages=mails("Is this spam? You've won $1000!", "Meeting at 3pm tomorrow"),
        model=MODEL,
        response_model=SpamResult,
    )
    results = job.results()
    assert [type(entry["result"]) for entry in results] == [SpamResult, SpamResult]
    assert [entry["citations"] for entry in results] == [None, None]


def test_text_with_citations_needs_no_model(project):
    results = batch(files=["document.pdf"], prompt="Summarize the key findings", enable_citations=True).results()
    assert isinstance(results[0]["result"], str)
    assert isinstance(results[0]["citations"], list)
    assert results[0]["citations"][0].start_page >= 1


def test_a_response_model_and_citations_need_no_model_name(project):
    results = batch(
        files=["document.pdf"], prompt="Extract the data", response_model=Summary, enable_citations=True
    ).results()
    assert isinstance(results[0]["citations"], dict)


def test_the_loop_over_results(job):
    for entry in job.results():
        result, citations = entry["result"], entry["citations"]
        assert f"Result: {result}" != "Result: None"
        assert isinstance(citations, dict | list)


def test_cost_tracking(project, capsys):
    job = batch(messages=mails("hello"), model=MODEL)
    stats = job.stats()
    assert f"${stats['total_cost']:.4f}".startswith("$0.0")
    assert int(f"{stats['total_input_tokens']:,}") > 0 < int(f"{stats['total_output_tokens']:,}")
    job.stats(print_stats=True)
    labels = [line.split(":")[0].strip() for line in capsys.readouterr().out.splitlines()]
    wanted = [
        "ID",
        "Status",
        "Complete",
        "Elapsed",
        "Mode",
        "Results",
        "Citations",
        "Input tokens",
        "Output tokens",
        "Total cost",
    ]
    assert [label for label in labels if label in wanted] == wanted


def test_raw_responses_are_kept(project):
    job = batch(messages=mails("hello", "world"), model=MODEL, raw_results_dir="./raw_responses")
    job.results()
    assert len((Path("raw_responses") / f"{job.batch_id}.jsonl").read_text().splitlines()) == 2
    assert job.stats()["raw_results_dir"] == "raw_responses"


def test_a_citation_by_hand_and_a_block_of_a_pdf():
    assert Citation(cited_text="TOTAL: $12,500.00", start_page=2).cited_text == "TOTAL: $12,500.00"
    block = pdf_to_document_block(b"%PDF-1.4", enable_citations=True)
    assert block["source"]["media_type"] == "application/pdf"
    assert block["citations"] == {"enabled": True}
    assert "citations" not in pdf_to_document_block(b"%PDF-1.4")


class Tricky(BaseModel):
    name: str
    website: str
    age_2: int
    metadata: dict[str, dict[str, str]]


def test_what_the_documents_call_complex_scenarios():
    from batchata import map_citations

    value = Tricky(
        name='John "The Great" Doe',
        website="http://example.com:8080",
        age_2=7,
        metadata={"nested": {"deep": "value\nline"}},
    )
    where = {"type": "page_location", "document_index": 0, "start_page_number": 1, "end_page_number": 2}
    line = f"- website: {value.website}\n\n{value.model_dump_json()}"
    blocks = [{"type": "text", "text": line, "citations": [
        {**where, "cited_text": 'John "The Great" Doe, age 7'}, {**where, "cited_text": "http://example.com:8080"},
    ]}]  # fmt: skip
    found = map_citations(blocks, value)
    assert {path: len(each) for path, each in found.items()} == {
        "name": 1,
        "website": 1,
        "age_2": 1,
        "metadata.nested.deep": 0,
    }


def test_the_job_says_what_it_is(job):
    assert isinstance(job, BatchJob)
    assert job.batch_id in repr(job)
