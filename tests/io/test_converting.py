"""Word documents and web pages as text."""

import io
import sys
import zipfile

import docx
import pytest

from batchata import InputError, batch, read_document

PAGE = """<?xml version="1.0"?><!DOCTYPE html>
<html><head><title>T</title><style>p {color: red}</style></head><body><script>var a = 1</script>
<h1>Example Supplies Ltd</h1><p>Invoice number: <b>INV-7</b></p><img src="data:image/png;base64,AAAA" alt="our logo">
<table><tr><th>Item</th><th>Price</th></tr><tr><td>Bolt_M4 * 2</td><td>3.50</td></tr></table></body></html>"""


def word(*paragraphs):
    made = docx.Document()
    made.add_heading("Example Supplies Ltd")
    for each in paragraphs:
        made.add_paragraph(each)
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def archive(**parts):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name, content in parts.items():
            made.writestr(name.replace("__", "/").replace("_", "."), content)
    return file.getvalue()


def test_a_word_document_is_sent_as_the_text_in_it_under_its_name(tmp_path):
    (tmp_path / "letter.docx").write_bytes(word("Total amount: $7.50"))
    block = {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "# Example Supplies Ltd\n\nTotal amount: $7.50"},
        "title": "letter.docx",
    }
    found = read_document("letter.docx")
    assert (found.block, found.source, found.pages) == (block, "letter.docx", None)
    del block["title"]
    assert read_document(word("Total amount: $7.50")).block == block


@pytest.mark.parametrize(
    "data",
    [PAGE.encode(), PAGE.encode("utf-16"), PAGE.replace("<title", '<meta charset="latin-1"><title').encode("latin-1")],
)
def test_a_web_page_is_sent_as_what_a_reader_sees(tmp_path, data):
    (tmp_path / "page.html").write_bytes(data)
    assert read_document("page.html").block["source"]["data"] == (
        "# Example Supplies Ltd\n\nInvoice number: **INV-7**\n\nour logo\n\n"
        "| Item | Price |\n| --- | --- |\n| Bolt_M4 * 2 | 3.50 |"
    )


def test_text_that_is_no_web_page_and_bytes_without_a_name_are_sent_as_they_are(tmp_path):
    (tmp_path / "a.html").write_text("1 < 2 and so on")
    (tmp_path / "a.txt").write_text(PAGE)
    sent = [read_document(each).block["source"]["data"] for each in ("a.html", "a.txt", PAGE.encode())]
    assert sent == ["1 < 2 and so on", PAGE, PAGE]


@pytest.mark.parametrize(("name", "data", "words"), [
    ("a.docx", word("x")[:-30], "a broken zip archive or Office file"),
    ("a.docx", archive(word__document_xml="<a"), "the Word document is broken"),
    ("a.docx", word(), None),
    ("a.docx", archive(word__document_xml="<w:document xmlns:w='http://schemas.openxmlformats.org/wordprocessingml/2006/main'><w:body/></w:document>"), "there is no text in it"),
    ("a.xlsx", archive(xl__workbook_xml="x"), "an Excel workbook; save the sheet as CSV"),
    ("a.pptx", archive(ppt__presentation_xml="x"), "a PowerPoint presentation; save it as PDF"),
    ("a.odt", archive(content_xml="x"), "an OpenDocument file"),
    ("a.zip", archive(a_txt="x"), "a zip archive; give the files in it"),
    ("a.docx", b"\xd0\xcf\x11\xe0" + b"\0" * 99 + "EncryptedPackage".encode("utf-16-le"), "with a password; save it without one"),
    ("a.doc", b"\xd0\xcf\x11\xe0" + b"\0" * 99, "an old Office file .* save it as .docx"),
    ("a.html", b"<html><body><script>x</script></body></html>", "there is no text in it"),
    ("a.html", b"<p>caf\xe9</p>", "the page cannot be decoded as utf-8-sig; save it as UTF-8"),
])  # fmt: skip
def test_what_cannot_be_converted_is_said(tmp_path, name, data, words):
    (tmp_path / name).write_bytes(data)
    if words is None:
        read_document(name)
        return
    with pytest.raises(InputError, match=words):
        read_document(name)


@pytest.mark.parametrize(("missing", "name", "data"), [
    ("mammoth", "a.docx", word("x")), ("markdownify", "a.docx", word("x")), ("markdownify", "a.html", PAGE.encode()),
])  # fmt: skip
def test_without_the_converter_the_extra_is_named_and_nothing_else_is_sent(monkeypatch, tmp_path, missing, name, data):
    monkeypatch.setitem(sys.modules, missing, None)
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=r'pip install "batchata\[documents\]"'):
        read_document(name)


def test_citations_of_converted_text_count_characters_and_know_no_page(client, tmp_path):
    (tmp_path / "letter.docx").write_bytes(word("Invoice number: INV-0007", "Total amount: $7.50"))
    job = batch(
        files=["letter.docx"], prompt="Which invoice?", client=client, model="claude-haiku-5-5", enable_citations=True
    )
    text = read_document("letter.docx").block["source"]["data"]
    citations = job.results()[0]["citations"]
    assert citations
    for each in citations:
        assert (each.start_page, each.end_page, each.source_file) == (None, None, "letter.docx")
        assert text[each.start_char_index : each.end_char_index] == each.cited_text


def test_a_folder_is_refused_with_what_lists_its_files(client, tmp_path):
    (tmp_path / "letters").mkdir()
    with pytest.raises(
        InputError, match=r"it is a folder, not a file; `expand_files\(\[\.\.\.\]\)` lists the files in it"
    ):
        batch(files=["letters"], prompt="x", client=client)
