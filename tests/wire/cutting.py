"""A TCP proxy that breaks connections where a test says so."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Proxy:
    """Passes bytes on to a port of this machine.

    `cut_after`: each number ends all connections once so many bytes of clients have passed in
    all. `lose_answer_after`: when that many have passed, the next answer goes nowhere.
    """

    def __init__(self, port: int, cut_after: list[int], lose_answer_after: int = 0) -> None:
        self.port_behind = port
        self.cuts, self.lose_after = sorted(cut_after), lose_answer_after
        self.passed, self.cut = 0, 0
        self.lock = threading.Lock()
        self.open: list[socket.socket] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.port_behind))
            self.open += [client, server]
            for act in (self._up, self._down):
                threading.Thread(target=act, args=(client, server), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        while block := _received(client):
            _send(server, block)
            with self.lock:
                self.passed += len(block)
                if self.cuts and self.passed >= self.cuts[0]:
                    self.cuts.pop(0)
                    self.break_all()
        _close(client, server)

    def _down(self, client: socket.socket, server: socket.socket) -> None:
        while block := _received(server):
            with self.lock:
                if self.lose_after and self.passed >= self.lose_after:
                    self.lose_after = 0
                    self.break_all()
            _send(client, block)
        _close(client, server)

    def break_all(self) -> None:
        self.cut += 1
        _close(*self.open)
        self.open.clear()

    def close(self) -> None:
        _close(self.listener, *self.open)


@contextmanager
def cutting(port: int, *cut_after: int, lose_answer_after: int = 0) -> Iterator[Proxy]:
    proxy = Proxy(port, list(cut_after), lose_answer_after)
    try:
        yield proxy
    finally:
        proxy.close()


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(16 * 1024)
    except OSError:
        return b""


def _send(connection: socket.socket, block: bytes) -> None:
    with suppress(OSError):
        connection.sendall(block)


def _close(*connections: socket.socket) -> None:
    for each in connections:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
