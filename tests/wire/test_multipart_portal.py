"""Forms through the whole portal: in chunks, damaged, broken off, and too large for any memory."""

from __future__ import annotations

import hashlib
import secrets
import socket
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.conftest import Portal
from tests.waiting import wait_for
from tests.wire.calling import Calls, refused
from tests.wire.forms import BOUNDARY, END, in_pieces, part, written

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def calls(portal: Portal) -> Calls:
    return Calls(portal, portal.token("uploader", "upload", "read", leads=["lead-1"]))


@pytest.fixture(scope="module")
def wav(media: Callable[..., Path]) -> bytes:
    return media("call-sales-0815.wav", 1).read_bytes()


def post(calls: Calls, boundary: str = f"; boundary={BOUNDARY}", body: object = b"") -> object:
    kind = {"Content-Type": f"multipart/form-data{boundary}"}
    return calls.session.post(calls.url, data=body, headers=kind)


def in_chunks(calls: Calls, pieces: Iterable[bytes], end: bytes = b"0\r\n\r\n") -> bytes:
    """The first line of the answer to a form sent in these chunks."""
    with socket.create_connection(("127.0.0.1", calls.portal.port), timeout=30) as connection:
        path = calls.url.removeprefix(calls.portal.url)
        connection.sendall(
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {calls.token}\r\n"
            f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
            "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n".encode()
        )
        for piece in pieces:
            connection.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        connection.sendall(end)
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(4096).split(b"\r\n")[0]


def test_a_form_in_chunks_is_taken_whatever_their_size(calls: Calls, wav: bytes) -> None:
    digest = hashlib.sha256(wav + b"-").hexdigest()
    whole = written(wav + b"-")
    query = "SELECT sha256 FROM recording ORDER BY id DESC LIMIT 1"
    for pieces in ([whole[:-3], whole[-3:]], in_pieces(whole, 997)):
        assert in_chunks(calls, pieces) == b"HTTP/1.1 200 OK"
        assert calls.portal.rows(query)[0]["sha256"] == digest


def test_damaged_chunks_and_an_early_end_are_400_and_leave_nothing(
    calls: Calls, wav: bytes
) -> None:
    whole = written(wav)
    before = open_uploads(calls)
    for pieces, end in (([whole[:5000]], b"zz\r\n"), ([whole[:-4]], b"0\r\n\r\n")):
        assert in_chunks(calls, pieces, end).split()[1] == b"400"
    wait_for(lambda: open_uploads(calls) == before)


def open_uploads(calls: Calls) -> int:
    return len(calls.portal.rows("SELECT id FROM upload WHERE state = 'open'"))


def test_a_form_that_the_client_breaks_off_leaves_nothing(calls: Calls) -> None:
    before, stored = open_uploads(calls), len(calls.portal.stored_files("parts"))
    with socket.create_connection(("127.0.0.1", calls.portal.port), timeout=30) as connection:
        path = calls.url.removeprefix(calls.portal.url)
        connection.sendall(
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {calls.token}\r\n"
            f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
            f"Content-Length: {10 * MIB}\r\n\r\n".encode()
        )
        connection.sendall(written(bytes(3 * MIB))[: 2 * MIB])
        wait_for(lambda: open_uploads(calls) == before + 1)
    wait_for(lambda: open_uploads(calls) == before)
    wait_for(lambda: len(calls.portal.stored_files("parts")) == stored)


@pytest.mark.parametrize(
    "boundary", ["", "; boundary=", '; boundary=""', "; boundary=" + "b" * 71, "; other=1"]
)
def test_a_form_without_a_boundary_is_400(calls: Calls, wav: bytes, boundary: str) -> None:
    refused(post(calls, boundary, written(wav)), 400, "VALIDATION_ERROR", "boundary")


def test_damaged_and_huge_forms_have_their_statuses(calls: Calls, wav: bytes) -> None:
    before = open_uploads(calls)
    whole = written(wav)
    refused(post(calls, body=whole[: -len(END)]), 400, "VALIDATION_ERROR", "ended early")
    refused(post(calls, body=whole[:9000]), 400, "VALIDATION_ERROR")
    many = part(b"x", 'name="a"') * 1001
    refused(post(calls, body=many + END), 413, "TOO_LARGE", "20 parts")
    huge = part(bytes(600_000), 'name="call_log_id"')
    refused(post(calls, body=huge + END), 413, "TOO_LARGE")
    hostile = part(wav, "name=\"file\"; filename*=UTF-8''a%0D%0ASet-Cookie:x.wav")
    refused(post(calls, body=hostile + END), 400, "VALIDATION_ERROR", "control characters")
    assert open_uploads(calls) == before


def processes(portal: Portal) -> list[psutil.Process]:
    return [psutil.Process(pid) for pid in portal.children("gunicorn")]


def memory(portal: Portal) -> int:
    return sum(each.memory_info().rss for each in processes(portal))


def test_two_files_of_200_megabytes_need_no_memory(calls: Calls) -> None:
    block, count = secrets.token_bytes(MIB), 200  # no sound: looking at it takes no time
    head, _, tail = written(b"?").partition(b"?")
    peaks = [0]

    def stream() -> Iterator[bytes]:
        yield head
        for number in range(count):
            if number % 20 == 0:
                peaks.append(memory(calls.portal))
            yield block
        yield tail

    def send(_: int) -> None:
        answer = post(Calls(calls.portal, calls.token), body=stream())
        assert answer.status_code in (202, 400), answer.text

    before = memory(calls.portal)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(send, range(2)))
    assert max(peaks) - before < 24 * MIB, (before, peaks)
    digest = hashlib.sha256(block * count).hexdigest()
    query = "SELECT key FROM recording WHERE sha256 = ?"
    kept = wait_for(lambda: len(rows := calls.portal.rows(query, digest)) == 2 and rows, 60)
    for each in kept:
        (calls.portal.data / "store" / each["key"]).unlink()  # room for the other tests
