"""Forms as they arrive: cut anywhere, damaged, huge; the file in them keeps every byte."""

from __future__ import annotations

import hashlib
import itertools
import secrets
import socket
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.core.errors import InvalidRequest, Refusal, TooLarge
from portal.multipart import Form
from portal.receiving import RequestBody
from storage_backends.base import Block
from tests.conftest import Portal, wait_for
from tests.wire.calling import CALL_LOG, Calls, refused

BOUNDARY = "----WebKitFormBoundaryXyZ"
MIB = 1024 * 1024


class Arriving(RequestBody):
    """A body that comes in these pieces."""

    def __init__(self, pieces: Iterable[bytes], cut: str | None = None) -> None:
        super().__init__(None)
        self.pieces, self.ends_with = iter(pieces), cut

    def _next(self, room: int | None) -> Block:
        piece = next(self.pieces, None)
        if piece is None:
            self.ended, self.cut = self.ends_with is None, self.ends_with
        return piece or b""


def part(content: bytes, disposition: str) -> bytes:
    head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n"
    return head.encode() + content + b"\r\n"


def written(content: bytes) -> bytes:
    """A form with this file, and the field behind it."""
    file = part(content, 'name="file"; filename="a.wav"')
    return file + part(CALL_LOG.encode(), 'name="call_log_id"') + END


END = f"--{BOUNDARY}--\r\n".encode()
READ = list[tuple[str, str | None, bytes]]


def read(pieces: Iterable[bytes], cut: str | None = None, room: int | None = None) -> READ:
    """What the form holds: names, file names, contents."""
    found: READ = []
    for each in Form(Arriving(pieces, cut), BOUNDARY.encode()).parts():
        content = each.text.encode()
        if each.body is not None:
            content = b"".join(
                bytes(block) for _ in range(10_000) for block in each.body.take(None, room)
            )
            each.body.refuse_cut()
        found.append((each.name, each.filename, content))
    return found


def in_pieces(whole: bytes, size: int) -> Iterator[bytes]:
    return (whole[at : at + size] for at in range(0, len(whole), size))


CONTENTS = [
    b"",
    b"\r\n",
    b"\r",
    b"\n",
    b"-",
    b"a--",
    b"\r\n--",
    b"\r\n-" * 9,
    b"x\r\n--" + BOUNDARY[:-1].encode() + b"!\r",
    BOUNDARY.encode(),
    b"--" + BOUNDARY.encode(),
    bytes(range(256)),
]


@pytest.mark.parametrize("content", CONTENTS)
def test_a_form_is_the_same_wherever_its_bytes_are_cut(content: bytes) -> None:
    whole = written(content)
    if content.startswith(b"--"):  # at the very beginning of a file, this is a delimiter
        whole = written(b"x" + content)
        content = b"x" + content
    expected = [("file", "a.wav", content), ("call_log_id", None, CALL_LOG.encode())]
    for at in range(1, len(whole)):
        assert read([whole[:at], whole[at:]]) == expected, whole[:at][-20:]
        assert read(in_pieces(whole, at)) == expected, at


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([b"\r", b"\n", b"-", b"--", BOUNDARY.encode(), b"x"])), st.data())
def test_no_content_and_no_cut_confuses_it(pieces: list[bytes], data: st.DataObject) -> None:
    content = b"x" + b"".join(pieces)
    if f"\r\n--{BOUNDARY}".encode() in content:
        return  # a client chooses a boundary that is not in its file
    whole = written(content)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(whole) - 1), max_size=6)))
    blocks = [whole[a:b] for a, b in itertools.pairwise([0, *cuts, len(whole)])]
    assert read(blocks)[0] == ("file", "a.wav", content)


@pytest.mark.parametrize("room", [1, 7, 100])
def test_a_file_is_read_in_stretches_of_any_size(room: int) -> None:
    content = secrets.token_bytes(5000)
    assert read(in_pieces(written(content), 64), room=room)[0][2] == content


def test_what_is_around_the_parts_has_no_meaning() -> None:
    expected = [("a", None, b"1")]
    whole = part(b"1", 'name="a"') + END
    assert read([b"This is a form.\r\n" + whole + b"\r\nthe end"]) == expected
    assert read([whole.removesuffix(b"\r\n")]) == expected
    assert read([whole.replace(b"XyZ\r\n", b"XyZ  \t\r\n")]) == expected
    assert read([END]) == []


def test_a_file_that_nobody_reads_is_passed_over() -> None:
    form = Form(Arriving(in_pieces(written(bytes(5000)), 100)), BOUNDARY.encode())
    assert [each.name for each in form.parts()] == ["file", "call_log_id"]


def test_a_form_that_is_cut_anywhere_is_refused() -> None:
    whole = written(b"some content")
    for at in range(len(whole) - 2):
        for cut in (None, "gone", "idle"):
            with pytest.raises(Refusal):
                read([whole[:at]], cut)


@pytest.mark.parametrize(
    ("disposition", "filename"),
    [
        ('filename="plain.wav"', "plain.wav"),
        ("filename=plain.wav", "plain.wav"),
        ('filename="two words; and=more.wav"', "two words; and=more.wav"),
        ('filename="a \\"quoted\\" call.wav"', 'a "quoted" call.wav'),
        ('filename="a %22quoted%22 call.wav"', 'a "quoted" call.wav'),
        ("filename*=UTF-8''Zo%C3%AB%20%E7%94%B5.wav", "Zoë 电.wav"),
        ('filename="Zoë.wav"', "Zoë.wav"),
        ('filename=""', ""),
    ],
)
def test_file_names_in_every_spelling(disposition: str, filename: str) -> None:
    whole = part(b"x", f'name="file"; {disposition}') + END
    assert read([whole]) == [("file", filename, b"x")]


@pytest.mark.parametrize("name", ["a[b][c]", "metadata[lead][]", "a.b", "Größe"])
def test_nested_names_are_just_names(name: str) -> None:
    assert read([part(b"x", f'name="{name}"') + END])[0][0] == name


@pytest.mark.parametrize(
    "form",
    [
        b"",
        b"no form at all",
        part(b"x", 'name="a"'),
        part(b"x", "no=name") + END,
        part(b"x", 'filename="a.wav"') + END,
        part(b"x", 'name="' + "n" * 101 + '"') + END,
        part(b"x", "name*=UTF-8''a%0D%0Ab") + END,
        part(b"x", "name*=UTF-8''%00") + END,
        part(b"\xff\xfe", 'name="a"') + END,
        f"--{BOUNDARY}\r\n\r\nx\r\n".encode() + END,
        f"--{BOUNDARY}\r\nX-Other: 1\r\n\r\nx\r\n".encode() + END,
        f"--{BOUNDARY}\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n".encode() + END,
        f"--{BOUNDARY}\r\n\xff: 1\r\n\r\nx\r\n".encode("latin-1") + END,
        f"--{BOUNDARY}\r\nX: {'x' * 20_000}\r\n\r\nx\r\n".encode() + END,
        f"--{BOUNDARY}{' ' * 20_000}\r\n".encode() + END,
        f"--{BOUNDARY}more\r\n".encode() + END,
        part(b"x", 'name="a"').replace(b"\r\n", b"\n") + END.replace(b"\r\n", b"\n"),
    ],
)
def test_what_is_no_form_is_refused(form: bytes) -> None:
    for size in (1, 1000, len(form) + 1):
        with pytest.raises(InvalidRequest):
            read(in_pieces(form, size))


def test_too_many_parts_and_too_long_fields_are_too_large() -> None:
    with pytest.raises(TooLarge):
        read([part(b"x", 'name="a"') * 1001 + END])
    with pytest.raises(TooLarge):
        read(in_pieces(part(bytes(600_000), 'name="a"') + END, 60_000))
    assert len(read([part(b"x", 'name="a"') * 20 + END])) == 20


# And through the whole portal.


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
