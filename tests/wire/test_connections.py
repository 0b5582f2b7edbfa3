"""Connections: how many there may be, how long they are kept, and who loses theirs."""

from __future__ import annotations

import http.client
import resource
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
import requests

from tests.conftest import Portal, Tus


def test_who_drips_a_refused_body_for_ever_loses_the_connection(tus: Tus) -> None:
    path, begun, answer = tus.begin(10**6), time.monotonic(), b""
    with tus.raw(path, 7, 10**6) as connection:
        while time.monotonic() - begun < 20:
            if not select.select([connection], [], [], 0.1)[0]:
                connection.sendall(b"x")
            elif block := heard(connection):
                answer += block
            else:
                break
    assert time.monotonic() - begun < 10
    assert answer.split()[1] == b"409" and b"\r\nConnection: close\r\n" in answer


def heard(connection: socket.socket) -> bytes:
    try:
        return connection.recv(4096)
    except ConnectionError:
        return b""


def test_a_stopping_process_lets_kept_connections_ask_once_more(
    own_portal: Callable[..., Portal],
) -> None:
    """It did not when closed connections had been counted twice: it then believed to have none."""
    portal = own_portal(PORTAL_WEB_PROCESSES="1", PORTAL_JOB_WORKERS="0")
    for _ in range(5):
        requests.get(f"{portal.url}/health", headers={"Connection": "close"})
    kept = http.client.HTTPConnection("127.0.0.1", portal.port, timeout=10)
    kept.request("GET", "/health")
    kept.getresponse().read()
    begun = time.monotonic()
    psutil.Process(portal.children("gunicorn")[1]).send_signal(signal.SIGTERM)
    assert kept.sock.recv(1) == b"", "nobody asks, so it is closed in the end"
    assert 1 < time.monotonic() - begun < 5


@pytest.fixture
def limited() -> Iterator[Callable[[int], None]]:
    """Sets how many files may be open: by us, and by what we start, as far as it leaves it so."""
    before, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield lambda files: resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (before, hard))


def test_more_clients_than_the_usual_limit_of_open_files_are_served(
    own_portal: Callable[..., Portal], limited: Callable[[int], None]
) -> None:
    few = len(list(Path("/proc/self/fd").iterdir())) + 80  # what we have open ourselves counts, too
    limited(few)
    portal = own_portal(PORTAL_WEB_PROCESSES="1", PORTAL_JOB_WORKERS="0")
    limited(4000)
    with ExitStack() as stack:
        for _ in range(few + 100):
            client = socket.create_connection(("127.0.0.1", portal.port), timeout=10)
            stack.enter_context(client)
            client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(4096).split()[1] == b"200"
