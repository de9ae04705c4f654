"""The report of a described run, from its state folder alone, wherever we are."""

import json
from pathlib import Path

from batchata.runs.carrying import carry_out
from batchata.runs.exporting import export_run
from batchata.runs.folder import folder_of
from batchata.runs.spec import spec_of
from tests.pdfs import invoice_pdf
from tests.report.reading import Report

MODELS = """
from pydantic import BaseModel, Field

class Invoice(BaseModel):
    invoice_number: str = Field(alias="invoiceNumber")
    total_amount: float
"""


def test_a_report_finds_the_documents_where_the_run_was_begun(simulator, tmp_path, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "none")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", simulator.url)
    (tmp_path / "bills").mkdir()
    (tmp_path / "models.py").write_text(MODELS)
    for number in (1, 2):
        Path(f"bills/{number}.pdf").write_bytes(invoice_pdf(number))
    spec = spec_of({
        "files": ["bills"], "prompt": "Extract the invoice.", "response_model": "models.py:Invoice",
        "enable_citations": True, "cache": False, "max_cost": 1, "on_cost_limit": "stop",
    })  # fmt: skip
    carry_out(spec)
    folder = folder_of(spec)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert export_run(folder, "report.html").rows == 2
    found = Report(Path("report.html"))
    assert "bills claude-" in found.text
    assert "Items 2 2 succeeded" in found.text
    assert [each["source"] for each in found.items] == ["bills/1.pdf", "bills/2.pdf"]
    for number in (0, 1):
        fields = found.fields(number)
        assert fields.keys() == {"invoice_number", "total_amount"}
        assert all(each["cites"][0]["marks"] for each in fields.values())
        assert [each["title"] for each in found.items[number]["sheets"]] == ["page 1 of 2", "page 2 of 2"]
        assert found.items[number]["notes"] == []


def test_a_file_that_bears_the_name_of_a_conversation_is_not_shown_as_its_document(simulator, tmp_path, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "none")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", simulator.url)
    Path("one.txt").write_text("Name: Somebody Else")
    source = {"type": "text", "media_type": "text/plain", "data": "Name: Ada"}
    document = {"type": "document", "source": source, "citations": {"enabled": True}}
    talk = [{"role": "user", "content": [document, {"type": "text", "text": "Who is it?"}]}]
    Path("talks.jsonl").write_text(json.dumps({"id": "one.txt", "messages": talk}))
    spec = spec_of({
        "messages_file": "talks.jsonl", "enable_citations": True, "cache": False, "on_cost_limit": "stop",
        "model": "claude-haiku-5-5", "state_dir": "talks",
    })  # fmt: skip
    carry_out(spec)
    export_run(folder_of(spec), "report.html")
    [item] = Report(Path("report.html")).items
    assert item["sheets"] == []
    assert item["notes"] == ["one.txt cannot be shown: it was part of a conversation, so its pages are not at hand."]
