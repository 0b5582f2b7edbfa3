"""What arrives fast goes from its socket to its file through a pipe, and nothing else changes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from gunicorn.http.body import Body, LengthReader
from gunicorn.http.unreader import SocketUnreader

from portal import pipes
from portal.socket_body import SocketBody
from storage_backends import LocalStore
from storage_backends.kernel import InPipe

MIB = 1024 * 1024
SENT = secrets.token_bytes(24 * MIB)


@contextmanager
def arriving(
    content: bytes, announced: int | None = None, piece: int = 4 * MIB
) -> Iterator[SocketBody]:
    """A body as gunicorn would hand it over, sent over TCP from another thread."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sender = socket.create_connection(listener.getsockname())
        client, _ = listener.accept()
    client.settimeout(20)

    def send() -> None:
        with sender, contextlib.suppress(ConnectionError):
            for begin in range(0, len(content), piece):
                sender.sendall(content[begin : begin + piece])

    sending = threading.Thread(target=send, daemon=True)
    length = announced or len(content)
    with client:
        body = SocketBody(length, Body(LengthReader(SocketUnreader(client), length)), client)
        sending.start()
        yield body
    sending.join(20)


def poured(body: SocketBody, into: Path) -> list[type]:
    """Writes the body to a file and tells what kinds of blocks it came in."""
    kinds = []
    with into.open("wb", buffering=0) as file:
        for block in body.pour(None, None):
            kinds.append(type(block))
            if isinstance(block, InPipe):
                block.into(file.fileno())
            else:
                file.write(block)
    return kinds


@pytest.fixture(autouse=True)
def every_pipe_comes_back() -> Iterator[None]:
    yield
    assert not pipes._lent


def test_a_fast_body_goes_through_a_pipe_and_arrives_whole(tmp_path: Path) -> None:
    with arriving(SENT) as body:
        kinds = poured(body, tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == SENT
    assert kinds.count(InPipe) > len(SENT) / pipes.PIPE_BYTES / 2
    assert body.cut is None and body.done


def test_the_local_store_takes_it_as_any_other(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    with arriving(SENT) as body:
        assert store.write("parts/1", body.pour(15, 10 * MIB)).size == 10 * MIB
        assert store.write("parts/2", body.pour(15, None)).size == 14 * MIB
    assert b"".join([*store.read("parts/1"), *store.read("parts/2")]) == SENT


def test_what_a_peer_sent_before_it_went_away_is_kept(tmp_path: Path) -> None:
    with arriving(SENT, announced=len(SENT) + 1) as body:
        poured(body, tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == SENT
    assert body.cut == "gone"


def test_a_slow_body_takes_no_pipe_away_from_others(tmp_path: Path) -> None:
    with arriving(SENT[:MIB], piece=10_000) as body:
        body.client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        kinds = poured(body, tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == SENT[:MIB]
    assert InPipe not in kinds


def test_whoever_gets_no_pipe_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "splice")
    monkeypatch.setattr(pipes, "_idle", [])
    with arriving(SENT) as body:
        kinds = poured(body, tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == SENT and InPipe not in kinds


def test_what_a_full_disk_left_in_a_pipe_reaches_nobody_else(tmp_path: Path) -> None:
    with arriving(SENT) as body:
        stretch = body.pour(None, None)
        assert any(isinstance(block, InPipe) for block in stretch), "and nobody takes it out"
        del stretch
    for number in range(3):
        with arriving(SENT) as body:
            poured(body, tmp_path / str(number))
        assert (tmp_path / str(number)).read_bytes() == SENT


def test_a_file_that_takes_no_pipe_is_written_all_the_same() -> None:
    reads, writes = os.pipe()
    os.write(writes, b"what waits")
    sheet = os.memfd_create("appending", 0)
    os.set_blocking(reads, False)
    fcntl.fcntl(sheet, fcntl.F_SETFL, os.O_APPEND)  # splice refuses to append: EINVAL
    InPipe(reads, 10).into(sheet)
    assert os.pread(sheet, 100, 0) == b"what waits"
    for each in (reads, writes, sheet):
        os.close(each)


def test_a_small_body_is_at_hand_once_all_of_it_is_there() -> None:
    with arriving(SENT[:4096]) as body:
        body.client.recv(4096, socket.MSG_PEEK | socket.MSG_WAITALL)
        assert body.at_hand(4096) == SENT[:4096]
        assert body.done


def test_what_is_not_all_there_or_too_large_arrives_as_ever(tmp_path: Path) -> None:
    with arriving(SENT[:4096], announced=5000) as body:
        body.client.recv(4096, socket.MSG_PEEK | socket.MSG_WAITALL)
        assert body.at_hand(4999) is None and body.at_hand(5000) is None
        poured(body, tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == SENT[:4096]
    assert body.cut == "gone"
