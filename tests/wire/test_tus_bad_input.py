"""tus with wrong, foreign, hostile or damaged requests: the right status, a sentence, and the
bytes that were acknowledged before stay as they were."""

from __future__ import annotations

import base64
import socket
import sqlite3

import pytest
import requests

from tests.conftest import TUS, Portal, Tus, upload_id
from tests.waiting import wait_for

NOWHERE = f"{TUS}/00000000-0000-7000-8000-000000000000"


@pytest.fixture
def begun(tus: Tus) -> str:
    """An upload of 1000 bytes that has 400."""
    path = tus.begin(1000)
    assert tus.patch(path, 0, b"x" * 400).status_code == 204
    return path


def refused(answer: requests.Response, status: int) -> None:
    """This status, a sentence for people, and the protocol's own header."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert answer.text.strip().endswith(".") and "Traceback" not in answer.text


@pytest.mark.parametrize("length", ["", "-1", "+5", "1_0", "5 5", "5.0", "٥", "NaN", "9" * 30])
def test_a_length_that_is_no_number_is_refused(tus: Tus, length: str) -> None:
    if not length.isascii():
        length = length.encode().decode("latin-1")
    refused(tus.create(length), 400)


def test_a_length_beyond_the_limit_is_refused_before_anything_is_sent(tus: Tus) -> None:
    refused(tus.create(10**14), 413)


@pytest.mark.parametrize(
    "metadata",
    [
        "filename !!!",
        f"filename {base64.b64encode(b'a' * 3).decode()},filename eA==",
        f"filename {base64.b64encode(bytes([0xFF, 0xFE])).decode()}",
        f"filename {base64.b64encode(b'a' + bytes([13, 10]) + b'Set-Cookie: x').decode()}",
        f"filename {base64.b64encode(bytes(3)).decode()}",
        f"sha256 {base64.b64encode(b'123').decode()}",
        "k" * 200 + " eA==",
        "filename " + "A" * 9000,
    ],
)
def test_metadata_that_is_damaged_or_hostile_is_refused(tus: Tus, metadata: str) -> None:
    refused(tus.create(10, metadata), 400)


def test_a_path_as_a_file_name_loses_its_folders(portal: Portal, tus: Tus) -> None:
    name = base64.b64encode(b"../../etc\\passwd").decode()
    path = tus.begin(10, f"filename {name}")
    query = "SELECT filename FROM upload WHERE id = ?"
    assert portal.rows(query, upload_id(path))[0]["filename"] == "passwd"


def test_without_the_protocol_version_nothing_works(portal: Portal, tus: Tus, begun: str) -> None:
    del tus.session.headers["Tus-Resumable"]
    answer = tus.head(begun)
    assert answer.status_code == 412
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert tus.create(10, **{"Tus-Resumable": "0.2.2"}).status_code == 412


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer x", "Basic eDp5", "Bearer rp_x_y", "Bearer rp_" + "a" * 5000, "B é"],
)
def test_no_or_a_wrong_token_is_401(portal: Portal, begun: str, authorization: str) -> None:
    headers = {"Tus-Resumable": "1.0.0", "Authorization": authorization.encode("latin-1")}
    answer = requests.patch(portal.url + begun, data=b"x" * 9, headers=headers)
    refused(answer, 401)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_without_the_scope_or_the_role_may_not_upload(portal: Portal) -> None:
    for role, scope in (("uploader", "read"), ("auditor", "upload")):
        refused(Tus(portal, portal.token(role, scope)).create(10), 403)


def test_somebody_elses_upload_is_as_unknown_as_none(portal: Portal, tus: Tus, begun: str) -> None:
    stranger = Tus(portal, portal.token())
    for path in (begun, NOWHERE):
        assert stranger.head(path).status_code == 404
        refused(stranger.patch(path, 400, b"x"), 404)
        refused(stranger.delete(path), 404)
    assert stranger.patch(begun, 400, b"x").text == stranger.patch(NOWHERE, 400, b"x").text
    assert tus.offset(begun) == 400


@pytest.mark.parametrize("name", ["x", "..%5c..%5csecret_key", "%00", "A" * 300, "1 OR 1=1"])
def test_a_malformed_id_is_not_found(tus: Tus, name: str) -> None:
    refused(tus.patch(f"{TUS}/{name}", 0, b"x"), 404)


@pytest.mark.parametrize("offset", [399, 401, 0, 10**12])
def test_a_wrong_offset_is_a_conflict_and_says_which_is_right(
    tus: Tus, begun: str, offset: int
) -> None:
    answer = tus.patch(begun, offset, b"y" * 10)
    refused(answer, 409)
    assert "400" in answer.text
    assert tus.offset(begun) == 400


@pytest.mark.parametrize("offset", ["-1", "0x10", "4e2", " 400", "400,400"])
def test_an_offset_that_is_no_number_is_refused(tus: Tus, begun: str, offset: str) -> None:
    answer = tus.patch(begun, offset.strip() if offset != " 400" else "4 00", b"y")
    refused(answer, 400)


def test_a_body_longer_than_what_is_missing_is_refused(tus: Tus, begun: str) -> None:
    refused(tus.patch(begun, 400, b"y" * 601), 413)
    assert tus.offset(begun) == 400


def test_so_is_one_whose_length_was_not_announced(tus: Tus, begun: str) -> None:
    refused(tus.patch(begun, 400, iter([b"y" * 500, b"y" * 500])), 413)
    assert tus.offset(begun) == 400


@pytest.mark.parametrize("kind", ["application/octet-stream", "text/plain", ""])
def test_another_content_type_is_refused(tus: Tus, begun: str, kind: str) -> None:
    refused(tus.patch(begun, 400, b"y", **{"Content-Type": kind}), 415)


@pytest.mark.parametrize("header", ["sha1", "sha1 !", "rot13 eA==", "SHA1", ""])
def test_a_damaged_or_unknown_checksum_is_refused(tus: Tus, begun: str, header: str) -> None:
    answer = tus.patch(begun, 400, b"y", **{"Upload-Checksum": header})
    assert answer.status_code in (400, 460)
    assert tus.offset(begun) == 400


def test_malformed_chunks_are_no_server_error(portal: Portal, tus: Tus, begun: str) -> None:
    with socket.create_connection(("127.0.0.1", portal.port), timeout=10) as connection:
        connection.sendall(
            f"PATCH {begun} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 400\r\n"
            f"Authorization: {tus.session.headers['Authorization']}\r\n"
            "Content-Type: application/offset+octet-stream\r\n"
            "Transfer-Encoding: chunked\r\n\r\nzz\r\nnonsense".encode()
        )
        status = connection.recv(4096).split()[1]
    assert status == b"400"
    assert tus.offset(begun) == 400


def test_an_expired_upload_is_gone_and_its_bytes_are_removed(portal: Portal, begun: str) -> None:
    with sqlite3.connect(portal.data / "portal.sqlite3", timeout=10) as connection:
        connection.execute(
            "UPDATE upload SET expires_at = '2020-01-01 00:00:00' WHERE id = ?", (upload_id(begun),)
        )
    listed = portal.cli("cleanup-expired-uploads", "--verbose").stdout
    assert upload_id(begun) in listed
    wait_for(lambda: not portal.stored_files(f"parts/{upload_id(begun)}"))


def test_an_expired_upload_is_refused_even_before_the_cleanup(
    portal: Portal, tus: Tus, begun: str
) -> None:
    with sqlite3.connect(portal.data / "portal.sqlite3", timeout=10) as connection:
        connection.execute(
            "UPDATE upload SET expires_at = '2020-01-01 00:00:00' WHERE id = ?", (upload_id(begun),)
        )
    assert tus.head(begun).status_code == 410
    refused(tus.patch(begun, 400, b"y"), 410)
