"""HTTP in and out on loopback. No rule of the API lives here."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from batchata.simulator.errors import HangUpError

MAX_BODY = 256 * 1024 * 1024
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request. Header names are lower case. `too_large`: the body was thrown away."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    too_large: bool = False


@dataclass(slots=True)
class Reply:
    """One HTTP answer. A body given as an iterator is sent chunk by chunk."""

    status: int = 200
    body: bytes | Iterator[bytes] = b""
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
        return cls(status, orjson.dumps(value), {"content-type": "application/json", **(headers or {})})


Answer = Callable[[Call], Reply]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    server: Server

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name the base class gives it
        """A shipped double is silent."""

    def _serve(self) -> None:
        body, too_large = self._read_body()
        address = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        call = Call(self.command, address.path, parse_qs(address.query), headers, body, too_large)
        try:
            self._send(self.server.answer(call))
        except HangUpError:
            self._hang_up()

    def _read_body(self) -> tuple[bytes, bool]:
        if "chunked" in self.headers.get("transfer-encoding", ""):
            body = b"".join(self._read_chunks())
            return (b"", True) if len(body) > MAX_BODY else (body, False)
        length = int(self.headers.get("content-length") or 0)
        if length <= MAX_BODY:
            return self.rfile.read(length), False
        # Read to the end all the same: a client that is still writing would not see the answer.
        while length > 0 and (data := self.rfile.read(min(CHUNK, length))):
            length -= len(data)
        return b"", True

    def _read_chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _send(self, reply: Reply) -> None:
        self.send_response_only(reply.status)  # the date is the simulator's own
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if isinstance(reply.body, bytes):
            self.send_header("content-length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)
            return
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for data in reply.body:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")

    def _hang_up(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)


class Server(ThreadingHTTPServer):
    """Serves `answer` on 127.0.0.1 from threads of its own until it is closed."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, answer: Answer) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.answer = answer
        self._connections: set[socket.socket] = set()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), name="simulator", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def close(self) -> None:
        """Stop listening, close the open connections and wait for their threads."""
        self.shutdown()
        self._thread.join()
        self.server_close()
        with self._changed:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._connections, timeout=5)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._changed:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._changed:
            self._connections.discard(request)
            self._changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)
