"""Peers that say nothing, or half of what they should: they cost themselves, nobody else."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import requests

from tests.conftest import Portal, Tus
from tests.waiting import wait_for


@pytest.fixture
def impatient(own_portal: Callable[..., Portal]) -> Portal:
    """A portal that gives silent peers up after two seconds."""
    return own_portal(PORTAL_IDLE_SECONDS="2", PORTAL_JOB_WORKERS="0")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Closes the connections of a test."""
    with ExitStack() as connections:
        yield connections


def test_a_peer_that_goes_silent_is_let_go_and_its_bytes_are_kept(impatient: Portal) -> None:
    tus = Tus(impatient, impatient.token())
    path = tus.begin(1000)
    with tus.raw(path, 0, 1000) as connection:
        connection.sendall(b"x" * 300)
        begun = time.monotonic()
        answer = connection.recv(1000)
        assert 1.5 < time.monotonic() - begun < 6
    assert answer.split()[1] == b"503" and b"Retry-After" in answer
    assert tus.offset(path) == 300


def test_silent_bodies_do_not_stop_the_others(portal: Portal, tus: Tus, stack: ExitStack) -> None:
    path = tus.begin(1000)
    for _ in range(300):
        stack.enter_context(tus.raw(path, 0, 1000))
    assert slowest_answer(portal, seconds=1) < 2


def test_headers_that_never_end_stop_nobody_not_even_when_they_are_given_up(
    impatient: Portal, stack: ExitStack
) -> None:
    """gunicorn's own worker stops accepting for up to two seconds for each that it closes."""
    peers = [begin_a_request(impatient, stack) for _ in range(50)]
    assert slowest_answer(impatient, seconds=6) < 1
    wait_for(lambda: all(was_closed(peer) for peer in peers))
    assert "Traceback" not in impatient.log.read_text()


def begin_a_request(portal: Portal, stack: ExitStack) -> socket.socket:
    peer = socket.create_connection(("127.0.0.1", portal.port))
    stack.enter_context(peer)
    peer.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Never-Ends: ")
    peer.setblocking(False)
    return peer


def slowest_answer(portal: Portal, seconds: float) -> float:
    """How long /health took at the worst, asked again and again for so long."""
    slowest, end = 0.0, time.monotonic() + seconds
    while (begun := time.monotonic()) < end:
        assert requests.get(f"{portal.url}/health", timeout=10).ok
        slowest = max(slowest, time.monotonic() - begun)
    return slowest


def was_closed(peer: socket.socket) -> bool:
    try:
        return peer.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
