"""A proxy in front of a portal that does to a client what bad networks and servers do.

It passes TCP on, and looks at the beginning of each request: there it may answer instead of the
server, wait, or break the connection in the middle of a request or of its answer.
"""

from __future__ import annotations

import random
import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress

BLOCK = 64 * 1024
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
Plan = Callable[[bytes], str]
"""What to do with a request, by its first line: ``pass``, ``cut``, ``reset``, ``delay``, ``lose``
(the answer), or a status such as ``503``."""


def passing(line: bytes) -> str:
    return "pass"


def at_random(seed: int, faults: float) -> Plan:
    """So many of the requests, from 0 to 1, meet one of all the faults."""
    dice, lock = random.Random(seed), threading.Lock()

    def plan(line: bytes) -> str:
        with lock:
            kinds = ("cut", "reset", "delay", "lose", "500", "503")
            return dice.choice(kinds) if dice.random() < faults else "pass"

    return plan


class Unreliable:
    """Runs inside a `with` block. `passed`: bytes of requests that went to the server. `done`: how
    often each fault was done."""

    def __init__(self, port: int, plan: Plan = passing) -> None:
        self.port_behind, self.plan = port, plan
        self.passed = 0
        self.done: dict[str, int] = {}
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def __enter__(self) -> Unreliable:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        _close(self.listener)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """A connection of the client; the first request that reaches the server is its last."""
        with client, suppress(OSError):
            held = b""
            while head := _head(client, held):
                begin, early = head
                held = b""
                if (act := self._choose(begin)).isdigit():
                    _read_away(client, _length(begin) - len(early))
                    client.sendall(_answer(act))
                    continue
                with socket.create_connection(("127.0.0.1", self.port_behind)) as server:
                    self._pass(client, server, begin, early, act)
                return

    def _pass(
        self, client: socket.socket, server: socket.socket, head: bytes, early: bytes, act: str
    ) -> None:
        """One request and its answer, as far as this act lets them."""
        size = _length(head)
        if act == "delay":
            time.sleep(0.3)
        server.sendall(head.replace(b"\r\n", b"\r\nConnection: close\r\n", 1) + early)
        self._count(len(early))
        most = random.randrange(size + 1) if act in ("cut", "reset") else size
        if not self._copy(client, server, most - len(early)) or most < size:
            _break(client, server, hard=act == "reset")
            return
        while block := server.recv(BLOCK):
            if act in ("pass", "delay"):
                client.sendall(block)
        if act == "reset":
            _break(client, hard=True)

    def _choose(self, head: bytes) -> str:
        act = self.plan(head.partition(b"\r\n")[0])
        with self.lock:
            self.done[act] = self.done.get(act, 0) + 1
        return act

    def _copy(self, client: socket.socket, server: socket.socket, count: int) -> bool:
        while count > 0:
            block = client.recv(min(BLOCK, count))
            if not block:
                return False
            server.sendall(block)
            self._count(len(block))
            count -= len(block)
        return True

    def _count(self, count: int) -> None:
        with self.lock:
            self.passed += count


def _head(client: socket.socket, held: bytes) -> tuple[bytes, bytes] | None:
    """A request's head, and what came with it of its body; None at the connection's end."""
    while b"\r\n\r\n" not in held:
        block = client.recv(BLOCK)
        if not block:
            return None
        held += block
    head, end, early = held.partition(b"\r\n\r\n")
    return head + end, early


def _length(head: bytes) -> int:
    found = LENGTH.search(head)
    return int(found[1]) if found else 0


def _read_away(client: socket.socket, count: int) -> None:
    while count > 0:
        block = client.recv(min(BLOCK, count))
        if not block:
            return
        count -= len(block)


def _answer(status: str) -> bytes:
    body = b'{"error": {"code": "overloaded", "message": "Try again."}}'
    lines = f"HTTP/1.1 {status} Fault\r\nContent-Type: application/json\r\n"
    lines += f"Content-Length: {len(body)}\r\n"
    lines += "Retry-After: 1\r\n\r\n" if status == "503" else "\r\n"
    return lines.encode() + body


def _break(*connections: socket.socket, hard: bool) -> None:
    for each in connections:
        if hard:  # a RST instead of a FIN
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        _close(each)


def _close(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
