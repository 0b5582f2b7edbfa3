"""Counting what arrives, on a real connection, and what happens when the log cannot be written."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from portal import delivery, watching
from portal.core.ranges import Ranges
from portal.delivery import Deliveries
from tests.waiting import wait_for

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Our end of a connection, and the client's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        ours, _ = listener.accept()
    with client, ours:
        yield ours, client


class Log:
    """A play log that can be told to fail."""

    def __init__(self) -> None:
        self.rows: dict[str, Ranges] = {}
        self.broken = False

    def write(self, sent: dict[str, Ranges]) -> None:
        if self.broken:
            raise OSError("disk full")
        self.rows |= sent


def test_what_follows_on_the_same_connection_is_not_counted_twice(pair: Pair) -> None:
    log, (ours, _) = Log(), pair
    deliveries = Deliveries(log.write)
    for number in range(3):
        over = deliveries.begin(f"play-{number}", ours, 100, 1100)
        ours.sendall(b"x" * 1000)
        over()
    wait_for(lambda: deliveries.tell() or len(log.rows) == 3)
    wait_for(lambda: deliveries.tell() or not deliveries.running)
    assert log.rows == {f"play-{number}": [[100, 1100]] for number in range(3)}


def test_an_answer_that_never_went_out_has_brought_nothing(pair: Pair) -> None:
    log, (ours, client) = Log(), pair
    deliveries = Deliveries(log.write)
    over = deliveries.begin("play", ours, 0, 10_000_000)
    ours.sendall(b"x" * 3000)
    wait_for(lambda: deliveries.tell() or log.rows.get("play") == [[0, 3000]])
    client.close()
    over()
    deliveries.tell()
    assert log.rows == {"play": [[0, 3000]]}


def sent_until_full(ours: socket.socket) -> int:
    """How many bytes the kernel takes while the client reads none."""
    ours.setblocking(False)
    taken = 0
    while True:
        try:
            taken += ours.send(b"x" * 65536)
        except BlockingIOError:
            return taken


@pytest.mark.parametrize("stays", [True, False])
def test_what_a_slow_reader_may_still_fetch_counts_unless_it_has_gone(
    pair: Pair, stays: bool
) -> None:
    log, (ours, client) = Log(), pair
    deliveries = Deliveries(log.write)
    over = deliveries.begin("play", ours, 0, 100_000_000)
    taken = sent_until_full(ours)
    over()
    if not stays:
        client.close()
    for _ in range(delivery.PATIENCE):
        deliveries.tell()
    [[start, stop]] = log.rows["play"]
    assert start == 0 and (stop == taken if stays else stop < taken)


def test_who_was_hung_up_on_gets_nothing_of_what_was_on_its_way(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, (ours, client) = Log(), pair
    deliveries, watch = Deliveries(log.write), watching.Watch()
    over = deliveries.begin("play", ours, 0, 100_000_000)
    ours.settimeout(0.2)
    with pytest.raises(TimeoutError):  # both machines' buffers are full
        ours.sendall(b"x" * 100_000_000)
    monkeypatch.setattr(watching, "EVERY_SECONDS", 0.01)
    watch.begin(ours, lambda: False)
    wait_for(lambda: _cannot_send(ours))
    over()
    ours.close()
    client.settimeout(5)
    with pytest.raises(ConnectionResetError):
        while client.recv(1_000_000):
            pass


def _cannot_send(connection: socket.socket) -> bool:
    try:
        connection.send(b"x")
    except TimeoutError:
        return False
    except BrokenPipeError:
        return True
    return False


def test_while_the_log_cannot_be_written_nothing_more_is_played_and_nothing_is_forgotten() -> None:
    log = Log()
    deliveries = Deliveries(log.write)
    deliveries.begin("play", None, 0, 10)()
    log.broken = True
    deliveries.tell()
    assert deliveries.failing and log.rows == {}
    deliveries.begin("play", None, 10, 20)()
    log.broken = False
    deliveries.tell()
    assert not deliveries.failing and log.rows == {"play": [[0, 20]]}
