"""Chunked uploads as nobody should send them: damaged, hostile, too large, cut off."""

from __future__ import annotations

import socket
from typing import Any

import pytest
import requests

from tests.wire.chunking import CHUNK, Client, client, refused, wav

__all__ = ["client"]

ROUTES = ["init", "chunk", "complete", "cancel"]
HOSTILE = [
    b"",
    b"[" * 100_000,
    b'{"a":' * 20_000,
    b"\xff\xfe",
    b"null",
    b"[]",
    b'"x"',
    b'{"filename": "a", "total_size": NaN}',
    b'{"filename": "a", "total_size": Infinity}',
    b'{"filename": "a", "total_size": 1e3}',
    b'{"filename": "a", "total_size": "5"}',
    b'{"filename": "a", "total_size": true}',
    b'{"filename": "a", "total_size": 0}',
    b'{"filename": "a", "total_size": -1}',
    b'{"filename": "a", "total_size": 9999999999999999999999999}',
    b'{"filename": "a"}',
    b'{"total_size": 5}',
    b'{"filename": "", "total_size": 5}',
    b'{"filename": 5, "total_size": 5}',
    b'{"filename": "\\ud800", "total_size": 5}',
    b'{"filename": "a\\u0000", "total_size": 5}',
    b'{"filename": "a\\r\\nSet-Cookie: x", "total_size": 5}',
    b'{"filename": "a", "total_size": 5, "file_hash": "\\u0130\\u0130"}',
    b'{"filename": "a", "total_size": 5, "file_hash": "a\\n"}',
    b'{"filename": "a", "total_size": 5, "file_hash": "' + b"a" * 65 + b'"}',
    b'{"filename": "' + b"a" * 300 + b'", "total_size": 5}',
    b'{"upload_id": 5}',
    b'{"upload_id": ["x"]}',
    b'{"upload_id": "\\u0000"}',
]


@pytest.mark.parametrize("body", HOSTILE, ids=lambda body: body[:40].decode("latin-1"))
def test_json_that_is_damaged_or_hostile_is_refused(client: Client, body: bytes) -> None:
    for name in ROUTES:
        refused(client.post(name, body), 400, "invalid_request")


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"chunk_index": -1}, 400),
        ({"chunk_index": 1}, 400),
        ({"chunk_index": 10**14}, 400),
        ({"chunk_index": 10**30}, 400),
        ({"chunk_index": "0"}, 400),
        ({"chunk_index": True}, 400),
        ({"chunk_index": 0.0}, 400),
        ({"chunk_index": None}, 400),
        ({"chunk_data": ""}, 400),
        ({"chunk_data": "!!!!"}, 400),
        ({"chunk_data": "eHh4"}, 400),
        ({"chunk_data": "eHh4eA"}, 400),
        ({"chunk_data": "eHh4eA==eHh4eA=="}, 400),
        ({"chunk_data": "eHh4\neA=="}, 400),
        ({"chunk_data": "é" * 8}, 400),
        ({"chunk_data": "eHh4eHg="}, 413),
        ({"chunk_data": "A" * (4 * (CHUNK // 3 + 1) + 4)}, 413),
        ({"chunk_data": 5}, 400),
        ({"chunk_data": None}, 400),
        ({"checksum": "x"}, 400),
        ({"checksum": "é" * 64}, 400),
        ({"checksum": "0" * 63}, 400),
        ({"checksum": 5}, 400),
        ({"upload_id": None}, 400),
    ],
    ids=lambda said: str(said)[:40],
)
def test_a_chunk_with_something_wrong_is_refused_and_leaves_nothing(
    client: Client, said: dict[str, Any], status: int
) -> None:
    begun = client.begin(b"xxxx")
    sentence = refused(client.chunk(begun, 0, b"xxxx", **said), status)
    if len(str(said)) > CHUNK:
        assert "characters" in sentence, "it was decoded"
    assert client.status(begun).json()["progress"]["received_bytes"] == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-Chunk-Index": "+0"}, 400),
        ({"X-Chunk-Index": "0_0"}, 400),
        ({"X-Chunk-Index": ""}, 400),
        ({"X-Chunk-Index": "1"}, 400),
        ({"X-Chunk-Index": "9" * 30}, 400),
        ({"X-Chunk-Checksum": "x"}, 400),
        ({"X-Chunk-Checksum": ""}, 400),
        ({"X-Upload-ID": ""}, 400),
        ({"X-Upload-ID": "x"}, 404),
    ],
)
def test_so_is_a_raw_one(client: Client, headers: dict[str, str], status: int) -> None:
    begun = client.begin(b"xxxx")
    refused(client.raw(begun, 0, b"xxxx", **headers), status)
    assert client.status(begun).json()["progress"]["received_bytes"] == 0


def test_a_raw_chunk_needs_its_headers_and_only_the_checksum_may_lack(client: Client) -> None:
    begun = client.begin(b"xxxx")
    refused(client.post_bytes(b"xxxx", {"X-Upload-ID": begun}), 400)
    refused(client.post_bytes(b"xxxx", {"X-Chunk-Index": "0"}), 400)
    both = {"X-Upload-ID": begun, "X-Chunk-Index": "0"}
    assert client.post_bytes(iter([b"xx", b"xx"]), both).status_code == 200


def test_a_raw_chunk_of_the_wrong_size_is_refused(client: Client) -> None:
    begun = client.begin(b"xxxx")
    refused(client.raw(begun, 0, b"xxxxx"), 413)
    refused(client.raw(begun, 0, b"xxx"), 400)
    refused(client.raw(begun, 0, b""), 400)
    refused(client.raw(begun, 0, iter([b"xxx", b"xxx"])), 413)
    assert client.status(begun).json()["progress"]["received_bytes"] == 0


def announced(client: Client, name: str, length: int, **headers: str) -> socket.socket:
    """A connection on which a body has been announced, and no byte of it sent."""
    connection = socket.create_connection(("127.0.0.1", client.portal.port), timeout=30)
    lines = {"Host": "localhost", "Content-Length": str(length)} | client.headers | headers
    text = "".join(f"{key}: {value}\r\n" for key, value in lines.items())
    connection.sendall(f"POST /api/v1/upload/{name} HTTP/1.1\r\n{text}\r\n".encode())
    return connection


def test_a_body_that_is_too_large_is_refused_before_it_is_read(client: Client) -> None:
    octets = {"Content-Type": "application/octet-stream", "X-Chunk-Index": "0"}
    raw = octets | {"X-Upload-ID": client.begin(b"xxxx")}
    most = dict.fromkeys(ROUTES, 256 * 1024) | {"chunk": 4 * -(-CHUNK // 3) + 16 * 1024}
    asked = [announced(client, name, most[name] + 1) for name in ROUTES]
    asked += [announced(client, "chunk", 5, **raw), announced(client, "chunk", 10**12, **raw)]
    for connection in asked:  # the server waits a little for the rest, so all at once
        with connection:
            assert connection.recv(12) == b"HTTP/1.1 413"


def test_a_raw_chunk_that_is_cut_leaves_nothing(client: Client) -> None:
    content = wav(500_000)
    begun = client.begin(content)
    raw = {"Content-Type": "application/octet-stream", "X-Upload-ID": begun, "X-Chunk-Index": "0"}
    with announced(client, "chunk", len(content), **raw) as connection:
        connection.sendall(content[:300_000])
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(12) == b"HTTP/1.1 400"
    assert client.status(begun).json()["progress"]["missing_chunks"] == [0]
    assert client.portal.stored_files(f"parts/{begun}") == []
    assert client.raw(begun, 0, content).status_code == 200


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\recordings\\call.wav", "call.wav"),
        ("/", "recording"),
        ("Zoë’s «call» 📞.wav", "Zoë’s «call» 📞.wav"),
        ("<script>alert(1)</script>.wav", "script>.wav"),
        ("'; DROP TABLE upload; --", "'; DROP TABLE upload; --"),
    ],
)
def test_a_file_name_is_a_name_and_never_a_path(client: Client, name: str, kept: str) -> None:
    assert client.status(client.begin(b"x", filename=name)).json()["filename"] == kept


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_another_method_is_not_there(client: Client, method: str) -> None:
    for name in ROUTES:
        answer = requests.request(method, f"{client.url}/{name}", headers=client.headers)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "OPTIONS, POST")
