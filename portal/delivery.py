"""How much of an answer has arrived: counted while it runs, and told to the play log.

What we handed to the kernel says little, as its buffers take megabytes that the client may never
see. The kernel knows what the other machine has acknowledged (tcp_info, Linux), and that counts.
Only an answer's own header, some 600 bytes, may pass for content where the answer is cut off.
"""

from __future__ import annotations

import array
import fcntl
import logging
import socket
import struct
import termios
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from portal.core.ranges import Ranges, merged
from portal.watching import AT_ONCE

EVERY_SECONDS = 2.0
"""How often the play log is told; a process that is killed takes what came since with it."""
PATIENCE = 15
"""How many rounds an ended answer's last bytes may be on their way; then they count, unless the
connection is gone. Who reads that slowly, a paused player say, is told to have got too much."""
_CLOSED = 7
"""TCP_CLOSE: nothing leaves such a connection any more."""
_UNSENT = 0x894B
"""SIOCOUTQNSD: bytes that the kernel has taken and not sent yet."""

Write = Callable[[dict[str, Ranges]], None]
log = logging.getLogger(__name__)


def _tcp_info(client: socket.socket) -> bytes:
    return client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 128)


def _acknowledged(client: socket.socket) -> int:
    """Bytes of this connection that the other machine has acknowledged: tcpi_bytes_acked."""
    return int(struct.unpack_from("Q", _tcp_info(client), 120)[0])


def _on_the_way(client: socket.socket) -> int:
    """Bytes that the kernel has taken and that are not acknowledged: SIOCOUTQ."""
    return _asked_kernel(client, termios.TIOCOUTQ)


def _asked_kernel(client: socket.socket, what: int) -> int:
    answer = array.array("i", [0])
    fcntl.ioctl(client.fileno(), what, answer)
    return answer[0]


def _still_to_come(client: socket.socket) -> int:
    """Bytes that may yet arrive though nobody sends any more: nothing once the connection is
    gone; after we have hung up, what was sent and not acknowledged."""
    if _tcp_info(client)[0] == _CLOSED:
        return 0
    unsent = _asked_kernel(client, _UNSENT) if _is_cut(client) else 0
    return _on_the_way(client) - unsent


def _is_cut(client: socket.socket) -> bool:
    """Whether we have hung up on the other machine."""
    return client.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(AT_ONCE)) == AT_ONCE


@dataclass(eq=False)
class Delivery:
    """One answer on its way: the bytes from start to stop, for one play session."""

    play_id: str
    client: socket.socket
    start: int
    stop: int
    rounds_left: int | None = None  # None while the answer runs
    noted: int | None = None

    def __post_init__(self) -> None:
        self.before = _acknowledged(self.client) + _on_the_way(self.client)

    @property
    def arrived(self) -> int:
        """Up to where the bytes are there."""
        return min(self.stop, self.start + max(0, _acknowledged(self.client) - self.before))

    @property
    def over(self) -> bool:
        return self.rounds_left is not None and (self.rounds_left <= 0 or self.arrived == self.stop)


class Deliveries:
    """The answers of this process that are being counted, and the thread that tells the log.

    `failing`: the log could not be written when it was last tried. No more bytes then.
    """

    def __init__(self, write: Write) -> None:
        self.write = write
        self.failing = False
        self.running: set[Delivery] = set()
        self.untold: dict[str, Ranges] = {}
        self.lock, self.telling = threading.RLock(), threading.Lock()
        self.thread: threading.Thread | None = None

    def begin(
        self, play_id: str, client: socket.socket | None, start: int, stop: int
    ) -> Callable[[], None]:
        """From now on these bytes are counted; call what is returned when the answer is over."""
        self._start_thread()
        if client is None or client.family == socket.AF_UNIX:  # nobody can tell: all of them
            return lambda: self._note(play_id, start, stop)
        one = Delivery(play_id, client, start, stop)
        with self.lock:
            self.running.add(one)
        return lambda: self._end(one)

    def _start_thread(self) -> None:
        with self.lock:
            if self.thread is None:
                self.thread = threading.Thread(target=self._keep_telling, daemon=True)
                self.thread.start()

    def _keep_telling(self) -> None:
        while True:
            time.sleep(EVERY_SECONDS)
            self.tell()

    def _note(self, play_id: str, start: int, stop: int) -> None:
        with self.lock:
            self.untold[play_id] = merged(self.untold.get(play_id, []), [(start, stop)])

    def _end(self, one: Delivery) -> None:
        """Usually all is there. If not, we keep a hold on the connection until it is: the server
        may close its own. Not where the rest is to be thrown away with it: see watching.py."""
        with self.lock:
            self._note_news(one)
            if one.arrived == one.stop or _is_cut(one.client):
                self._give_up(one)
            else:
                one.client, one.rounds_left = one.client.dup(), PATIENCE

    def _give_up(self, one: Delivery) -> None:
        coming = _still_to_come(one.client)
        self._note(one.play_id, one.start, min(one.stop, one.arrived + coming))
        self.running.discard(one)

    def _note_news(self, one: Delivery) -> None:
        if (arrived := one.arrived) != one.noted:
            one.noted = arrived
            self._note(one.play_id, one.start, arrived)

    def tell(self) -> None:
        """One round: look at what runs, and write what is new. What cannot be written is kept."""
        with self.telling:
            self._look()
            with self.lock:
                news, self.untold = self.untold, {}
            try:
                if news:
                    self.write(news)
                self.failing = False
            except Exception:
                log.exception("The play log cannot be written; no more bytes are played.")
                self.failing = True
                for play_id, ranges in news.items():
                    for start, stop in ranges:
                        self._note(play_id, start, stop)

    def _look(self) -> None:
        with self.lock:
            for one in list(self.running):
                self._note_news(one)
                if one.rounds_left is not None:
                    one.rounds_left -= 1
                if one.over:
                    self._give_up(one)
                    one.client.close()
