"""A wire between a store and its server: it counts bytes, and loses answers when it is told to."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator


class Wire:
    """Forwards connections to a port. `carried` is how many bytes went either way."""

    def __init__(self, to: int) -> None:
        self.to = to
        self.carried = 0
        self.lose_answer_to = b""
        self.lost = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the listener is closed: that is the end
            while True:
                client = self.listener.accept()[0]
                server = socket.create_connection(("127.0.0.1", self.to))
                ends = (client, server)
                threading.Thread(target=self._carry, args=(*ends, True), daemon=True).start()
                threading.Thread(target=self._carry, args=(*ends[::-1], False), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket, asking: bool) -> None:
        with contextlib.suppress(OSError), one, other:
            while data := one.recv(1 << 20):
                self.carried += len(data)
                if asking and self.lose_answer_to and self.lose_answer_to in data:
                    self._lose(data, other)
                    return
                other.sendall(data)

    def _lose(self, request: bytes, server: socket.socket) -> None:
        """The server gets the request, whole in one piece, and its answer reaches nobody."""
        self.lose_answer_to = b""
        self.lost += 1
        server.sendall(request)
        server.settimeout(5)
        server.recv(1)


@contextlib.contextmanager
def wire(to: int) -> Iterator[Wire]:
    made = Wire(to)
    try:
        yield made
    finally:
        made.listener.close()
