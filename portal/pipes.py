"""The pipes of this process through which bytes go from a socket to a file without being copied.

They are lent for one request's stretch and used again. There are few: an account that is not root's
may have 64 pipes of 1 MiB, what it opens beyond them is too small. Whoever gets none copies.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from dataclasses import dataclass

from storage_backends.kernel import InPipe

PIPE_BYTES = 1024 * 1024
LEAST_BYTES = 256 * 1024
"""A smaller pipe is not worth its system calls."""
MOST = 24

_lock = threading.Lock()
_idle: list[Pipe] = []
_lent: set[int] = set()


@dataclass(frozen=True)
class Pipe:
    """Both ends, and how many bytes it holds."""

    reads: int
    writes: int
    holds: int

    def receive(self, socket: int, most: int) -> InPipe:
        """What waits in a socket that does not block; empty when its peer has gone. Raises
        BlockingIOError when nothing waits, OSError."""
        return InPipe(self.reads, os.splice(socket, self.writes, min(most, self.holds)))


def lend() -> Pipe | None:
    """A pipe with nothing in it, to be given back; None if there is none left."""
    with _lock:
        pipe = _idle.pop() if _idle else _opened() if len(_lent) < MOST else None
        if pipe is not None:
            _lent.add(pipe.reads)
        return pipe


def give_back(pipe: Pipe, empty: bool) -> None:
    """One that is not `empty` would mix two uploads: it is closed."""
    with _lock:
        _lent.discard(pipe.reads)
        if empty:
            _idle.append(pipe)
            return
    _close(pipe)


def _opened() -> Pipe | None:
    """None where there are no such pipes, or only small ones any more."""
    if not hasattr(os, "splice"):
        return None
    reads, writes = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    with contextlib.suppress(OSError):
        fcntl.fcntl(reads, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    pipe = Pipe(reads, writes, fcntl.fcntl(reads, fcntl.F_GETPIPE_SZ))
    if pipe.holds >= LEAST_BYTES:
        return pipe
    _close(pipe)
    return None


def _close(pipe: Pipe) -> None:
    os.close(pipe.reads)
    os.close(pipe.writes)
