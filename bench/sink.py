"""A server that takes S3 uploads and throws them away: it shows what the sender itself costs."""

from __future__ import annotations

import contextlib
import multiprocessing
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection

from storage_backends import S3Options

XML = (
    b"<R><UploadId>1</UploadId><ETag>1</ETag><Bucket>b</Bucket><Key>k</Key>"
    b"<Location>l</Location></R>"
)


class Sink(BaseHTTPRequestHandler):
    """Says yes to everything; an object is there, with no bytes, once its upload is completed."""

    protocol_version = "HTTP/1.1"
    complete: set[str] = set()  # noqa: RUF012 - one for the whole server

    def do_PUT(self) -> None:
        left, buffer = int(self.headers["Content-Length"]), memoryview(bytearray(1 << 18))
        while left:
            left -= self.rfile.readinto(buffer[:left])
        self._answer(200, b"")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if "uploadId=" in self.path:
            self.complete.add(self.path.split("?")[0])
        self._answer(200, XML)

    def do_HEAD(self) -> None:
        self._answer(200 if self.path in self.complete else 404, b"")

    def do_GET(self) -> None:
        self._answer(200, b"<ListBucketResult></ListBucketResult>")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextlib.contextmanager
def sink() -> Iterator[S3Options]:
    """The server, in a process of its own."""
    ours, its = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(its,))
    process.start()
    try:
        yield S3Options(f"http://127.0.0.1:{ours.recv()}", "us-east-1", "key", "secret")
    finally:
        process.kill()
        process.join()


def _serve(port: Connection) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Sink) as server:
        port.send(server.server_port)
        server.serve_forever()
