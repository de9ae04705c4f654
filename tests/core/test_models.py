import pytest

from batchata import Document, ModelInfo
from batchata.core.models import check_document, check_model
from batchata.errors import ModelError

PDF = Document({"type": "document"}, "a.pdf", pages=200)
TEXT = Document({"type": "document"}, "a.txt")
IMAGE = Document({"type": "image"}, "a.png")


def test_a_model_as_the_api_tells_it():
    raw = {"id": "m", "max_input_tokens": 200_000, "capabilities": {"batch": {"supported": True}, "citations": None}}
    info = ModelInfo.from_api(raw)
    assert (info.batch, info.citations, info.pdf_input, info.max_tokens, info.max_pdf_pages) == (
        True,
        None,
        None,
        None,
        100,
    )
    assert ModelInfo.from_api({"id": "m", "capabilities": None}).max_pdf_pages == 600


@pytest.mark.parametrize(("document", "info", "citations", "words"), [
    (PDF, {"pdf_input": False}, False, "m does not read PDFs"),
    (PDF, {"max_input_tokens": 200_000}, False, "the PDF has 200 pages; m takes at most 100"),
    (PDF, {"citations": False}, True, "m does not cite documents"),
    (TEXT, {"citations": False}, True, "m does not cite documents"),
    (IMAGE, {"image_input": False}, False, "m does not read images"),
    (PDF, {}, True, None), (TEXT, {"pdf_input": False}, False, None), (IMAGE, {"citations": False}, True, None),
    (PDF, {"citations": False}, False, None), (PDF, {"max_input_tokens": 1_000_000}, True, None),
])  # fmt: skip
def test_what_a_model_cannot_read_or_cite(document, info, citations, words):
    found = check_document(ModelInfo(id="m", **info), document, citations=citations)
    assert (found is None) if words is None else (words in found)


@pytest.mark.parametrize(("info", "successor", "words"), [
    ({"lifecycle": "retired", "line": "haiku"}, "n", "m is retired .* newest active model of the haiku line is n"),
    ({"lifecycle": "retired"}, None, r"m is retired and no longer answers \(nothing was sent\)"),
    ({"batch": False}, None, "m does not take message batches"),
])  # fmt: skip
def test_a_model_that_cannot_be_used(info, successor, words):
    with pytest.raises(ModelError, match=words):
        check_model(ModelInfo(id="m", **info), successor)
    check_model(ModelInfo(id="m", lifecycle="deprecated"))
