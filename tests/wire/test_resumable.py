"""The IETF's resumable uploads, interop version 8, byte by byte: interim answers and cuts too."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import requests

from tests.conftest import Portal
from tests.waiting import wait_for
from tests.wire.resuming import ROUTE, Client, answers, client, in_chunks, wav

__all__ = ["client", "wav"]


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
