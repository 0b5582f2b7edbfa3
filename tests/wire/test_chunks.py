"""Uploads as JSON chunks over a real gunicorn with two processes, as their clients use them."""

from __future__ import annotations

import json
import secrets
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
import requests
from requests.structures import CaseInsensitiveDict

from portal.core.transaction import utc_now
from tests.conftest import Portal
from tests.waiting import wait_for
from tests.wire.chunking import CHUNK, Client, client, pieces, refused, wav

__all__ = ["client"]


def stored(portal: Portal, begun: str) -> bytes:
    return (portal.data / "store" / portal.recording(begun)["key"]).read_bytes()


def test_a_recording_in_three_chunks_out_of_order(portal: Portal, client: Client) -> None:
    content = wav(2 * CHUNK + 300_000)
    begun = client.init(content)
    assert begun.status_code == 201
    said = begun.json()
    assert said["chunk_size"] == CHUNK and said["total_chunks"] == 3
    assert (said["status"], said["total_size"]) == ("active", len(content))
    assert said["expires_at"] > (utc_now() + timedelta(hours=23)).isoformat()
    first, second, third = pieces(content)
    answer = client.chunk(said["upload_id"], 2, third).json()
    assert answer["progress"] == {
        "received_chunks": 1,
        "total_chunks": 3,
        "percentage": len(third) * 1000 // len(content) / 10,
        "received_bytes": len(third),
        "total_bytes": len(content),
    }
    assert client.raw(said["upload_id"], 0, first).json()["progress"]["received_chunks"] == 2
    last = client.chunk(said["upload_id"], 1, second).json()
    assert (last["status"], last["progress"]["percentage"]) == ("active", 100.0)
    done = client.complete(said["upload_id"])
    assert done.status_code == 200
    assert done.json() == {
        "upload_id": said["upload_id"],
        "status": "completed",
        "recording_id": said["upload_id"],
        "filename": "call.wav",
        "size": len(content),
        "file_hash": sha256(content).hexdigest(),
        "mime_type": "audio/wav",
    }
    assert stored(portal, said["upload_id"]) == content


def test_the_status_tells_the_whole_life(client: Client) -> None:
    content = wav(CHUNK + 500)
    begun = client.begin(content)
    client.chunk(begun, 1, content[CHUNK:])
    said = client.status(begun).json()
    assert (said["upload_id"], said["status"], said["filename"]) == (begun, "active", "call.wav")
    assert (said["total_size"], said["chunk_size"]) == (len(content), CHUNK)
    assert said["progress"]["missing_chunks"] == [0]
    assert (said["progress"]["received_chunks"], said["progress"]["total_chunks"]) == (1, 2)
    assert (said["is_expired"], said["error"], said["recording_id"]) == (False, None, None)
    client.chunk(begun, 0, content[:CHUNK])
    assert client.status(begun).json()["status"] == "active"
    client.complete(begun)
    said = client.status(begun).json()
    assert (said["status"], said["recording_id"]) == ("completed", begun)
    assert said["progress"]["missing_chunks"] == []
    assert said["progress"]["percentage"] == 100.0
    assert said["progress"]["received_chunks"] == 2


# The contract's examples as they are printed there; only the address and the token are others.
CURL = """
curl -X POST https://api.example.com/api/v1/upload/init \\
  -H "Authorization: Bearer YOUR_TOKEN" \\
  -d '{"filename":"test.jpg","total_size":1024,"mime_type":"image/jpeg","file_hash":"abc123"}'
"""
UPLOAD = """
import hashlib, base64, requests

# Initialize
file_hash = hashlib.sha256(file_data).hexdigest()
session = requests.post(f'{api_url}/init', json={
    'filename': 'file.jpg',
    'total_size': len(file_data),
    'mime_type': 'image/jpeg',
    'file_hash': file_hash
}).json()

# Upload chunks
for i in range(session['total_chunks']):
    chunk = file_data[i*chunk_size:(i+1)*chunk_size]
    requests.post(f'{api_url}/chunk', json={
        'upload_id': session['upload_id'],
        'chunk_index': i,
        'chunk_data': base64.b64encode(chunk).decode(),
        'checksum': hashlib.sha256(chunk).hexdigest()
    })

# Complete
result = requests.post(f'{api_url}/complete', json={
    'upload_id': session['upload_id']
}).json()
"""
RESUME = """
# Get session status
status = requests.get(f'{api_url}/status/{upload_id}').json()

# Re-upload only missing chunks
for chunk_index in status['progress']['missing_chunks']:
    chunk = file_data[chunk_index*chunk_size:(chunk_index+1)*chunk_size]
    requests.post(f'{api_url}/chunk', json={
        'upload_id': upload_id,
        'chunk_index': chunk_index,
        'chunk_data': base64.b64encode(chunk).decode(),
        'checksum': hashlib.sha256(chunk).hexdigest()
    })

# Complete
requests.post(f'{api_url}/complete', json={'upload_id': upload_id})
"""


@pytest.fixture
def named(client: Client, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the contract's Python examples find: names, and a `requests` that knows the token."""
    headers = requests.sessions.default_headers
    monkeypatch.setattr(
        requests.sessions,
        "default_headers",
        lambda: CaseInsensitiveDict({**headers(), **client.headers}),
    )
    picture = b"\xff\xd8\xff\xe0\x00\x10JFIF" + secrets.token_bytes(2 * CHUNK) + b"\xff\xd9"
    return {"api_url": client.url, "chunk_size": CHUNK, "file_data": picture}


def test_the_contracts_client_runs_as_printed(portal: Portal, named: dict[str, Any]) -> None:
    exec(UPLOAD, named)  # noqa: S102 - it is ours
    result = named["result"]
    assert (result["status"], result["mime_type"]) == ("completed", "image/jpeg")
    assert stored(portal, result["recording_id"]) == named["file_data"]


def test_its_resume_sends_only_what_is_missing(client: Client, named: dict[str, Any]) -> None:
    content = named["file_data"]
    begun = client.begin(content, filename="file.jpg", mime_type="image/jpeg")
    client.chunk(begun, 1, pieces(content)[1])
    exec("import base64, hashlib, requests\n" + RESUME, named | {"upload_id": begun})  # noqa: S102
    assert client.status(begun).json()["status"] == "completed"


def test_the_contracts_curl_runs_as_printed(client: Client) -> None:
    """It names no Content-Type, and a hash that is none."""
    command = CURL.replace("https://api.example.com/api/v1/upload", client.url)
    token = client.headers["Authorization"].removeprefix("Bearer ")
    command = command.replace("YOUR_TOKEN", token)
    run = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    said = json.loads(run.stdout)
    assert (said["total_chunks"], said["status"]) == (1, "active")


def test_a_wrong_checksum_is_refused_and_the_chunk_can_be_sent_again(client: Client) -> None:
    content = wav(2000)
    begun = client.begin(content)
    wrong = {"checksum": sha256(b"other").hexdigest()}
    refused(client.chunk(begun, 0, content, **wrong), 400, "checksum_mismatch")
    headers = {"X-Chunk-Checksum": wrong["checksum"]}
    refused(client.raw(begun, 0, content, **headers), 400, "checksum_mismatch")
    assert client.status(begun).json()["progress"]["missing_chunks"] == [0]
    assert client.chunk(begun, 0, content).status_code == 200


def test_the_same_chunk_again_gets_the_same_answer_and_other_bytes_none(client: Client) -> None:
    content = wav(2000)
    begun = client.begin(content)
    answers = [client.chunk(begun, 0, content) for _ in range(2)] + [client.raw(begun, 0, content)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({json.dumps(answer.json()["progress"]) for answer in answers}) == 1
    refused(client.chunk(begun, 0, content[::-1]), 409, "conflict")
    assert client.complete(begun).status_code == 200
    again = lambda: client.chunk(begun, 0, content)  # noqa: E731 - harmless until the parts are gone
    wait_for(lambda: again().status_code != 200, what="the parts are tidied up")
    refused(again(), 409, "conflict")


def test_the_same_key_gets_the_same_upload_also_at_once(client: Client) -> None:
    key, about = secrets.token_hex(8), {"filename": "a.wav", "total_size": 2000}

    def ask(_: int) -> requests.Response:
        return client.post("init", about, **{"Idempotency-Key": key})

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(ask, range(6)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    other = client.post("init", about | {"total_size": 1}, **{"Idempotency-Key": key})
    refused(other, 422, "idempotency_key_reused")
