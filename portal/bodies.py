"""The body of one request as a source of bytes, in the order in which they arrive.

Here are those that come through the server's own reader. Bytes are never collected, only passed on.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from gunicorn.http.body import Body as GunicornBody
from gunicorn.http.errors import ParseException

from portal.core.errors import InvalidRequest, RequestTimedOut, TryAgainLater
from storage_backends.base import Block
from storage_backends.kernel import InPipe

Piece = TypeVar("Piece", Block, Block | InPipe)


class Server:
    """What the server tells its receivers; portal/gunicorn_conf.py sets it in each worker."""

    stopping: Callable[[], bool] = staticmethod(lambda: False)
    close_connection: Callable[[], None] = staticmethod(lambda: None)


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


def ask_for(body: GunicornBody) -> None:
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

    def at_hand(self, most: int) -> bytes | None:
        """The whole body, taken, if it has arrived already and has no more than so many bytes."""
        return None

    def take(self, seconds: float | None, most: int | None) -> Iterator[Block]:
        """See portal.core.appending.Body."""
        return self._each(self._next, seconds, most)

    def pour(self, seconds: float | None, most: int | None) -> Iterator[Block | InPipe]:
        """See portal.core.appending.Body."""
        return self.take(seconds, most)

    def _each(
        self, receive: Callable[[int | None], Piece], seconds: float | None, most: int | None
    ) -> Iterator[Piece]:
        deadline, room = None, most
        while not self.done and (room is None or room > 0):
            if Server.stopping():
                self.cut = "stopping"
                return
            block = receive(room)
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
            ask_for(self.body)
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
