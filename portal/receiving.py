"""The body of one request as a source of bytes, in the order in which they arrive.

Two ways: straight from gunicorn's socket into a buffer that is used again and again, or through
`wsgi.input` where there is no such socket (another server, a chunked body). Which one fits is
decided by looking at the request, once. Bytes are never collected, only passed on.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from flask import Response, current_app, request
from gunicorn.http.body import Body as GunicornBody
from gunicorn.http.body import ChunkedReader, LengthReader
from gunicorn.http.errors import ParseException

from portal.core.errors import InvalidRequest, RequestTimedOut, TryAgainLater
from storage_backends.base import Block

SILENCE_TICK = 1.0
"""How often a receiver that hears nothing looks whether the server is stopping, in seconds."""

DRAIN_BYTES, DRAIN_SECONDS = 16 * 1024 * 1024, 2.0
BUFFER_BYTES = 256 * 1024
"""One buffer a thread: bigger ones gain little, and 128 threads keep theirs."""

_of_thread = threading.local()


class Server:
    """What the server tells its receivers; portal/gunicorn_conf.py sets it in each worker."""

    stopping: Callable[[], bool] = staticmethod(lambda: False)
    close_connection: Callable[[], None] = staticmethod(lambda: None)


def bound_silence(response: Response | None = None) -> Response | None:
    """From here on, a peer that neither sends nor takes a byte for the idle time is given up.

    Runs before a request, for its body, and after it, for the answer.
    """
    client = request.environ.get("gunicorn.socket")
    if client is not None:
        client.settimeout(current_app.config["SETTINGS"].idle_seconds)
    return response


class AwaitedBody(GunicornBody):  # type: ignore[misc]
    """The body of a client that waits to be asked for it (`Expect: 100-continue`): it is asked
    when we first read, so that what the headers alone decide costs it no byte."""

    def __init__(self, reader: Any, client: socket.socket) -> None:
        super().__init__(reader)
        self.client, self.asked = client, False

    def ask(self) -> None:
        if not self.asked:
            self.asked = True
            self.client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _read_reader(self, size: int) -> bytes:
        self.ask()
        return super()._read_reader(size)  # type: ignore[no-any-return]


def _ask_for(body: GunicornBody) -> None:
    """For those who read past the body's own methods."""
    if isinstance(body, AwaitedBody):
        body.ask()


class RequestBody:
    """What portal.core.appending calls a Body. `cut` tells why it ended early, if it did."""

    def __init__(self, length: int | None) -> None:
        self.length = length
        self.cut: str | None = None
        self.received = 0
        self.ended = False

    @property
    def done(self) -> bool:
        return self.ended or self.cut is not None or self.received == self.length

    def take(self, seconds: float | None, most: int | None) -> Iterator[Block]:
        """See portal.core.appending.Body."""
        deadline, room = None, most
        while not self.done and (room is None or room > 0):
            if Server.stopping():
                self.cut = "stopping"
                return
            block = self._next(room)
            if block:
                self.received += len(block)
                room = None if room is None else room - len(block)
                deadline = deadline or (seconds and time.monotonic() + seconds)
                yield block
            if deadline is not None and time.monotonic() > deadline:
                return

    def _next(self, room: int | None) -> Block:
        """Some bytes, at most `room`; empty after noting in `cut` or `ended` why there are none."""
        raise NotImplementedError

    def refuse_cut(self) -> None:
        """Raises the refusal for a body that did not arrive whole; what arrived is kept."""
        if self.cut == "idle":
            raise RequestTimedOut("Nothing arrived for too long; ask where it stands and continue.")
        if self.cut == "stopping":
            raise TryAgainLater("The server restarts; ask where it stands and continue.")
        if self.cut is not None:
            raise InvalidRequest("The body ended early; ask where it stands and continue.")


class SocketBody(RequestBody):
    """Reads gunicorn's client socket itself: 2–3 times as fast as `wsgi.input`, and a silent peer
    costs no more than the idle time. Leans on gunicorn's LengthReader, see `_is_plain_gunicorn`."""

    def __init__(self, length: int, body: GunicornBody, client: socket.socket) -> None:
        super().__init__(length)
        self.body, self.client = body, client
        self.idle = client.gettimeout() or 0.0
        self.heard_at = time.monotonic()
        client.settimeout(min(SILENCE_TICK, self.idle))
        self.early: memoryview | None = None

    def _next(self, room: int | None) -> Block:
        wanted = self._missing() if room is None else min(room, self._missing())
        block = self._read_ahead(wanted) or self._receive(wanted)
        self.body.reader.length = self._missing() - len(block)
        # A connection whose request was cut is not used for another one.
        self.body.failed = self.body.failed or self.cut is not None
        return block

    def _read_ahead(self, wanted: int) -> Block:
        """What gunicorn has read together with the headers. Bytes beyond the body go back to it:
        they begin the client's next request."""
        if self.early is None:
            held = memoryview(self.body.reader.unreader.take_buffered())
            self.early, beyond = held[: self.length], held[self.length :]
            self.body.reader.unreader.unread(bytes(beyond))
        block, self.early = self.early[:wanted], self.early[wanted:]
        return block

    def _receive(self, wanted: int) -> Block:
        buffer = _buffer()
        try:
            _ask_for(self.body)
            count = self.client.recv_into(buffer, min(wanted, BUFFER_BYTES))
        except TimeoutError:
            self._note_silence()
            return b""
        except OSError:
            count = 0
        self.cut = None if count else "gone"
        self.heard_at = time.monotonic()
        return buffer[:count]

    def _note_silence(self) -> None:
        if time.monotonic() - self.heard_at >= self.idle:
            self.cut = "idle"

    def _missing(self) -> int:
        assert self.length is not None  # noqa: S101 - set by __init__
        return self.length - self.received


class StreamBody(RequestBody):
    """Reads `wsgi.input`, whatever the server is. Blocks are small so that little is lost in a
    cut: the server drops what it has collected of one."""

    BLOCK = 64 * 1024

    def __init__(self, length: int | None, stream: Any) -> None:
        super().__init__(length)
        self.stream = stream

    def _next(self, room: int | None) -> Block:
        try:
            block: bytes = self.stream.read(self.BLOCK if room is None else min(room, self.BLOCK))
        except TimeoutError:
            self.cut = "idle"
        except (OSError, ParseException):
            self.cut = "gone"
        else:
            self._note_end(block)
            return block
        return b""

    def _note_end(self, block: bytes) -> None:
        if not block:
            self.ended = self.length is None
            self.cut = None if self.ended else "gone"


class ChunkedBody(RequestBody):
    """A body in chunks, piece by piece as it arrives: `wsgi.input` would wait for whole blocks,
    and a cut would cost what it had collected."""

    def __init__(self, body: GunicornBody) -> None:
        super().__init__(None)
        self.body = body

    def _next(self, room: int | None) -> Block:
        try:
            _ask_for(self.body)
            block: bytes = next(self.body.reader.parser)
        except StopIteration:
            self.ended, self.body.reader.parser = True, None
        except TimeoutError:
            self.cut = "idle"
        except (OSError, ParseException):
            self.cut = "gone"
        else:
            return block
        self.body.failed = self.body.failed or self.cut is not None
        return b""


def request_body() -> RequestBody:
    """The body of the current request. Raises InvalidRequest for a length that is no number."""
    length = _announced()
    client = request.environ.get("gunicorn.socket")
    body = request.environ["wsgi.input"]
    if length is not None and _is_plain_gunicorn(body, client, length):
        return SocketBody(length, body, client)
    if isinstance(body, GunicornBody) and isinstance(body.reader, ChunkedReader):
        return ChunkedBody(body)
    return StreamBody(length, body)


def leave_nothing_unread(response: Response) -> Response:
    """After a refusal: the rest of a body is read away, so that the client, which answers only
    when it has sent all, gets to see the answer. A long rest costs it the connection instead,
    and the answer says so. So does one that it has not been asked for: it may come or not."""
    body = request.environ.get("wsgi.input")
    if isinstance(body, GunicornBody) and not _drained(body):
        Server.close_connection()
    return response


def _drained(body: GunicornBody) -> bool:
    """Read the rest away, looking at the clock after each piece. False if there is more."""
    if isinstance(body, AwaitedBody) and not body.asked:
        return False
    if not isinstance(body.reader, LengthReader):
        return not body.failed and getattr(body.reader, "parser", None) is None
    rest = SocketBody(body.reader.length, body, request.environ["gunicorn.socket"])
    deadline, room = time.monotonic() + DRAIN_SECONDS, DRAIN_BYTES
    while not (rest.done or body.failed) and room > 0 and time.monotonic() < deadline:
        count = len(rest._next(room))
        rest.received += count
        room -= count
    return rest.received == rest.length and not body.failed


def _announced() -> int | None:
    """Content-Length; None for a chunked body, 0 where there is none at all."""
    if request.headers.get("Transfer-Encoding"):
        return None
    text = request.headers.get("Content-Length", "0")
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise InvalidRequest("Content-Length must be a whole number.")
    return int(text)


def _is_plain_gunicorn(body: Any, client: Any, length: int) -> bool:
    """Whether the parts of gunicorn that SocketBody leans on are what gunicorn 27 has.

    TLS sockets are left out: there, bytes may wait inside the TLS layer.
    """
    return (
        type(client) is socket.socket
        and isinstance(body, GunicornBody)
        and isinstance(body.reader, LengthReader)
        and body.reader.length == length
        and hasattr(body.reader.unreader, "take_buffered")
    )


def _buffer() -> memoryview:
    if not hasattr(_of_thread, "buffer"):
        _of_thread.buffer = memoryview(bytearray(BUFFER_BYTES))
    buffer: memoryview = _of_thread.buffer
    return buffer
