"""A wire between a store and its server: it counts bytes, loses answers, plays a lesser server."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator


class Wire:
    """Forwards connections to a port. `carried` is how many bytes went either way.

    Requests with the word `not_implemented` are refused as a server without them does; of others,
    the first of `replaced` arrives as the second. While `thawed` is cleared
    nothing arrives at all.
    """

    def __init__(self, to: int) -> None:
        self.to = to
        self.carried = 0
        self.lose_answer_to = b""
        self.lost = 0
        self.not_implemented = b""
        self.replaced = (b"", b"")
        self.thawed = threading.Event()
        self.thawed.set()
        self.doomed: socket.socket | None = None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the listener is closed: that is the end
            while True:
                client = self.listener.accept()[0]
                server = socket.create_connection(("127.0.0.1", self.to))
                for way in (self._asks, self._answers):
                    threading.Thread(target=way, args=(client, server), daemon=True).start()

    def _asks(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError), client, server:
            while data := client.recv(1 << 20):
                self.carried += len(data)
                self.thawed.wait()
                if self.lose_answer_to and self.lose_answer_to in data:
                    self.lose_answer_to = b""
                    self.doomed = server
                if self.not_implemented and self.not_implemented in data:
                    client.sendall(b"HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\n\r\n")
                else:
                    server.sendall(data.replace(*self.replaced) if self.replaced[0] else data)

    def _answers(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError), client, server:
            while data := server.recv(1 << 20):
                self.carried += len(data)
                if self.doomed is server:
                    self.lost += 1
                    client.shutdown(socket.SHUT_RDWR)
                    return
                client.sendall(data)


@contextlib.contextmanager
def wire(to: int) -> Iterator[Wire]:
    made = Wire(to)
    try:
        yield made
    finally:
        made.listener.close()
