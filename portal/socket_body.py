"""The body of one request, read from gunicorn's own socket.

Bytes go into a buffer that is used again and again, or into a pipe where whoever takes them does
not look at them.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator

from gunicorn.http.body import Body as GunicornBody

from portal import pipes
from portal.bodies import AwaitedBody, Piece, RequestBody, ask_for
from storage_backends.base import Block
from storage_backends.kernel import InPipe

SILENCE_TICK = 1.0
"""How often a receiver that hears nothing looks whether the server is stopping, in seconds."""

BUFFER_BYTES = 256 * 1024
"""One buffer a thread: bigger ones gain little, and hundreds of threads keep theirs."""

_of_thread = threading.local()


class SocketBody(RequestBody):
    """Reads gunicorn's client socket itself: 2–3 times as fast as `wsgi.input`, and a silent peer
    costs no more than the idle time. Leans on gunicorn's LengthReader, see `_is_plain_gunicorn`.

    What arrives so fast that it fills the buffer goes into a pipe from then on, if it is poured.
    """

    def __init__(self, length: int, body: GunicornBody, client: socket.socket) -> None:
        super().__init__(length)
        self.body, self.client = body, client
        self.idle = client.gettimeout() or 0.0
        self.heard_at = time.monotonic()
        client.settimeout(min(SILENCE_TICK, self.idle))
        self.early: memoryview | None = None
        self.fast = False
        self.pipe: pipes.Pipe | None = None
        self.piped: InPipe | None = None

    def at_hand(self, most: int) -> bytes | None:
        """As gunicorn has read it together with the headers, or as it waits in the socket."""
        if not 0 < self._missing() <= most or isinstance(self.body, AwaitedBody):
            return None
        early = self._buffered()
        if len(early) < self._missing():
            with contextlib.suppress(OSError):  # there is nothing yet: not a socket that blocks
                early = bytes(early) + os.read(self.client.fileno(), self._missing() - len(early))
        if len(early) < self._missing():
            self.early = memoryview(early)
            return None
        self.early, self.received, self.body.reader.length = memoryview(b""), self.length, 0
        return bytes(early)

    def pour(self, seconds: float | None, most: int | None) -> Iterator[Block | InPipe]:
        try:
            yield from self._each(self._next_or_pipe, seconds, most)
        finally:
            self._give_pipe_back()

    def _next(self, room: int | None) -> Block:
        return self._heard(room, self._copy)

    def _next_or_pipe(self, room: int | None) -> Block | InPipe:
        return self._heard(room, self._splice_or_copy)

    def _heard(self, room: int | None, receive: Callable[[int], Piece]) -> Piece | Block:
        wanted = self._missing() if room is None else min(room, self._missing())
        block = self._read_ahead(wanted) or self._receive(wanted, receive)
        self.body.reader.length = self._missing() - len(block)
        # A connection whose request was cut is not used for another one.
        self.body.failed = self.body.failed or self.cut is not None
        return block

    def _read_ahead(self, wanted: int) -> Block:
        early = self._buffered()
        block, self.early = early[:wanted], early[wanted:]
        return block

    def _buffered(self) -> memoryview:
        """What gunicorn has read together with the headers. Bytes beyond the body go back to it:
        they begin the client's next request."""
        if self.early is None:
            held = memoryview(self.body.reader.unreader.take_buffered())
            self.early, beyond = held[: self.length], held[self.length :]
            self.body.reader.unreader.unread(bytes(beyond))
        return self.early

    def _receive(self, wanted: int, receive: Callable[[int], Piece]) -> Piece | Block:
        block: Piece | Block = b""
        try:
            ask_for(self.body)
            block = receive(wanted)
        except TimeoutError:
            self._note_silence()
            return block
        except OSError:
            pass  # as a peer that closes, it is gone
        self.cut = None if block else "gone"
        self.heard_at = time.monotonic()
        return block

    def _copy(self, wanted: int) -> Block:
        buffer = _buffer()
        count = self.client.recv_into(buffer, min(wanted, BUFFER_BYTES))
        self.fast = count == BUFFER_BYTES
        return buffer[:count]

    def _splice_or_copy(self, wanted: int) -> Block | InPipe:
        if not self.fast or wanted < BUFFER_BYTES:
            self._give_pipe_back()
            return self._copy(wanted)
        self.pipe = self.pipe or pipes.lend()
        if self.pipe is None:
            return self._copy(wanted)
        self.piped = self._splice(self.pipe, wanted)
        self.fast = len(self.piped) >= BUFFER_BYTES // 4
        return self.piped

    def _splice(self, pipe: pipes.Pipe, wanted: int) -> InPipe:
        while True:
            try:
                return pipe.receive(self.client.fileno(), wanted)
            except BlockingIOError:
                self._await()

    def _await(self) -> None:
        """As the socket itself waits when it is read: raises TimeoutError."""
        poll = select.poll()
        poll.register(self.client, select.POLLIN)
        if not poll.poll((self.client.gettimeout() or 0.0) * 1000):
            raise TimeoutError

    def _give_pipe_back(self) -> None:
        if self.pipe is not None:
            pipes.give_back(self.pipe, empty=self.piped is None or not self.piped.left)
        self.pipe = self.piped = None

    def _note_silence(self) -> None:
        if time.monotonic() - self.heard_at >= self.idle:
            self.cut = "idle"

    def _missing(self) -> int:
        assert self.length is not None  # noqa: S101 - set by __init__
        return self.length - self.received


def _buffer() -> memoryview:
    """This thread's. Of a mapping, a slow client's few bytes cost no more than the pages that they
    fill; a bytearray would be written over as a whole: 130 MiB for 500 uploads."""
    if not hasattr(_of_thread, "buffer"):
        _of_thread.buffer = memoryview(mmap.mmap(-1, BUFFER_BYTES))
    buffer: memoryview = _of_thread.buffer
    return buffer
