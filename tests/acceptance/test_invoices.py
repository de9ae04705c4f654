"""The example PDFs through the whole pipeline: what is read, and the page each value is said to come from."""

import json

import pytest

from batchata import batch, make_client
from batchata.demo import MODEL, PROMPT, Invoice, demo_files
from batchata.simulator import Simulator

from .conftest import ROOT

EXPECTED = json.loads((ROOT / "examples" / "invoices_expected.json").read_text())


@pytest.fixture(scope="module")
def records():
    with Simulator() as url, make_client(api_key="none", base_url=url) as client:
        job = batch(
            files=demo_files(), prompt=PROMPT, model=MODEL, response_model=Invoice, enable_citations=True, client=client
        )
        return {record.source.rsplit("/", 1)[-1]: record for record in job.outcomes()}


def leaves(value, path=""):
    if isinstance(value, dict):
        return {
            key: leaf
            for name, each in value.items()
            for key, leaf in leaves(each, f"{path}.{name}" if path else name).items()
        }
    if isinstance(value, list):
        return {key: leaf for n, each in enumerate(value) for key, leaf in leaves(each, f"{path}[{n}]").items()}
    return {path: float(value) if isinstance(value, int | float) else value}


def test_every_invoice_is_read(records):
    assert {record.outcome for record in records.values()} == {"succeeded"}
    assert records.keys() == EXPECTED.keys()


def test_the_fields_are_those_of_the_documents(records):
    right = total = 0
    for name, expected in EXPECTED.items():
        found = leaves(records[name].result.model_dump(mode="json"))
        for path, value in leaves(expected["fields"]).items():
            read = found.get(path)
            right += (float(read) if isinstance(value, float) and read is not None else read) == value
            total += 1
    assert right / total >= 0.97, f"{right} of {total}"


def test_the_pages_are_those_where_the_values_stand(records):
    located = wrong = total = 0
    for name, expected in EXPECTED.items():
        for path, pages in expected["pages"].items():
            cited = [each.start_page for each in records[name].citations.get(path, [])]
            located += bool(cited)
            wrong += any(page not in pages for page in cited)
            total += 1
    assert located / total >= 0.97, f"{located} of {total}"
    assert wrong / total < 0.005, f"{wrong} of {total}"
