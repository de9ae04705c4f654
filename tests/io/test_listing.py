"""Patterns, folders and URLs to files, and whether a file is still the same."""

import os
import time
from pathlib import Path

import pytest

from batchata import BatchManager, InputError, StorageError, content_hash, expand_files, list_files
from tests.urls import fill

pytestmark = pytest.mark.usefixtures("dials")

FILES = {name: name.encode() for name in (
    "b.pdf", "a.pdf", "c.txt", "2026/d.pdf", "2026/11/e.pdf", "2026/.hidden.pdf", ".hidden/f.pdf", "x[1].pdf",
)}  # fmt: skip


@pytest.fixture(params=["path", "relative", "file", "memory", "unkind"])
def inbox(request, tmp_path):
    """A folder with these files, however it is reached."""
    where = tmp_path / "inbox"
    for name, content in FILES.items():
        (where / name).parent.mkdir(parents=True, exist_ok=True)
        (where / name).write_bytes(content)
    if request.param in ("memory", "unkind"):
        fill(f"{request.param}:///inbox", FILES)
        return f"{request.param}:///inbox"
    return {"path": str(where), "relative": "inbox", "file": f"file://{where}"}[request.param]


@pytest.mark.parametrize(("patterns", "expected"), [
    (["*.pdf"], ["a.pdf", "b.pdf", "x[1].pdf"]),
    (["**/*.pdf"], ["2026/11/e.pdf", "2026/d.pdf", "a.pdf", "b.pdf", "x[1].pdf"]),
    (["*/*.pdf"], ["2026/d.pdf"]),
    (["[ab].pdf", "c.???"], ["a.pdf", "b.pdf", "c.txt"]),
    (["c.txt", "*.pdf", "a.pdf"], ["c.txt", "a.pdf", "b.pdf", "x[1].pdf"]),
    (["2026"], ["2026/11/e.pdf", "2026/d.pdf"]),
    (["2026/"], ["2026/11/e.pdf", "2026/d.pdf"]),
    (["2026", "2026/**"], ["2026/11/e.pdf", "2026/d.pdf"]),
    (["x[1].pdf"], ["x[1].pdf"]),
    (["2026/.h*"], ["2026/.hidden.pdf"]),
    ([".hidden/*"], [".hidden/f.pdf"]),
    ([], []),
])  # fmt: skip
def test_patterns(inbox, patterns, expected):
    prefix = inbox.removeprefix("file://")
    assert expand_files([f"{inbox}/{pattern}" for pattern in patterns]) == [f"{prefix}/{name}" for name in expected]


def test_the_whole_folder(inbox):
    names = ["2026/11/e.pdf", "2026/d.pdf", "a.pdf", "b.pdf", "c.txt", "x[1].pdf"]
    assert [each.rsplit("inbox/", 1)[1] for each in expand_files([inbox])] == names
    for each in expand_files([inbox]):
        assert expand_files([each]) == [each]


def test_what_finds_nothing_is_named(inbox):
    with pytest.raises(InputError, match=r"no file is found for .*inbox/gone.pdf, .*inbox/\*.doc \(looked from /"):
        expand_files([f"{inbox}/gone.pdf", f"{inbox}/a.pdf", f"{inbox}/*.doc"])


def test_an_empty_folder_and_one_file_twice(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no file is found for empty"):
        expand_files(["empty"])
    Path("a.pdf").write_bytes(b"x")
    assert expand_files(["./a.pdf", "a.pdf", tmp_path / "a.pdf", "empty/../a.pdf"]) == ["./a.pdf"]


@pytest.mark.parametrize("given", ["a.pdf", Path("a.pdf"), [3], [b"%PDF-"]])
def test_what_is_no_list_of_patterns(given):
    with pytest.raises(InputError, match="patterns is a list of paths and URLs"):
        expand_files(given)


def test_bad_urls_and_a_storage_that_is_down(dials):
    with pytest.raises(InputError, match="no file system is known for nosuch://"):
        expand_files(["nosuch://bucket/*.pdf"])
    dials.is_down = True
    with pytest.raises(StorageError, match=r"unkind:///inbox/\*.pdf cannot be listed: SdkError"):
        expand_files(["unkind:///inbox/*.pdf"])


@pytest.mark.parametrize("place", ["inbox", "memory:///inbox"])
def test_a_folder_that_a_run_works_in(client, tmp_path, place):
    """The ledger, its lock and the results are no input."""
    Path("inbox").mkdir()
    (url,) = fill(place if "://" in place else f"file://{tmp_path}/inbox", {"a.txt": b"Name: Ada"})
    manager = BatchManager(
        files=[url], prompt="x", model="claude-haiku-5-5", client=client, cache=False, orchestrator="local",
        state_path="inbox/state.jsonl", results_dir=place,
    )  # fmt: skip
    manager.run()
    fill(place if "://" in place else f"file://{tmp_path}/inbox", {"notes.jsonl": b'{"at":"home"}\n'})
    assert [each.rsplit("/", 1)[1] for each in expand_files([place])] == ["a.txt", "notes.jsonl"]
    assert [each.rsplit("/", 1)[1] for each in expand_files([f"{place}/**"])] == ["a.txt", "notes.jsonl"]


@pytest.mark.parametrize("place", ["local", "memory:///inbox", "unkind:///inbox"])
def test_what_is_the_same_and_what_changed(tmp_path, place):
    there = f"file://{tmp_path}" if place == "local" else place
    fill(there, {"a.txt": b"one", "b.txt": b"two"})
    where = [f"{there}/*.txt"]
    first, second = list_files(where)
    assert (first.size, second.size) == (3, 3)
    is_told = not place.startswith("unkind")
    assert [a.is_same(b) for a, b in zip(list_files(where), [first, second], strict=True)] == [is_told, is_told]
    time.sleep(0.02)  # the clock of a disk ticks in milliseconds
    fill(there, {"a.txt": b"six"})
    changed, same = list_files(where)
    assert not changed.is_same(first)
    assert same.is_same(second) is is_told
    assert not changed.is_same(None)


def test_a_hash_is_that_of_the_content(tmp_path, dials):
    big = os.urandom(3_000_000)
    (tmp_path / "a").write_bytes(big)
    urls = [*fill("memory:///inbox", {"a": big, "b": big + b"x"}), *fill("unkind:///inbox", {"a": big})]
    dials.cut_reads = 1
    assert content_hash(tmp_path / "a") == content_hash(urls[0]) == content_hash(urls[2]) != content_hash(urls[1])
    assert len(content_hash(urls[0])) == 32
    for gone in (tmp_path / "gone", tmp_path, "memory:///inbox/gone", "memory:///inbox"):
        with pytest.raises(InputError, match="is not there, or is a folder"):
            content_hash(gone)
