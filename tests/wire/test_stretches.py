"""A long request is taken in stretches, so that what came is acknowledged while more comes."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from portal.bodies import StreamBody


@pytest.fixture
def trickle() -> Iterator[StreamBody]:
    """A body of 200 bytes, one every few milliseconds, through a real socket."""
    ours, theirs = socket.socketpair()

    def send() -> None:
        for _ in range(200):
            theirs.sendall(b"x")
            time.sleep(0.005)  # this is the client's pace, nothing waits for it
        theirs.close()

    client = threading.Thread(target=send)
    client.start()
    yield StreamBody(200, ours.makefile("rb", buffering=0))
    client.join()
    ours.close()


def size(stretch: Iterator[bytes]) -> int:
    return sum(len(block) for block in stretch)


def test_a_stretch_ends_after_its_time_and_the_next_goes_on(trickle: StreamBody) -> None:
    sizes = []
    while not trickle.done:
        sizes.append(size(trickle.take(0.1, None)))
    assert sum(sizes) == 200 and trickle.cut is None
    assert len(sizes) >= 5 and all(sizes)


def test_a_stretch_ends_after_so_many_bytes(trickle: StreamBody) -> None:
    sizes = []
    while not trickle.done:
        sizes.append(size(trickle.take(None, 64)))
    assert sizes == [64, 64, 64, 8]
