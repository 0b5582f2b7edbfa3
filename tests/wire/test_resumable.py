"""The IETF's resumable uploads, interop version 8, byte by byte: interim answers and cuts too."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import Portal, Tus, wait_for

ROUTE = "/api/v1/resumable"
KINDS = "https://iana.org/assignments/http-problem-types#"
Media = Callable[[str], Path]


@dataclass(frozen=True)
class Said:
    status: int
    headers: dict[str, str]
    body: bytes = b""

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


class Client:
    """Sends exactly what a test says, and keeps every answer, 104 among them. `requests` would
    take a 104 for the answer."""

    def __init__(self, portal: Portal, token: str) -> None:
        self.portal, self.token = portal, token

    def open(self, method: str, path: str, **headers: str) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.portal.port), timeout=30)
        sent = {"Host": "localhost", "Authorization": f"Bearer {self.token}"}
        sent |= {"Upload-Draft-Interop-Version": "8"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in sent.items() if v), "", ""]
        connection.sendall("\r\n".join(lines).encode())
        return connection

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Said:
        return self.all(method, path, body, **headers)[-1]

    def all(self, method: str, path: str, body: bytes | None = None, **headers: str) -> list[Said]:
        if body is not None and "Transfer_Encoding" not in headers:
            headers.setdefault("Content_Length", str(len(body)))
        with self.open(method, path, **headers) as connection:
            connection.sendall(body or b"")
            return answers(connection, method)

    def create(self, body: bytes = b"", last: bool = False, **headers: str) -> Said:
        return self.ask("POST", ROUTE, body, Upload_Complete=f"?{last:d}", **headers)

    def begin(self, **headers: str) -> str:
        said = self.create(**headers)
        assert said.status == 201, said
        return said.headers["location"]

    def patch(self, path: str, offset: int, body: bytes, last: bool, **headers: str) -> Said:
        usual = {"Content_Type": "application/partial-upload", "Upload_Offset": str(offset)}
        usual |= {"Upload_Complete": f"?{last:d}"}
        return self.ask("PATCH", path, body, **(usual | headers))

    def head(self, path: str) -> Said:
        return self.ask("HEAD", path)


def answers(connection: socket.socket, method: str) -> list[Said]:
    """The interim answers and the final one."""
    found: list[Said] = []
    with connection.makefile("rb") as stream:
        while not found or found[-1].status < 200:
            status = int(stream.readline().split()[1])
            lines = iter(lambda: stream.readline().strip(), b"")
            headers = dict(line.decode().split(": ", 1) for line in lines)
            lower = {name.lower(): value for name, value in headers.items()}
            size = 0 if method == "HEAD" else int(lower.get("content-length", 0))
            found.append(Said(status, lower, stream.read(size)))
    return found


def in_chunks(*pieces: bytes, ends: bool = True) -> bytes:
    coded = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return coded + b"0\r\n\r\n" if ends else coded


@pytest.fixture
def client(portal: Portal, token: str) -> Client:
    return Client(portal, token)


@pytest.fixture
def wav(media: Media) -> bytes:
    return media("call-sales-0815.wav").read_bytes()


def stored(portal: Portal, location: str) -> bytes:
    key = portal.recording(location.rpartition("/")[2])["key"]
    return (portal.data / "store" / key).read_bytes()


def test_it_is_off_unless_it_is_switched_on(own_portal: Callable[..., Portal]) -> None:
    portal = own_portal(PORTAL_RESUMABLE_DRAFT="")
    client = Client(portal, portal.token())
    assert client.create().status == 404
    assert ROUTE not in requests.get(f"{portal.url}/api/openapi.json").text


def test_options_tells_the_limits(client: Client) -> None:
    said = client.ask("OPTIONS", ROUTE, Upload_Draft_Interop_Version="")
    assert said.status == 204
    assert said.headers["upload-limit"] == "max-size=10737418240, max-age=86400"
    assert said.headers["accept-patch"] == "application/partial-upload"


def test_a_file_in_one_request_is_a_recording_in_its_answer(
    portal: Portal, client: Client, wav: bytes
) -> None:
    digest = hashlib.sha256(wav).digest()
    interim, final = client.all(
        "POST",
        ROUTE,
        wav,
        Upload_Complete="?1",
        Upload_Length=str(len(wav)),
        Content_Type="audio/wav",
        Content_Disposition="attachment; filename*=UTF-8''..%2FZo%C3%AB.wav",
        Repr_Digest=f"sha-512=:AAAA:, sha-256=:{base64.b64encode(digest).decode()}:",
    )
    assert interim.status == 104
    assert interim.headers["upload-draft-interop-version"] == "8"
    assert interim.headers["upload-limit"] == "max-size=10737418240"
    assert (final.status, final.headers["upload-complete"]) == (200, "?1")
    assert final.headers["location"] == interim.headers["location"]
    assert final.json == {
        "id": final.headers["location"].rpartition("/")[2],
        "state": "ready",
        "reason": None,
        "filename": "Zoë.wav",
        "size": len(wav),
        "sha256": digest.hex(),
        "content_type": "audio/wav",
    }
    assert stored(portal, final.headers["location"]) == wav
    assert portal.recording(final.json["id"])["sha256_declared"] == 1


def test_a_cut_creation_keeps_what_arrived_and_is_resumed(
    portal: Portal, client: Client, wav: bytes
) -> None:
    headers = {"Upload_Complete": "?1", "Content_Length": str(len(wav))}
    with client.open("POST", ROUTE, **headers) as connection:
        path = connection.recv(4096).decode().partition("Location: ")[2].partition("\r\n")[0]
        connection.sendall(wav[:30_000])
    head = wait_for(
        lambda: (said := client.head(path)).headers["upload-offset"] == "30000" and said
    )
    assert (head.status, head.headers["upload-complete"]) == (204, "?0")
    assert head.headers["upload-length"] == str(len(wav))
    assert head.headers["cache-control"] == "no-store"
    assert head.headers["upload-limit"].startswith("max-size=10737418240, max-age=863")
    final = client.patch(path, 30_000, wav[30_000:], last=True)
    assert (final.status, final.json["state"]) == (200, "ready")
    assert stored(portal, path) == wav
    assert client.head(path).headers["upload-complete"] == "?1"
    assert client.ask("GET", path).json["state"] == "ready"


def test_a_careful_client_gets_no_interim_answer(client: Client) -> None:
    first = client.all("POST", ROUTE, b"", Upload_Complete="?0", Upload_Length="10")
    assert [each.status for each in first] == [201]
    path = first[0].headers["location"]
    more = client.patch(path, 0, b"12345", last=False)
    assert (more.status, more.headers["upload-complete"]) == (204, "?0")
    assert more.headers["upload-offset"] == "5"
    assert client.patch(path, 5, b"67890", last=False).status == 204
    assert client.head(path).headers["upload-complete"] == "?0"  # all is here, and nobody said so
    assert client.patch(path, 10, b"", last=True).headers["upload-complete"] == "?1"


def test_a_proxy_in_front_is_sent_no_interim_answer(own_portal: Callable[..., Portal]) -> None:
    portal = own_portal(PORTAL_PROXY_HOPS="1")
    said = Client(portal, portal.token()).all("POST", ROUTE, b"x", Upload_Complete="?0")
    assert [each.status for each in said] == [201]


def test_a_file_of_unknown_length_ends_when_its_client_says_so(
    portal: Portal, client: Client, wav: bytes
) -> None:
    chunked = {"Transfer_Encoding": "chunked"}
    path = client.create(in_chunks(wav[:9_000], wav[9_000:20_000]), **chunked).headers["location"]
    head = client.head(path)
    assert head.headers["upload-offset"] == "20000" and "upload-length" not in head.headers
    final = client.patch(path, 20_000, in_chunks(wav[20_000:]), last=True, **chunked)
    assert (final.status, final.json["size"]) == (200, len(wav))
    assert stored(portal, path) == wav
    assert client.head(path).headers["upload-length"] == str(len(wav))


def test_a_cut_chunked_body_does_not_end_the_upload(client: Client) -> None:
    path = client.begin()
    headers = {"Upload_Offset": "0", "Content_Type": "application/partial-upload"}
    headers |= {"Upload_Complete": "?1", "Transfer_Encoding": "chunked"}
    with client.open("PATCH", path, **headers) as connection:
        connection.sendall(in_chunks(b"x" * 1000, ends=False))
    head = wait_for(lambda: (said := client.head(path)).headers["upload-offset"] != "0" and said)
    assert head.headers["upload-offset"] == "1000"
    assert head.headers["upload-complete"] == "?0"


def test_a_wrong_offset_is_told_the_right_one(client: Client) -> None:
    path = client.begin(Upload_Length="10")
    client.patch(path, 0, b"12345", last=False)
    said = client.patch(path, 3, b"45", last=False)
    assert (said.status, said.headers["upload-offset"]) == (409, "5")
    assert said.headers["content-type"] == "application/problem+json"
    assert said.json["type"] == f"{KINDS}mismatching-upload-offset"
    assert (said.json["expected-offset"], said.json["provided-offset"]) == (5, 3)
    assert client.patch(path, 3, b"4567890", last=True).status == 409
    assert client.head(path).headers["upload-offset"] == "5"


def test_a_complete_upload_is_not_added_to(client: Client, wav: bytes) -> None:
    path = client.create(wav, last=True).headers["location"]
    more = client.patch(path, len(wav), b"x", last=True)
    assert (more.status, more.json["type"]) == (400, f"{KINDS}inconsistent-upload-length")
    none = client.patch(path, len(wav), b"", last=True)
    assert (none.status, none.json["type"]) == (400, f"{KINDS}completed-upload")
    assert none.headers["upload-complete"] == "?1"
    assert client.ask("DELETE", path).status == 403
    assert client.ask("GET", path).json["size"] == len(wav)


def test_lengths_that_differ_are_refused(client: Client) -> None:
    def refused(said: Said) -> bool:
        kind = said.json["type"] == f"{KINDS}inconsistent-upload-length"
        return said.status == 400 and said.headers["upload-complete"] == "?0" and kind

    assert refused(client.create(b"12345", last=True, Upload_Length="6"))
    path = client.begin(Upload_Length="10")
    assert refused(client.patch(path, 0, b"12345", last=True))
    assert refused(client.patch(path, 0, b"12345", last=False, Upload_Length="11"))
    chunked = {"Transfer_Encoding": "chunked"}
    assert refused(client.patch(path, 0, in_chunks(b"12345"), last=True, **chunked))
    assert client.head(path).headers["upload-offset"] == "5"
    assert client.patch(path, 5, b"123456", last=False).status == 413
    assert client.patch(path, 5, in_chunks(b"123456"), last=False, **chunked).status == 413
    assert client.head(path).headers["upload-offset"] == "5"


def test_what_is_no_recording_is_refused_after_it_is_complete(
    portal: Portal, client: Client
) -> None:
    said = client.create(b"Dear diary", last=True)
    assert (said.status, said.json["code"]) == (422, "not_accepted")
    assert said.headers["upload-complete"] == "?1"
    assert "only audio and video recordings" in said.json["detail"]
    assert client.ask("GET", said.headers["location"]).json["state"] == "quarantined"
    empty = client.create(b"", last=True)
    assert (empty.status, empty.headers["upload-complete"]) == (422, "?1")


def test_a_file_that_is_not_the_declared_one_is_refused(client: Client, wav: bytes) -> None:
    digest = base64.b64encode(bytes(32)).decode()
    said = client.create(wav, last=True, Repr_Digest=f"sha-256=:{digest}:")
    assert (said.status, said.headers["upload-complete"]) == (422, "?1")
    assert "SHA-256" in said.json["detail"]
    assert client.head(said.headers["location"]).status == 410


def test_an_upload_given_up_is_gone(portal: Portal, client: Client) -> None:
    path = client.create(b"12345").headers["location"]
    assert client.ask("DELETE", path).status == 204
    assert client.head(path).status == 410
    assert client.patch(path, 5, b"x", last=False).json["code"] == "upload_gone"
    assert portal.stored_files(f"parts/{path.rpartition('/')[2]}") == []


def test_the_same_key_continues_the_same_upload(client: Client, wav: bytes) -> None:
    key = {"Idempotency_Key": secrets.token_hex(8), "Upload_Length": str(len(wav))}
    path = client.begin(**key)
    assert client.begin(**key) == path
    client.patch(path, 0, wav[:100], last=False)
    late = client.create(wav, last=True, **key)
    assert (late.status, late.headers["location"]) == (409, path)
    assert late.headers["upload-offset"] == "100"
    assert client.patch(path, 100, wav[100:], last=True).status == 200
    again = client.create(wav, last=True, **key)
    assert (again.status, again.json["id"]) == (200, path.rpartition("/")[2])


@pytest.mark.parametrize("length", ["+5", "5_0", "05.0", "-5", "٥", "5;a", "5, 5", "1" * 16, '"5"'])
def test_a_length_that_is_no_integer_counts_as_not_sent(client: Client, length: str) -> None:
    path = client.begin(Upload_Length=length)
    assert "upload-length" not in client.head(path).headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Upload_Complete": ""},
        {"Upload_Complete": "1"},
        {"Upload_Complete": "?1, ?1"},
        {"Upload_Complete": "?2"},
        {"Upload_Draft_Interop_Version": ""},
        {"Upload_Draft_Interop_Version": "6"},
        {"Idempotency_Key": "x" * 256},
        {"Repr_Digest": "sha-256=:short:"},
        {"Content_Disposition": "attachment; filename=\"a%00b\"; filename*=UTF-8''a%00b"},
    ],
)
def test_a_damaged_creation_is_refused(client: Client, headers: dict[str, str]) -> None:
    said = client.ask("POST", ROUTE, b"x", **({"Upload_Complete": "?0"} | headers))
    assert (said.status, said.headers["content-type"]) == (400, "application/problem+json")
    assert "location" not in said.headers


def test_a_damaged_append_is_refused_and_adds_nothing(client: Client) -> None:
    path = client.begin()
    assert client.patch(path, 0, b"x", last=False, Content_Type="text/plain").status == 415
    for headers in ({"Upload_Offset": ""}, {"Upload_Offset": "+0"}, {"Upload_Complete": "true"}):
        assert client.patch(path, 0, b"x", last=False, **headers).status == 400
    broken = client.patch(path, 0, b"zz\r\n", last=False, Transfer_Encoding="chunked")
    assert broken.status == 400
    assert client.head(path).headers["upload-offset"] == "0"


def test_too_large_is_refused_before_the_body_is_read(client: Client) -> None:
    size = str(10737418240 + 1)
    with client.open("POST", ROUTE, Upload_Complete="?1", Content_Length=size) as connection:
        (said,) = answers(connection, "POST")
    assert (said.status, said.json["code"]) == (413, "too_large")


def test_nobody_reaches_what_is_not_theirs(portal: Portal, client: Client, tus: Tus) -> None:
    path = client.begin()
    other = Client(portal, portal.token())
    foreign = tus.begin(5).rpartition("/")[2]  # ours, but begun by the rules of tus
    for who, where in [
        (other, path),
        (client, f"{ROUTE}/{foreign}"),
        (client, f"{ROUTE}/{'0' * 36}"),
        (client, f"{ROUTE}/..%2f..%2fetc"),
    ]:
        assert who.head(where).status == 404
        assert who.ask("GET", where).status == 404
        assert who.patch(where, 0, b"x", last=True).status == 404
        assert who.ask("DELETE", where).status == 404
    for method, where in [("POST", ROUTE), ("HEAD", path), ("PATCH", path), ("DELETE", path)]:
        assert client.ask(method, where, Authorization="").status == 401
        reader = Client(portal, portal.token("auditor", "read"))
        wrong = {"Upload_Complete": "?0", "Upload_Offset": "0"}
        wrong |= {"Content_Type": "application/partial-upload"}
        assert reader.ask(method, where, **wrong).status == 403
    assert client.ask("PUT", path).status == 405


def test_many_at_once_are_whole(portal: Portal, client: Client, wav: bytes) -> None:
    def send(number: int) -> str:
        path = client.create(wav[: 1000 * number]).headers["location"]
        client.patch(path, 1000 * number, wav[1000 * number :], last=True)
        return path

    with ThreadPoolExecutor(10) as pool:
        paths = list(pool.map(send, range(1, 31)))
    assert len(set(paths)) == 30
    digest = hashlib.sha256(wav).hexdigest()
    assert {portal.recording(path.rpartition("/")[2])["sha256"] for path in paths} == {digest}


def test_of_two_clients_on_one_upload_one_counts(client: Client) -> None:
    path = client.begin()
    headers = {"Upload_Offset": "0", "Content_Type": "application/partial-upload"}
    headers |= {"Upload_Complete": "?0", "Content_Length": "2000"}
    with client.open("PATCH", path, **headers) as slow:
        slow.sendall(b"a" * 1000)
        wait_for(lambda: client.portal.rows("SELECT 1 FROM upload WHERE writing IS NOT NULL"))
        assert client.patch(path, 0, b"b" * 500, last=False).status == 204
        slow.sendall(b"a" * 1000)
        (late,) = answers(slow, "PATCH")
    assert (late.status, late.headers["upload-complete"]) == (409, "?0")
    assert client.head(path).headers["upload-offset"] == "500"
