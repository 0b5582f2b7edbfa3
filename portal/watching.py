"""Long requests and answers are asked about while they run: whose right is gone, is cut off.

A thread of its own asks every few seconds and hangs up on those who may not go on, because the
threads that serve them cannot: a file goes from the kernel to the socket in one call, and a slow
reader may sit in it for an hour. It costs the streams nothing.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

EVERY_SECONDS = 3.0
AT_ONCE = struct.pack("ii", 1, 0)
"""For SO_LINGER: what is still in the kernel's buffer when we hang up is thrown away."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Running:
    """One request, its connection, and the question whether it may go on."""

    client: socket.socket
    allowed: Callable[[], bool]
    since: float


class Watch:
    """The long requests of this process, and the thread that asks about them."""

    def __init__(self) -> None:
        self.running: set[Running] = set()
        self.lock = threading.Lock()
        self.thread: threading.Thread | None = None

    def begin(self, client: socket.socket, allowed: Callable[[], bool]) -> Callable[[], None]:
        """From now on this one is asked about; call what is returned when it is over."""
        one = Running(client, allowed, time.monotonic())
        with self.lock:
            self.running.add(one)
            if self.thread is None:
                self.thread = threading.Thread(target=self._keep_asking, daemon=True)
                self.thread.start()
        return lambda: self._end(one)

    def _end(self, one: Running) -> None:
        with self.lock:
            self.running.discard(one)

    def _keep_asking(self) -> None:
        while True:
            time.sleep(EVERY_SECONDS)
            with self.lock:
                long = [each for each in self.running if _is_long(each)]
            for each in long:
                if not _may_go_on(each):
                    self._hang_up(each)

    def _hang_up(self, one: Running) -> None:
        """Not on a connection that serves another request by now: hence the lock."""
        with self.lock, contextlib.suppress(OSError):  # the other side was quicker
            if one in self.running:
                one.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
                one.client.shutdown(socket.SHUT_RDWR)


def _is_long(one: Running) -> bool:
    return time.monotonic() - one.since >= EVERY_SECONDS


def _may_go_on(one: Running) -> bool:
    """Where nobody can tell, it may not: bytes are served to whom they are due, or not at all."""
    try:
        return one.allowed()
    except Exception:
        log.exception("a running request is ended: nobody can tell whether it may go on")
        return False


watch = Watch()
