"""The extensions of tus 1.0: bytes with the creation, lengths that come late, expiry, and the
method override."""

from __future__ import annotations

import base64
import hashlib
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
import requests

from tests.conftest import TUS, Portal, Tus, upload_id
from tests.waiting import wait_for
from tests.wire.creating import BYTES, NOWHERE, create, with_bytes


def sha1(content: bytes) -> str:
    return (
        f"sha1 {base64.b64encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode()}"
    )


def uploads_of(tus: Tus) -> list[dict[str, object]]:
    """The rows of this client's account, oldest first."""
    token = str(tus.session.headers["Authorization"]).split("_")[1]
    query = (
        "SELECT upload.* FROM upload JOIN token ON token.user_id = upload.owner_id"
        " WHERE token.id = ? ORDER BY upload.id"
    )
    return tus.portal.rows(query, token)


@pytest.fixture
def fresh(portal: Portal) -> Tus:
    """A client whose account has no other uploads."""
    return Tus(portal, portal.token())


# Creation with upload


@pytest.mark.parametrize("chunked", [False, True])
def test_the_first_bytes_come_with_the_creation(tus: Tus, chunked: bool) -> None:
    body = iter([b"four"]) if chunked else b"four"
    made = with_bytes(tus, body, 10)
    assert (made.status_code, made.headers["Upload-Offset"]) == (201, "4")
    assert tus.patch(made.headers["Location"], 4, b"sixsix").headers["Upload-Offset"] == "10"


def test_a_whole_file_in_one_request(
    portal: Portal, tus: Tus, media: Callable[[str], Path]
) -> None:
    content = media("call-sales-0815.wav").read_bytes()
    made = with_bytes(tus, content, len(content), Upload_Checksum=sha1(content))
    assert (made.status_code, made.headers["Upload-Offset"]) == (201, str(len(content)))
    assert "Upload-Expires" not in made.headers
    recording = portal.recording(upload_id(made.headers["Location"]))
    assert (recording["state"], recording["size"]) == ("ready", len(content))


def test_no_bytes_with_the_right_type_are_a_creation_at_offset_0(tus: Tus) -> None:
    made = with_bytes(tus, b"", 10)
    assert (made.status_code, made.headers["Upload-Offset"]) == (201, "0")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Upload_Checksum": sha1(b"other")}, 460),
        ({"Upload_Length": "3"}, 413),
        ({"Upload_Checksum": "rot13 eA=="}, 400),
        ({"Content_Type": "application/octet-stream"}, 415),
        ({"Upload_Length": ""}, 400),
    ],
)
def test_a_refused_body_leaves_no_upload_behind(
    fresh: Tus, headers: dict[str, str], status: int
) -> None:
    sent = {"Upload_Length": "4", "Content_Type": BYTES} | headers
    assert create(fresh, b"four", **sent).status_code == status
    assert [each for each in uploads_of(fresh) if each["state"] == "open"] == []
    for each in uploads_of(fresh):
        assert fresh.portal.stored_files(f"parts/{each['id']}") == []


def test_a_creation_that_is_cut_off_is_given_up(portal: Portal, fresh: Tus) -> None:
    with socket.create_connection(("127.0.0.1", portal.port), timeout=10) as connection:
        connection.sendall(
            f"POST {TUS} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Length: 100\r\n"
            f"Authorization: {fresh.session.headers['Authorization']}\r\n"
            f"Content-Type: {BYTES}\r\nContent-Length: 100\r\n\r\nonly this".encode()
        )
        wait_for(lambda: uploads_of(fresh))
    wait_for(lambda: uploads_of(fresh)[0]["state"] == "abandoned")


# Idempotent creation


def test_a_repeated_creation_with_a_key_is_the_same_upload(fresh: Tus) -> None:
    answers = [with_bytes(fresh, b"four", 10, Idempotency_Key="k") for _ in range(2)]
    assert [each.status_code for each in answers] == [201, 201]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    assert answers[1].headers["Upload-Offset"] == "4"
    assert with_bytes(fresh, b"four", 11, Idempotency_Key="k").status_code == 422
    assert create(fresh, Upload_Length="1", Idempotency_Key="x" * 256).status_code == 400
    assert len(uploads_of(fresh)) == 1


def test_many_creations_at_once_with_a_key_are_one(fresh: Tus) -> None:
    def act(_: int) -> requests.Response:
        return Tus(fresh.portal, token).create(10, **{"Idempotency-Key": "k"})

    token = str(fresh.session.headers["Authorization"]).split()[1]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(act, range(8)))
    assert {each.status_code for each in answers} == {201}
    assert len({each.headers["Location"] for each in answers}) == 1


def test_a_keyed_creation_whose_bytes_were_damaged_is_sent_again(fresh: Tus) -> None:
    wrong = with_bytes(fresh, b"jour", 4, Idempotency_Key="k", Upload_Checksum=sha1(b"four"))
    assert wrong.status_code == 460
    again = with_bytes(fresh, b"four", 4, Idempotency_Key="k", Upload_Checksum=sha1(b"four"))
    assert (again.status_code, again.headers["Upload-Offset"]) == (201, "4")


# A length that comes late


def test_a_deferred_length_is_told_with_any_later_bytes(portal: Portal, tus: Tus) -> None:
    path = create(tus, Upload_Defer_Length="1").headers["Location"]
    assert tus.patch(path, 0, b"four").status_code == 204
    stands = tus.head(path)
    assert stands.headers["Upload-Defer-Length"] == "1"
    assert "Upload-Length" not in stands.headers
    assert tus.patch(path, 4, b"more", **{"Upload-Length": "10"}).status_code == 204
    assert tus.head(path).headers["Upload-Length"] == "10"
    assert "Upload-Defer-Length" not in tus.head(path).headers
    assert tus.patch(path, 8, b"x", **{"Upload-Length": "11"}).status_code == 409
    assert tus.patch(path, 8, b"ok", **{"Upload-Length": "10"}).status_code == 204
    assert portal.recording(upload_id(path))["size"] == 10


def test_a_length_alone_ends_the_upload(portal: Portal, tus: Tus) -> None:
    for body in (b"", iter([])):
        path = with_deferred_bytes(tus, b"four")
        assert tus.patch(path, 4, body, **{"Upload-Length": "4"}).status_code == 204
        assert portal.recording(upload_id(path))["size"] == 4


def with_deferred_bytes(tus: Tus, content: bytes) -> str:
    made = create(tus, content, Upload_Defer_Length="1", Content_Type=BYTES)
    assert made.headers["Upload-Offset"] == str(len(content))
    return str(made.headers["Location"])


@pytest.mark.parametrize(
    "headers",
    [
        {"Upload_Defer_Length": "0"},
        {"Upload_Defer_Length": "true"},
        {"Upload_Defer_Length": "1", "Upload_Length": "5"},
        {},
    ],
)
def test_a_damaged_deferral_is_refused(tus: Tus, headers: dict[str, str]) -> None:
    assert create(tus, **headers).status_code == 400


def test_a_late_length_beyond_the_limit_or_below_the_offset(tus: Tus) -> None:
    path = with_deferred_bytes(tus, b"four")
    assert tus.patch(path, 4, b"x", **{"Upload-Length": str(10**14)}).status_code == 413
    assert tus.patch(path, 4, b"", **{"Upload-Length": "3"}).status_code == 409
    assert tus.patch(path, 4, b"x", **{"Upload-Length": "+5"}).status_code == 400
    assert tus.head(path).headers["Upload-Defer-Length"] == "1"


# Expiry


def test_unfinished_uploads_say_when_they_expire(portal: Portal, tus: Tus) -> None:
    made = tus.create(8)
    path = made.headers["Location"]
    for answer in (made, tus.patch(path, 0, b"four"), tus.head(path)):
        stated = answer.headers["Upload-Expires"]
        assert stated.endswith(" GMT")
        left = parsedate_to_datetime(stated) - datetime.now(UTC)
        assert timedelta(hours=23, minutes=59) < left <= timedelta(hours=24)
    assert "Upload-Expires" not in tus.patch(path, 4, b"four").headers
    assert "Upload-Expires" not in tus.head(path).headers


# The method override


def overridden(tus: Tus, method: str, meant: str, path: str, **more: str) -> requests.Response:
    headers = {"X-HTTP-Method-Override": meant} | more
    return tus.session.request(method, tus.portal.url + path, headers=headers, timeout=5)


def test_the_override_decides_whatever_the_method_is(tus: Tus) -> None:
    path = tus.begin(4)
    for method in ("POST", "GET", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"):
        answer = overridden(tus, method, "HEAD", path)
        assert (answer.status_code, answer.headers.get("Upload-Offset")) == (200, "0"), method
    made = overridden(tus, "GET", "post", TUS, **{"Upload-Length": "4"})
    assert made.status_code == 201
    assert overridden(tus, "POST", "OPTIONS", TUS).headers["Tus-Version"] == "1.0.0"
    assert overridden(tus, "POST", "NONSENSE", path).status_code == 405
    assert overridden(tus, "DELETE", "GET", path).status_code == 405
    assert overridden(tus, "GET", "DELETE", path).status_code == 204


def test_an_overridden_head_of_nothing_is_answered_at_once(tus: Tus) -> None:
    """A client that sent POST reads as many bytes as Content-Length announces."""
    for _ in range(2):
        assert overridden(tus, "POST", "HEAD", NOWHERE).status_code == 404
    assert overridden(tus, "POST", "HEAD", f"{TUS}/x").content == b""


def test_elsewhere_the_override_means_nothing(portal: Portal) -> None:
    headers = {"X-HTTP-Method-Override": "DELETE"}
    assert requests.get(f"{portal.url}/health", headers=headers).status_code == 200
    assert requests.get(f"{portal.url}{TUS}s", headers=headers).status_code == 404


# Many at once


def test_two_clients_on_one_upload_never_mix(portal: Portal, token: str) -> None:
    def send(letter: bytes) -> int:
        return Tus(portal, token).patch(path, 0, iter([letter * 50_000] * 8)).status_code

    path = Tus(portal, token).begin(400_000)
    with ThreadPoolExecutor(2) as threads:
        statuses = sorted(threads.map(send, (b"a", b"b")))
    assert statuses == [204, 409]
    recording = portal.recording(upload_id(path))
    kept = (portal.data / "store" / recording["key"]).read_bytes()
    assert kept in (b"a" * 400_000, b"b" * 400_000)
