"""Call recordings as the contract has them: its own examples, and forms with a file."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Portal
from tests.wire.calling import CALL_LOG, Calls, caller_token, calls, refused, wav

__all__ = ["caller_token", "calls", "wav"]


# The contract, as it is printed.

CURLS = {
    "simple": """curl -X POST \\
  -H "Authorization: Bearer YOUR_TOKEN" \\
  -F "file=@recording.aac" \\
  -F "call_log_id=123e4567-e89b-12d3-a456-426614174000" \\
  http://localhost:4000/api/leads/LEAD_ID/recordings""",
    "init": """curl -X POST \\
  -H "Authorization: Bearer YOUR_TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{
    "action": "init",
    "filename": "recording.aac",
    "call_log_id": "123e4567-e89b-12d3-a456-426614174000"
  }' \\
  http://localhost:4000/api/leads/LEAD_ID/recordings""",
    "append": """curl -X POST \\
  -H "Authorization: Bearer YOUR_TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{
    "action": "append",
    "upload_id": "abc123xyz789",
    "chunk_index": 0,
    "chunk": "BASE64_ENCODED_CHUNK_DATA"
  }' \\
  http://localhost:4000/api/leads/LEAD_ID/recordings""",
    "finalize": """curl -X POST \\
  -H "Authorization: Bearer YOUR_TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{
    "action": "finalize",
    "upload_id": "abc123xyz789",
    "total_chunks": 5,
    "call_log_id": "123e4567-e89b-12d3-a456-426614174000"
  }' \\
  http://localhost:4000/api/leads/LEAD_ID/recordings""",
    "stream": """curl -X GET \\
  -H "Authorization: Bearer YOUR_TOKEN" \\
  http://localhost:4000/api/leads/LEAD_ID/recordings/RECORDING_ID""",
    "range": """curl -X GET \\
  -H "Authorization: Bearer YOUR_TOKEN" \\
  -H "Range: bytes=0-1048575" \\
  http://localhost:4000/api/leads/LEAD_ID/recordings/RECORDING_ID""",
}


@pytest.fixture
def curl(
    calls: Calls, tmp_path: Path, media: Callable[..., Path]
) -> Callable[..., tuple[int, dict[str, str], bytes]]:
    """Runs one of the contract's examples with other words put in; status, headers, body."""
    shutil.copy(media("call-support-4711.aac"), tmp_path / "recording.aac")

    def run(name: str, *replaced: tuple[str, str]) -> tuple[int, dict[str, str], bytes]:
        script = CURLS[name].replace("YOUR_TOKEN", calls.token)
        script = script.replace("http://localhost:4000", calls.portal.url)
        for old, new in replaced:
            assert old in script
            script = script.replace(old, new)
        script += " --silent --dump-header head.txt --output body.bin"
        subprocess.run(["sh", "-c", script], cwd=tmp_path, check=True)
        *_, head = (tmp_path / "head.txt").read_text().strip().split("\n\n")
        status, *lines = head.splitlines()
        headers = dict(line.split(": ", 1) for line in lines)
        return int(status.split()[1]), headers, (tmp_path / "body.bin").read_bytes()

    return run


def test_the_printed_simple_upload_and_both_streams(
    curl: Callable[..., Any], media: Callable[..., Path]
) -> None:
    content = media("call-support-4711.aac").read_bytes()
    status, _, body = curl("simple")
    data = json.loads(body)["data"]
    assert (status, data["message"]) == (200, "Recording uploaded successfully")
    assert data.keys() == {"id", "recording_path", "message"}
    label = rf"priv/static/recordings/{CALL_LOG}_\d{{10}}\.aac"
    assert re.fullmatch(label, data["recording_path"])
    status, headers, body = curl("stream", ("RECORDING_ID", data["id"]))
    assert (status, headers["Content-Type"], body) == (200, "audio/aac", content)
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["Content-Length"] == str(len(content))
    status, headers, body = curl("range", ("RECORDING_ID", data["id"]), ("1048575", "999"))
    assert (status, body) == (206, content[:1000])
    assert headers["Content-Range"] == f"bytes 0-999/{len(content)}"
    assert headers["Content-Length"] == "1000" and headers["Content-Type"] == "audio/aac"


def test_the_printed_upload_in_five_chunks(
    curl: Callable[..., Any], calls: Calls, media: Callable[..., Path]
) -> None:
    content = media("call-support-4711.aac").read_bytes()
    status, _, body = curl("init")
    upload_id = json.loads(body)["data"]["upload_id"]
    wanted = {"upload_id": upload_id, "message": "Upload session initialized"}
    assert (status, json.loads(body)) == (201, {"data": wanted})
    size = -(-len(content) // 5)
    for number in range(5):
        piece = content[number * size : (number + 1) * size]
        status, _, body = curl(
            "append",
            ("abc123xyz789", upload_id),
            ('"chunk_index": 0', f'"chunk_index": {number}'),
            ("BASE64_ENCODED_CHUNK_DATA", base64.b64encode(piece).decode()),
        )
        total = min(len(content), (number + 1) * size)
        told = {"upload_id": upload_id, "chunks_received": number + 1, "total_size": total}
        assert (status, json.loads(body)) == (202, {"data": told})
    status, _, body = curl("finalize", ("abc123xyz789", upload_id))
    assert status == 200 and json.loads(body)["data"]["id"] == upload_id
    assert calls.portal.recording(upload_id)["sha256"] == hashlib.sha256(content).hexdigest()


# What is sound, whatever it is called.


@pytest.mark.parametrize(
    ("sample", "name", "content_type"),
    [
        ("call-support-4711.aac", "wrong.mp3", "audio/aac"),
        ("call-hotline-3141.mp3", "wrong.ogg", "audio/mpeg"),
        ("interview-room-2.m4a", "wrong.wav", "audio/mp4"),
        ("call-sales-0815.wav", "wrong.aac", "audio/wav"),
        ("call-claims-2207.ogg", "no ending", "audio/ogg"),
    ],
)
def test_the_five_kinds_are_known_by_content_and_come_back_as_they_were_sent(
    calls: Calls, media: Callable[..., Path], sample: str, name: str, content_type: str
) -> None:
    content = media(sample, 1).read_bytes()
    answer = calls.get(f"/{calls.saved(content, name)}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, content_type)
    assert answer.content == content


def test_what_is_no_accepted_sound_is_refused_with_the_reason(
    calls: Calls, media: Callable[..., Path]
) -> None:
    before = calls.get().json()
    refused(calls.whole(secrets.token_bytes(5000)), 400, "VALIDATION_ERROR")
    video = media("practice-violin.webm", 1).read_bytes()
    answer = calls.whole(video, "call.mp3")
    refused(answer, 400, "VALIDATION_ERROR", "The content is video/webm")
    upload_id = calls.begin()
    calls.chunk(upload_id, 0, video)
    for _ in range(2):
        refused(calls.end(upload_id, 1), 400, "VALIDATION_ERROR", "The content is video/webm")
    assert calls.get().json() == before
    refused(calls.get(f"/{upload_id}"), 409, "NOT_PLAYABLE", "quarantined")


# One form.


@pytest.mark.parametrize("order", [1, -1])
def test_the_fields_come_in_any_order_and_others_are_ignored(
    calls: Calls, wav: bytes, order: int
) -> None:
    parts: list[Any] = [("file", ("a.wav", wav)), ("x[y][z]", (None, "1")), ("b", ("b", b"2"))]
    parts.append(("call_log_id", (None, CALL_LOG.upper())))
    answer = calls.session.post(calls.url, files=parts[::order])
    assert answer.status_code == 200, answer.text
    details = json.loads(calls.portal.recording(answer.json()["data"]["id"])["details"])
    assert details == {"lead_id": "lead-1", "call_log_id": CALL_LOG}


def nothing_left(calls: Calls, count: int) -> bool:
    """No open upload is younger than so many, and no bytes of one are stored."""
    rows = calls.portal.rows("SELECT id, state FROM upload ORDER BY id LIMIT -1 OFFSET ?", count)
    assert all(row["state"] == "abandoned" for row in rows), rows
    return not any(calls.portal.stored_files(f"parts/{row['id']}") for row in rows)


@pytest.fixture
def uploads_before(portal: Portal) -> int:
    return len(portal.rows("SELECT id FROM upload"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"x": "y"}, "call_log_id is required"),
        ({"call_log_id": "4711"}, "must be a UUID"),
        ({"call_log_id": f" {CALL_LOG}"}, "must be a UUID"),
        ({"call_log_id": CALL_LOG + "\n"}, "must be a UUID"),
        ({"call_log_id": "é" * 36}, "must be a UUID"),
    ],
)
def test_a_form_without_a_good_call_log_id_leaves_nothing(
    calls: Calls, wav: bytes, uploads_before: int, fields: dict[str, str], message: str
) -> None:
    refused(calls.whole(wav, **fields), 400, "VALIDATION_ERROR", message)
    assert nothing_left(calls, uploads_before)


def test_a_form_without_a_file_says_so(calls: Calls, wav: bytes, uploads_before: int) -> None:
    log = ("call_log_id", (None, CALL_LOG))
    forms: list[list[Any]] = [
        [log],
        [log, ("file", (None, "no file, a text"))],
        [log, ("file", ("", b""))],
        [log, ("file", ("empty.wav", b""))],
    ]
    for parts in forms:
        answer = calls.session.post(calls.url, files=parts)
        refused(answer, 400, "VALIDATION_ERROR", "File is required")
    two: list[Any] = [("file", ("a.wav", wav)), ("file", ("b.wav", wav)), log]
    refused(calls.session.post(calls.url, files=two), 400, "VALIDATION_ERROR", "one file")
    assert nothing_left(calls, uploads_before)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("Zoë’s 电话 🎧.wav", "Zoë’s 电话 🎧.wav"),
        ("x" * 400 + ".wav", "x" * 255),
    ],
)
def test_a_file_name_is_shown_and_never_a_path(
    calls: Calls, wav: bytes, name: str, shown: str
) -> None:
    assert calls.portal.recording(calls.saved(wav, name))["filename"] == shown


def test_the_label_is_the_same_each_time_and_no_path_of_ours(calls: Calls, wav: bytes) -> None:
    upload_id = calls.begin("../../x.WAV")
    calls.chunk(upload_id, 0, wav)
    paths = {calls.end(upload_id, 1).json()["data"]["recording_path"] for _ in range(3)}
    assert len(paths) == 1
    assert re.fullmatch(rf"priv/static/recordings/{CALL_LOG}_\d{{10}}\.wav", paths.pop())
