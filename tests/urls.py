"""A file system that is slow, says little and fails: `unkind://`."""

import threading
import time
import warnings
from collections import Counter
from pathlib import Path

import fsspec
from fsspec.implementations.memory import MemoryFileSystem
from upath import UPath


class Dials:
    """How unkind it is at the moment."""

    def __init__(self):
        self.delay = 0.0
        self.writes_left = None
        self.reads_left = None
        self.broken_reads = 0
        self.cut_reads = 0
        self.is_down = False
        self.moves_over = True
        self.calls = Counter()
        self.at_once = self.most = 0
        self.lock = threading.Lock()

    def called(self, name):
        with self.lock:
            self.calls[name] += 1
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        time.sleep(self.delay)
        with self.lock:
            self.at_once -= 1
        if self.is_down:
            raise SdkError("the endpoint could not be connected")

    def take(self, name):
        with self.lock:
            left = getattr(self, name)
            setattr(self, name, max(left - 1, 0))
            return left > 0


class SdkError(Exception):
    """Like those of botocore: no OSError."""


class Unkind(MemoryFileSystem):
    protocol = "unkind"
    store = {}
    pseudo_dirs = [""]
    dials = Dials()

    @classmethod
    def _strip_protocol(cls, path):
        path = str(path).removeprefix("unkind://").strip("/")
        return f"/{path}" if path else ""

    def info(self, path, **options):
        self.dials.called("info")
        name = self._strip_protocol(path)
        if name in self.store:  # the parent looks through all names first
            return {"name": name, "size": self.store[name].size, "type": "file"}
        return super().info(path)

    def modified(self, path):
        raise NotImplementedError

    def cat_file(self, path, **options):
        self.dials.called("read")
        data = self._content(path)
        return data[: len(data) // 2] if self.dials.take("cut_reads") else data

    def get_file(self, path, local, **options):
        self.dials.called("read")
        data = self._content(path)
        Path(local).write_bytes(data[: len(data) // 2] if self.dials.take("cut_reads") else data)

    def _content(self, path):
        if self.dials.reads_left is not None and not self.dials.take("reads_left"):
            raise SdkError("the endpoint could not be connected")
        if self.dials.take("broken_reads"):
            raise ConnectionResetError("the connection was lost in the middle")
        path = self._strip_protocol(path)
        if path not in self.store:
            raise FileNotFoundError(path)
        return self.store[path].getvalue()

    def put_file(self, local, path, **options):
        self.dials.called("write")
        if self.dials.writes_left is not None and not self.dials.take("writes_left"):
            self.pipe_file(path, Path(local).read_bytes()[:10])
            raise SdkError("SlowDown: reduce your request rate")
        self.pipe_file(path, Path(local).read_bytes())

    def mv(self, old, new, **options):
        self.dials.called("move")
        if not self.dials.moves_over and self._strip_protocol(new) in self.store:
            raise FileExistsError(new)
        super().mv(old, new)


fsspec.register_implementation("unkind", Unkind, clobber=True)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # UPath says that it was never tried with this one, once
    UPath("unkind://x")


def emptied():
    """Both file systems live as long as the process. Returns the dials of the unkind one."""
    for kind in (MemoryFileSystem, Unkind):
        kind.store.clear()
        kind.pseudo_dirs[:] = [""]
    Unkind.dials = Dials()
    return Unkind.dials


def fill(url, files):
    """Writes `{name: content}` below a URL and returns the URLs."""
    fs, base = fsspec.core.url_to_fs(url)
    for name, content in files.items():
        fs.pipe_file(f"{base}/{name}", content)
    return [f"{url}/{name}" for name in files]


def contents(url):
    """`{name: content}` of all that is below a URL."""
    fs, base = fsspec.core.url_to_fs(url)
    return {name.removeprefix(base).removeprefix("/"): fs.cat_file(name) for name in fs.find(base)}
