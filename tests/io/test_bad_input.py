"""What is wrong is said before anything is sent: which item, the number, the remedy."""

from pathlib import Path

import pytest

from batchata import batch
from batchata.errors import CredentialsError, InputError, ModelError
from tests.pdfs import invoice_pdf, pdf

from .conftest import Invoice

USER = {"role": "user", "content": "hello"}
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 32


@pytest.fixture
def send(client, simulator):
    def send(**arguments):
        try:
            return batch(client=client, **{"model": "claude-haiku-5-5", **arguments})
        finally:
            assert simulator.state()["create_calls"] == 0

    return send


@pytest.mark.parametrize(("arguments", "words"), [
    ({}, "either messages or files; neither was given"),
    ({"messages": [[USER]], "files": ["a.pdf"]}, "either messages or files; both were given"),
    ({"messages": "hello"}, "messages is a list"),
    ({"messages": [USER]}, r"a conversation is a list: \[\[\{\.\.\.\}\]"),
    ({"messages": [[USER], []]}, "item 1: the conversation has no messages"),
    ({"messages": [[USER], ["hello"]]}, "item 1: message 0 is str"),
    ({"messages": [[USER, {"role": "robot", "content": "x"}]]}, "item 0: message 1 has the role 'robot'"),
    ({"messages": [[{"role": "user", "content": ""}]]}, "item 0: message 0 has no content"),
    ({"messages": [[{"role": "user", "content": [{"text": "x"}]}]]}, "content blocks that are not objects with a type"),
    ({"messages": [[{"role": "system", "content": "x"}]]}, "only system messages"),
    ({"messages": [[USER]], "prompt": "x"}, "prompt goes with files"),
    ({"messages": [[USER]] * 100_001}, "100,001 items are more than the 100,000"),
    ({"messages": [[USER]], "max_tokens": 0}, "`max_tokens` must be at least 1, not 0"),
    ({"messages": [[USER]], "max_tokens": 200_000}, "`max_tokens` is 200,000; claude-haiku-5-5 answers with at most 128,000"),
    ({"messages": [[USER]], "max_token": 5}, r"there is no parameter max_token; did you mean `max_tokens`\?"),
    ({"messages": [[USER]], "responsemodel": Invoice}, r"did you mean `response_model`\?"),
    ({"messages": [[USER]], "stream": True}, "`stream` cannot be set: a message batch cannot stream"),
    ({"messages": [[{"role": "user", "content": "x" * 33_000_000}], [USER]]}, r"item 0: it has 33\.0 MB"),
    ({"files": "a.pdf", "prompt": "x"}, "files is a list"),
    ({"files": ["a.pdf"]}, "files need a prompt"),
    ({"messages": [[USER]], "response_model": object()}, "cannot be validated by Pydantic"),
])  # fmt: skip
def test_a_bad_call(send, arguments, words):
    with pytest.raises(InputError, match=words):
        send(**arguments)


@pytest.mark.parametrize(("name", "content", "words"), [
    ("gone.pdf", None, "there is no such file"),
    ("empty.pdf", b"", "the file is empty"),
    ("blank.txt", b" \n", "nothing but white space"),
    ("fake.pdf", b"hello, this is text", "not a PDF: it does not start with %PDF-"),
    ("locked.pdf", pdf("secret", encrypt="password"), "the PDF is encrypted; save it without a password"),
    ("broken.pdf", b"%PDF-1.4 and nothing else", "the PDF cannot be opened"),
    ("letter.docx", b"PK\x03\x04 and so on", "a broken zip archive or Office file"),
    ("old.doc", b"\xd0\xcf\x11\xe0 and so on", "an old Office file"),
    ("scan.tiff", b"II*\x00 and so on", "a TIFF image; convert it"),
    ("noise.bin", b"\xff\xfa\x00\x01", "neither PDF, image nor UTF-8 text"),
    ("latin.txt", "caf\u00e9".encode("latin-1"), "byte 3 cannot be decoded"),
    ("nul.txt", b"a\x00b", "it holds NUL bytes"),
    ("huge.txt", b"x" * 25_000_000, r"it has 33\.3 MB as a request; the limit is 32 MB"),
    ("photo.png", PNG + b"x" * 8_000_000, "the image has 8,000,040 bytes; the limit is 7,864,320"),
])  # fmt: skip
def test_a_bad_file_is_named_among_good_ones(send, tmp_path, name, content, words):
    good = tmp_path / "good.pdf"
    good.write_bytes(invoice_pdf(1))
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        send(files=[good, path], prompt="Extract.")
    assert [problem.item for problem in caught.value.problems] == [f"item 1 ({path})"]


def test_all_the_bad_files_are_named_at_once(send, invoices, tmp_path):
    with pytest.raises(InputError, match="12 of 32 items cannot be sent") as caught:
        send(files=[*invoices, *[f"gone{number}.pdf" for number in range(12)]], prompt="Extract.")
    assert "and 2 more" in str(caught.value)
    assert len(caught.value.problems) == 12


def test_a_folder_and_a_number_are_no_files(send, tmp_path):
    with pytest.raises(InputError, match="it is a folder"):
        send(files=[tmp_path], prompt="Extract.")
    with pytest.raises(InputError, match="a file is a path, bytes or a file_id, not int"):
        send(files=[3], prompt="Extract.")


def test_gigabytes_are_refused_before_they_are_read(send, tmp_path):
    path = tmp_path / "big.pdf"
    with path.open("wb") as file:
        file.truncate(20_000_000)
    with pytest.raises(InputError, match=r"the items make 300\.0 MB; one message batch takes 256 MB"):
        send(files=[path] * 15, prompt="Extract.")


def test_too_many_pages_for_the_model(send, tmp_path):
    path = tmp_path / "long.pdf"
    path.write_bytes(pdf(*["page"] * 101))
    with pytest.raises(InputError, match=r"the PDF has 101 pages; claude-haiku-4-5.* takes at most 100"):
        send(files=[path], prompt="Extract.", model="claude-haiku-4-5")


@pytest.mark.parametrize(("model", "words"), [
    ("claude-3-haiku-20240307", "the newest active model of the haiku line is claude-haiku-5-5"),
    ("claude-haiku-99", "serves no model 'claude-haiku-99'; the newest active model of the haiku line"),
    ("gpt-4", "serves no model 'gpt-4'; the newest it serves are claude-"),
])  # fmt: skip
def test_a_model_that_is_gone_or_never_was(send, model, words):
    with pytest.raises(ModelError, match=words):
        send(messages=[[USER]], model=model)


@pytest.mark.parametrize("name", ["temperature", "top_p", "top_k"])
def test_a_sampling_parameter_that_the_model_refuses(send, name):
    with pytest.raises(ModelError, match=f"claude-sonnet-5-5 refuses {name}: leave it out"):
        send(messages=[[USER]], model="claude-sonnet-5-5", **{name: 0})


def test_without_credentials_nothing_starts():
    with pytest.raises(CredentialsError, match="no credentials"):
        batch(messages=[[USER]])


def test_an_empty_list_is_a_finished_empty_job():
    for job in (batch(messages=[]), batch(files=[], prompt="x", response_model=Invoice, enable_citations=True)):
        assert job.is_complete()
        assert job.results() == job.outcomes() == job.failures() == []
        stats = job.stats(print_stats=True)
        assert (stats["is_complete"], stats["total_items"], stats["total_cost"]) == (True, 0, 0)


def test_an_error_does_not_name_the_whole_path_twice(send):
    with pytest.raises(InputError) as caught:
        send(files=[Path("gone.pdf")], prompt="x")
    assert str(caught.value).count("gone.pdf") == 1
