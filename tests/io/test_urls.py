"""A file may be on a URL wherever a path may be given."""

import time
from pathlib import Path

import pytest
from upath import UPath

from batchata import BatchJob, batch, content_hash, read_documents
from batchata.errors import InputError, StorageError
from batchata.io import remote
from batchata.io.ahead import in_order
from batchata.io.paths import is_url, path_of
from batchata.io.results import check_directory
from tests.pdfs import invoice_pdf
from tests.urls import contents, fill

from .conftest import Invoice

MODEL = "claude-haiku-5-5"


pytestmark = pytest.mark.usefixtures("dials")


@pytest.mark.parametrize(("source", "expected"), [
    ("a.pdf", Path("a.pdf")),
    ("/data/a b.pdf", Path("/data/a b.pdf")),
    ("a::b:c/d", Path("a::b:c/d")),
    (Path("x/../a.pdf"), Path("x/../a.pdf")),
    ("file:///data/a%20b.pdf", Path("/data/a%20b.pdf")),
    ("FILE://localhost/data/a.pdf", Path("/data/a.pdf")),
    ("local:///data/a.pdf", Path("/data/a.pdf")),
    (UPath("/data/a.pdf"), Path("/data/a.pdf")),
    (UPath("file:///data/a.pdf"), Path("/data/a.pdf")),
])  # fmt: skip
def test_what_is_on_this_machine_is_a_path(source, expected):
    found = path_of(source)
    assert found == expected
    assert type(found) is type(Path())
    assert not is_url(source)


@pytest.mark.parametrize(
    "source", ["memory://bucket/a b.pdf", "MEMORY://bucket/a b.pdf", UPath("memory://bucket/a b.pdf")]
)
def test_a_url_is_a_upath(source):
    found = path_of(source)
    assert isinstance(found, UPath)
    assert found.path == "/bucket/a b.pdf"
    assert is_url(source)


@pytest.mark.parametrize(("source", "words"), [
    ("nosuch://bucket/a.pdf", r"no file system is known for nosuch://"),
    ("dropbox://bucket/a.pdf", r"a package that reads dropbox:// is not installed: .*dropbox"),
    ("file://server/a.pdf", "names another machine"),
    (Path("s3://bucket/a.pdf"), r"pathlib.Path took a slash .* such as s3://bucket/a.pdf"),
    ("s3:/bucket/a.pdf", r"a URL has two slashes; give it as a string such as s3://bucket/a.pdf"),
])  # fmt: skip
def test_a_url_that_nothing_reaches(source, words):
    with pytest.raises(InputError, match=words):
        path_of(source)
    with pytest.raises(InputError, match=r"item 1 \(.*" + words) as caught:
        read_documents([b"hello", source])
    assert len(caught.value.problems) == 1
    with pytest.raises(InputError, match=words):
        batch(messages=[[{"role": "user", "content": "x"}]], raw_results_dir=source)


@pytest.mark.parametrize("url", ["memory://inbox", "unkind:///inbox", "file://{here}/inbox"])
def test_documents_are_those_of_local_files(tmp_path, url):
    (tmp_path / "inbox").mkdir()
    files = {f"{number}.pdf": invoice_pdf(number) for number in range(40)}
    urls = fill(url.format(here=tmp_path), files)
    documents = read_documents([*urls, UPath(urls[0])], citations=True)
    for document, (name, data), source in zip(documents, files.items(), urls, strict=False):
        (tmp_path / name).write_bytes(data)
        local = read_documents([tmp_path / name], citations=True)[0]
        assert (document.block, document.pages) == (local.block, local.pages)
        assert document.source == source
    assert documents[-1] == documents[0]


@pytest.mark.parametrize("scheme", ["memory", "unkind"])
def test_every_bad_one_is_named(scheme, client, simulator):
    fill(f"{scheme}:///inbox", {
        "good.pdf": invoice_pdf(1), "empty.pdf": b"", "fake.pdf": b"hello", "huge.txt": b"x" * 25_000_000,
        "folder/a.pdf": b"x",
    })  # fmt: skip
    names = ["good.pdf", "gone.pdf", "empty.pdf", "fake.pdf", "huge.txt", "folder"]
    with pytest.raises(InputError, match="5 of 6 items cannot be sent") as caught:
        batch(files=[f"{scheme}:///inbox/{name}" for name in names], prompt="x", client=client, model=MODEL)
    assert not isinstance(caught.value, StorageError)
    words = ["there is no such file", "the file is empty", "not a PDF", "33.3 MB as a request", "it is a folder"]
    for problem, name, word in zip(caught.value.problems, names[1:], words, strict=True):
        assert f"{scheme}:///inbox/{name}" in problem.item
        assert word in problem.reason
    assert simulator.state()["create_calls"] == 0


def test_what_is_too_large_is_not_read(dials):
    (url,) = fill("unkind:///inbox", {"huge.txt": b"x" * 25_000_000})
    with pytest.raises(InputError, match=r"33\.3 MB"):
        read_documents([url])
    assert dials.calls["read"] == 0


@pytest.mark.parametrize("how", ["broken_reads", "cut_reads"])
def test_a_read_that_fails_once_is_made_again(dials, how):
    (url,) = fill("unkind:///inbox", {"a.pdf": invoice_pdf(1)})
    setattr(dials, how, 2)
    assert read_documents([url])[0].pages == 2
    assert dials.calls["read"] == 3
    with remote.fetched(path_of(url)) as file:
        assert file.read() == invoice_pdf(1)
    setattr(dials, how, 2)
    with remote.fetched(path_of(url)) as file:
        assert file.read() == invoice_pdf(1)


def test_a_file_is_never_half_of_itself(dials):
    (url,) = fill("unkind:///inbox", {"a.txt": b"first line\n" * 100})
    dials.cut_reads = 99
    with pytest.raises(StorageError, match=r"item 1 \(unkind:///inbox/a.txt\): .*it ended after 550 of 1,100 bytes"):
        read_documents([b"hello", url])
    with pytest.raises(StorageError, match="550 of 1,100"):
        content_hash(url)


def test_a_storage_that_is_down_is_no_fault_of_an_item(dials):
    urls = fill("unkind:///inbox", {f"{number}.txt": b"x" for number in range(2000)})
    dials.is_down = True
    with pytest.raises(
        StorageError, match=r"item 0 .*SdkError: the endpoint could not be connected \(nothing was sent\)"
    ):
        read_documents(urls)
    assert sum(dials.calls.values()) < 500


@pytest.mark.parametrize("scheme", ["memory", "unkind"])
def test_a_job_over_urls(client, scheme, tmp_path):
    files = {f"{number}.pdf": invoice_pdf(number) for number in range(12)}
    raw = f"{scheme}:///out/raw"
    urls = fill(f"{scheme}:///inbox", files)
    job = batch(
        files=urls, prompt="Extract.", response_model=Invoice, enable_citations=True,
        model=MODEL, client=client, raw_results_dir=raw,
    )  # fmt: skip
    assert [entry["result"].invoice_number for entry in job.results()] == [f"INV-{number:04d}" for number in range(12)]
    assert job.results()[3]["citations"]["total_amount"][0].source_file == urls[3]
    assert job.stats()["raw_results_dir"] == str(UPath(raw))
    kept = contents(raw)
    assert list(kept) == [f"{job.batch_id}.jsonl"]
    local = BatchJob.attach(job.batch_id, response_model=Invoice, client=client, raw_results_dir=tmp_path)
    assert len(local.results()) == 12
    assert (tmp_path / f"{job.batch_id}.jsonl").read_bytes() == kept[f"{job.batch_id}.jsonl"]


def test_raw_results_that_cannot_be_kept_are_read_all_the_same(client, dials, caplog):
    job = batch(
        messages=[[{"role": "user", "content": "x"}]] * 3, model=MODEL, client=client, raw_results_dir="unkind:///out"
    )
    dials.writes_left = 0
    assert len(job.results()) == 3
    assert "the raw results are not kept as unkind:///out" in caplog.text
    assert contents("unkind:///out") == {}


def test_whether_one_can_write_is_tried_and_nothing_stays(dials):
    check_directory(path_of("unkind:///out/results"), "results_dir")
    assert dials.calls["write"] == 1
    assert contents("unkind://") == {}
    dials.writes_left = 0
    with pytest.raises(
        InputError, match=r"`results_dir` unkind:///out cannot be written to: SdkError: SlowDown: .*nothing was sent"
    ):
        check_directory(path_of("unkind:///out"), "results_dir")
    dials.writes_left, dials.cut_reads = None, 99
    with pytest.raises(InputError, match=r"cannot be written to: it ended after 20 of 40 bytes"):
        check_directory(path_of("unkind:///out"), "results_dir")
    assert contents("unkind://") == {}


def test_a_web_server_takes_no_results(simulator):
    with pytest.raises(InputError, match=r"`results_dir` http://.* cannot be written to: .*\(nothing was sent\)"):
        check_directory(path_of(f"{simulator.url}/out"), "results_dir")


@pytest.mark.parametrize("moves_over", [True, False])
@pytest.mark.parametrize("stores", [frozenset(), frozenset({"unkind"})])
def test_an_upload_is_whole_or_not_there(dials, tmp_path, monkeypatch, stores, moves_over):
    monkeypatch.setattr(remote, "OBJECT_STORES", stores)
    dials.moves_over = moves_over
    local, target = tmp_path / "a", path_of("unkind:///out/deep/a.txt")
    for content in (b"first" * 10, b"second" * 10):
        local.write_bytes(content)
        remote.put(local, target)
        assert contents("unkind:///out") == {"deep/a.txt": content}
    dials.writes_left = 0
    local.write_bytes(b"third" * 10)
    with pytest.raises(OSError, match="SlowDown"):
        remote.put(local, target)
    if not stores:
        assert contents("unkind:///out") == {"deep/a.txt": b"second" * 10}


def test_slow_calls_are_made_at_the_same_time(dials):
    """One after the other, 10,000 files that take 20 ms each take minutes."""
    urls = fill("unkind:///inbox", {f"{number}.txt": b"hello" for number in range(200)})
    dials.delay = 0.02
    read_documents(urls)
    assert sum(dials.calls.values()) == 600
    assert 8 <= dials.most <= 32


def test_calls_keep_their_order_and_their_errors():
    def slow(number):
        time.sleep(0.01 * (number % 3))
        if number == 5:
            raise InputError("five")
        return number

    found = []
    for call in in_order(slow, range(8), 4):
        try:
            found.append(call())
        except InputError as error:
            found.append(str(error))
    assert found == [0, 1, 2, 3, 4, "five", 6, 7]


def test_nothing_is_called_ahead_that_there_is_no_room_for():
    made = []
    room = 3
    calls = in_order(made.append, range(100), 16, lambda: room)
    for _ in range(3):
        next(calls)()
        room -= 1
    calls.close()
    assert sorted(made) == [0, 1, 2]
