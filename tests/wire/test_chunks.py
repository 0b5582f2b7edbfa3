"""Uploads as JSON chunks over a real gunicorn with two processes: as its clients use them, and as
nobody should."""

from __future__ import annotations

import base64
import io
import json
import re
import secrets
import socket
import struct
import subprocess
import wave
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
import requests
from requests.structures import CaseInsensitiveDict
from sqlalchemy import update

from portal.core import tokens
from portal.core.models import Token, Upload
from portal.core.transaction import utc_now
from portal.db import db
from tests.conftest import Portal, Tus, upload_id, wait_for
from tests.web.browsing import Person

CHUNK = 1024 * 1024
SMALL = 16 * 1024
NOBODY = "00000000-0000-7000-8000-000000000000"
ROUTES = ["init", "chunk", "complete", "cancel"]


class Client:
    """Sends what a test says, and checks nothing."""

    def __init__(self, portal: Portal, token: str) -> None:
        self.portal, self.url = portal, f"{portal.url}/api/v1/upload"
        self.headers = {"Authorization": f"Bearer {token}"}

    def post(self, name: str, said: Any, **headers: str) -> requests.Response:
        body = said if isinstance(said, bytes | str) else json.dumps(said)
        sent = {"Content-Type": "application/json"} | self.headers | headers
        return requests.post(f"{self.url}/{name}", data=body, headers=sent)

    def init(self, content: bytes, **said: Any) -> requests.Response:
        about = {"filename": "call.wav", "total_size": len(content), "mime_type": "audio/wav"}
        return self.post("init", about | {"file_hash": sha256(content).hexdigest()} | said)

    def begin(self, content: bytes, **said: Any) -> str:
        answer = self.init(content, **said)
        assert answer.status_code == 201, answer.text
        return answer.json()["upload_id"]

    def chunk(self, begun: str, number: Any, piece: bytes, **said: Any) -> requests.Response:
        told = {"upload_id": begun, "chunk_index": number}
        told |= {"chunk_data": base64.b64encode(piece).decode()}
        return self.post("chunk", told | {"checksum": sha256(piece).hexdigest()} | said)

    def raw(self, begun: str, number: Any, piece: Any, **headers: str) -> requests.Response:
        sent = {"X-Upload-ID": begun, "X-Chunk-Index": str(number)}
        if isinstance(piece, bytes):
            sent["X-Chunk-Checksum"] = sha256(piece).hexdigest()
        return self.post_bytes(piece, sent | headers)

    def post_bytes(self, piece: Any, headers: dict[str, str]) -> requests.Response:
        sent = self.headers | {"Content-Type": "application/octet-stream"} | headers
        return requests.post(f"{self.url}/chunk", data=piece, headers=sent)

    def send(self, content: bytes, size: int = CHUNK, **said: Any) -> str:
        """A new upload whose chunks are all here."""
        begun = self.begin(content, **said)
        for number, piece in enumerate(pieces(content, size)):
            answer = self.chunk(begun, number, piece)
            assert answer.status_code == 200, answer.text
        return begun

    def complete(self, begun: str) -> requests.Response:
        return self.post("complete", {"upload_id": begun})

    def cancel(self, begun: str) -> requests.Response:
        return self.post("cancel", {"upload_id": begun})

    def status(self, begun: str) -> requests.Response:
        return requests.get(f"{self.url}/status/{begun}", headers=self.headers)


def pieces(content: bytes, size: int = CHUNK) -> list[bytes]:
    return [content[at : at + size] for at in range(0, len(content), size)]


def wav(size: int) -> bytes:
    """A recording of about so many bytes, unlike any other."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16000)
        sound.writeframes(secrets.token_bytes(1000) * (size // 1000))
    return file.getvalue()


def png() -> bytes:
    def part(name: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    header = part(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0))
    lines = zlib.compress((b"\0" + b"\xc0\x40\x20" * 8) * 8)
    return b"\x89PNG\r\n\x1a\n" + header + part(b"IDAT", lines) + part(b"IEND", b"")


PDF = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]>>endobj
trailer<</Root 1 0 R>>
%%EOF
"""


def refused(answer: requests.Response, status: int, code: str = "") -> str:
    """This status and code, and a sentence for people, which is returned."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["message"].endswith(".") and "Traceback" not in answer.text
    assert code in ("", error["code"])
    return error["message"]


def stored(portal: Portal, begun: str) -> bytes:
    return (portal.data / "store" / portal.recording(begun)["key"]).read_bytes()


def age(portal: Portal, begun: str) -> None:
    """Let the upload's lifetime be over."""
    with portal.app.app_context():
        late = utc_now() - timedelta(seconds=1)
        db.session.execute(update(Upload).where(Upload.id == begun).values(expires_at=late))
        db.session.commit()


@pytest.fixture
def client(portal: Portal, token: str) -> Client:
    return Client(portal, token)


@pytest.fixture(scope="module")
def tight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A portal with small chunks and few, which does not wait for the assembly."""
    settings = {"CHUNK_BYTES": str(SMALL), "MAX_PARTS": "40", "FINISH_WAIT_SECONDS": "0"}
    named = {f"PORTAL_{name}": value for name, value in settings.items()}
    running = Portal(tmp_path_factory.mktemp("tight"), **named).start()
    yield Client(running, running.token())
    running.drop()


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


def test_what_is_no_sha256_matches_nothing(client: Client) -> None:
    begun = client.send(wav(2000), file_hash="abc123")
    assert refused(client.complete(begun), 422, "checksum_mismatch").startswith("Hash mismatch")


def test_an_upper_case_hash_is_the_same_hash(client: Client) -> None:
    content = wav(2000)
    begun = client.begin(content, file_hash=sha256(content).hexdigest().upper())
    client.chunk(begun, 0, content, checksum=sha256(content).hexdigest().upper())
    assert client.complete(begun).status_code == 200


def test_without_hash_and_type_the_content_decides(portal: Portal, client: Client) -> None:
    content = wav(2000)
    answer = client.post("init", {"filename": "a", "total_size": len(content)})
    begun = answer.json()["upload_id"]
    assert client.chunk(begun, 0, content, checksum=None).status_code == 200
    assert client.complete(begun).json()["mime_type"] == "audio/wav"
    assert portal.recording(begun)["sha256_declared"] == 0


def test_a_wrong_file_hash_is_the_same_refusal_each_time(client: Client) -> None:
    begun = client.send(wav(2000), file_hash="0" * 64)
    answers = [client.complete(begun) for _ in range(2)]
    for answer in answers:
        assert "Hash mismatch" in refused(answer, 422, "checksum_mismatch")
    said = client.status(begun).json()
    assert (said["status"], said["error"]["code"]) == ("failed", "checksum_mismatch")
    assert client.cancel(begun).json() == {"upload_id": begun, "status": "failed"}
    refused(client.chunk(begun, 0, b"x"), 410)


@pytest.mark.parametrize(
    ("content", "mime_type", "code", "words"),
    [
        (png(), "image/jpeg", "not_as_declared", "image/png, not image/jpeg"),
        (b"MZ" + bytes(3000), "audio/wav", "not_media", "."),
    ],
)
def test_content_that_is_not_what_it_claims_is_refused_with_the_reason(
    portal: Portal, client: Client, content: bytes, mime_type: str, code: str, words: str
) -> None:
    begun = client.send(content, mime_type=mime_type)
    for _ in range(2):
        assert words in refused(client.complete(begun), 422, code)
    assert portal.recording(begun)["state"] == "quarantined"
    said = client.status(begun).json()
    assert (said["status"], said["error"]["code"]) == ("failed", code)


@pytest.mark.parametrize(
    ("mime_type", "status"),
    [
        ("text/html", 415),
        ("application/zip", 415),
        ("jpeg", 415),
        ("audio/x-wav; codecs=1", 201),
        ("", 201),
        ("application/octet-stream", 201),
        ("audio/\n", 400),
        (None, 400),
        (7, 400),
        ("a" * 256, 400),
    ],
)
def test_a_type_that_is_not_accepted_is_refused_at_once(
    client: Client, mime_type: Any, status: int
) -> None:
    answer = client.init(b"x", mime_type=mime_type)
    assert answer.status_code == status, answer.text
    if status == 415:
        assert "only audio/*, video/*, image/*" in refused(answer, 415, "not_accepted")


@pytest.mark.parametrize(
    ("content", "mime_type", "kind", "word"),
    [(png(), "image/png", "image", "Picture"), (PDF, "application/pdf", "document", "Document")],
    ids=["png", "pdf"],
)
def test_pictures_and_documents_are_kept_and_never_shown_inline(
    portal: Portal, client: Client, content: bytes, mime_type: str, kind: str, word: str
) -> None:
    begun = client.send(content, filename=f"claim.{kind}", mime_type=mime_type)
    assert client.complete(begun).json()["mime_type"] == mime_type
    recording = portal.recording(begun)
    assert (recording["state"], recording["kind"]) == ("ready", kind)
    auditor = Person(portal, "auditor")
    page = auditor.get(f"/recordings/{begun}")
    assert page.status_code == 200
    assert f"{word} · {mime_type}" in page.text
    assert "<audio" not in page.text and "<video" not in page.text
    assert 'src="/recordings' not in page.text
    assert "player.js" not in page.text
    address = re.search(r'href="([^"]+/media[^"]+)"', page.text)
    assert address is not None
    file = auditor.get(address[1])
    assert file.content == content
    assert file.headers["Content-Disposition"] == "attachment"
    assert file.headers["X-Content-Type-Options"] == "nosniff"
    assert word in auditor.get("/recordings").text


def test_a_recording_is_still_played_in_its_page(portal: Portal, client: Client) -> None:
    begun = client.send(wav(20_000))
    client.complete(begun)
    auditor = Person(portal, "auditor")
    played = auditor.get(auditor.media_path(begun))
    assert played.headers["Content-Disposition"] == "inline"


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
    refused(client.chunk(begun, 0, content), 409, "conflict")


def test_what_is_not_whole_is_not_completed_and_says_what_is_missing(client: Client) -> None:
    content = wav(2 * CHUNK + 1000)
    begun = client.begin(content)
    client.chunk(begun, 1, pieces(content)[1])
    answer = client.complete(begun)
    assert "1 of 3 chunks" in refused(answer, 409, "incomplete")
    assert answer.json()["error"]["missing_chunks"] == [0, 2]


def test_eight_who_complete_at_once_get_one_recording_and_one_answer(
    portal: Portal, client: Client
) -> None:
    begun = client.send(wav(5000))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(client.complete, [begun] * 8))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert client.complete(begun).text == answers[0].text
    query = "SELECT * FROM audit_event WHERE object_id = ? AND action = 'upload.completed'"
    assert len(portal.rows(query, begun)) == 1


def test_an_upload_can_be_given_up_and_again(portal: Portal, client: Client) -> None:
    content = wav(2 * CHUNK)
    begun = client.begin(content)
    client.chunk(begun, 0, content[:CHUNK])
    assert portal.stored_files(f"parts/{begun}")
    for _ in range(2):
        answer = client.cancel(begun)
        assert answer.status_code == 200
        assert answer.json() == {"upload_id": begun, "status": "cancelled"}
    assert portal.stored_files(f"parts/{begun}") == []
    assert client.status(begun).json()["status"] == "cancelled"
    assert "cancelled" in refused(client.chunk(begun, 1, content[CHUNK:]), 410)
    assert "cancelled" in refused(client.complete(begun), 410)


def test_a_recording_is_not_given_up_this_way(client: Client) -> None:
    begun = client.send(wav(5000))
    client.complete(begun)
    refused(client.cancel(begun), 409)
    assert client.status(begun).json()["status"] == "completed"


def test_an_expired_session_says_so_wherever_it_is_touched(portal: Portal, client: Client) -> None:
    content = wav(2 * CHUNK)
    begun = client.begin(content)
    client.chunk(begun, 0, content[:CHUNK])
    age(portal, begun)
    for answer in (client.chunk(begun, 1, content[CHUNK : 2 * CHUNK]), client.complete(begun)):
        assert "Session expired" in refused(answer, 410, "session_expired")
    said = client.status(begun).json()
    assert (said["status"], said["is_expired"]) == ("expired", True)
    assert said["progress"]["missing_chunks"] == []
    assert "Session expired" in said["error"]["message"]
    assert client.cancel(begun).json()["status"] == "expired"


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


def test_without_waiting_the_answer_is_202_and_the_status_tells(tight: Client) -> None:
    content = wav(3 * SMALL)
    begun = tight.send(content, SMALL)
    answer = tight.complete(begun)
    assert answer.status_code == 202
    said = answer.json()
    assert (said["upload_id"], said["status"]) == (begun, "processing")
    where = tight.portal.url + said["status_url"]

    def status() -> str:
        return requests.get(where, headers=tight.headers).json()["status"]

    assert status() in ("processing", "completed")
    wait_for(lambda: status() == "completed")
    assert tight.complete(begun).status_code == 200


def test_two_clients_on_one_upload_never_make_a_mixture(tight: Client) -> None:
    """The same lengths, other bytes: each number is one's or the other's, and the file's hash says
    in the end whether it is the declared one."""
    mine, other = wav(10 * SMALL), wav(10 * SMALL)
    begun = tight.begin(mine)

    def send(content: bytes) -> set[int]:
        taken = enumerate(pieces(content, SMALL))
        return {tight.chunk(begun, number, piece).status_code for number, piece in taken}

    with ThreadPoolExecutor(4) as pool:
        statuses = set().union(*pool.map(send, [mine, other, mine, other]))
    assert statuses <= {200, 409}
    said = tight.status(begun).json()["progress"]
    assert said["received_bytes"] == len(mine) and said["missing_chunks"] == []
    tight.complete(begun)
    ended = wait_for(lambda: (s := tight.status(begun).json())["status"] != "processing" and s)
    if ended["status"] == "completed":
        assert tight.portal.recording(begun)["sha256"] == sha256(mine).hexdigest()
    else:
        assert ended["error"]["code"] == "checksum_mismatch"


def test_more_chunks_than_allowed_are_refused_before_the_first(tight: Client) -> None:
    assert tight.post("init", {"filename": "a", "total_size": 40 * SMALL}).status_code == 201
    answer = tight.post("init", {"filename": "a", "total_size": 40 * SMALL + 1})
    assert "40 chunks" in refused(answer, 413, "too_large")


def test_more_bytes_than_allowed_are_refused(client: Client) -> None:
    refused(client.post("init", {"filename": "a", "total_size": 10 * 1024**3 + 1}), 413)


def test_somebody_elses_upload_is_as_unknown_as_none(portal: Portal, client: Client) -> None:
    content = wav(2000)
    begun = client.send(content)
    stranger = Client(portal, portal.token())
    for one in (begun, NOBODY, "x", "../../etc/passwd", "A" * 255):
        answers = [stranger.chunk(one, 0, content), stranger.raw(one, 0, content)]
        answers += [stranger.complete(one), stranger.cancel(one)]
        assert len({refused(answer, 404, "not_found") for answer in answers}) == 1
    for one in (begun, NOBODY, "x", "%00", "A" * 300):
        refused(stranger.status(one), 404, "not_found")
    assert client.status(begun).json()["status"] == "active"


def test_an_upload_of_another_dialect_is_none_here(client: Client, tus: Tus) -> None:
    begun = upload_id(tus.begin(10))
    for answer in (client.status(begun), client.complete(begun), client.cancel(begun)):
        refused(answer, 404, "not_found")
    refused(client.chunk(begun, 0, b"x"), 409, "conflict")


def test_nothing_works_without_a_token_that_may_upload(portal: Portal, client: Client) -> None:
    begun = client.begin(b"x")
    for client.headers, status in (
        ({}, 401),
        ({"Authorization": "Bearer x"}, 401),
        (Client(portal, portal.token("uploader", "read")).headers, 403),
        (Client(portal, portal.token("auditor", "upload")).headers, 403),
    ):
        answers = [client.init(b"x"), client.chunk(begun, 0, b"x"), client.raw(begun, 0, b"x")]
        answers += [client.complete(begun), client.cancel(begun), client.status(begun)]
        for answer in answers:
            refused(answer, status)


def test_a_token_that_ran_out_still_ends_what_it_began(portal: Portal) -> None:
    content, email = wav(2000), portal.person("uploader")
    with portal.app.app_context():
        client = Client(portal, tokens.create_token(db.session, email, ["upload"]))
        begun = client.begin(content)
        late = utc_now() - timedelta(seconds=1)
        one = db.session.get_one(Upload, begun).token_id
        db.session.execute(update(Token).where(Token.id == one).values(expires_at=late))
        db.session.commit()
    refused(client.init(content), 401)
    assert client.chunk(begun, 0, content).status_code == 200
    assert client.complete(begun).status_code == 200


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
