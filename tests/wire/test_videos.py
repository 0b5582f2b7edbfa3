"""The JSON endpoints beside tus, as their contract has them."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.conftest import TUS, Portal, Tus
from tests.waiting import wait_for
from tests.wire.videos import ASKED, NOBODYS, UPLOAD, Videos, refused, videos

__all__ = ["videos"]

ROOT = Path(__file__).parents[2]
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@pytest.fixture
def video(media: Callable[[str], Path]) -> bytes:
    return media("practice-violin.webm").read_bytes()


def test_init_answers_exactly_what_the_contract_says(portal: Portal, videos: Videos) -> None:
    answer = videos.init()
    assert answer.status_code == 201
    said = answer.json()
    assert set(said) == {"upload_id", "upload_url", "expires_at", "chunk_size"}
    assert said["upload_url"] == answer.headers["Location"] == f"{TUS}/{said['upload_id']}"
    assert ISO.fullmatch(said["expires_at"]) and said["chunk_size"] == 5242880
    row = portal.rows("SELECT * FROM upload WHERE id = ?", said["upload_id"])[0]
    assert (row["dialect"], row["length"]) == ("tus", 52428800)
    assert json.loads(row["details"]) == {
        "session_id": ASKED["session_id"],
        "duration_seconds": "180",
        "content_type": "video/mp4",
    }


def test_status_answers_exactly_what_the_contract_says(tus: Tus, videos: Videos) -> None:
    each = videos.begin(100)
    tus.patch(f"{TUS}/{each}", 0, b"x" * 20)
    said = videos.status(each).json()
    assert ISO.fullmatch(said.pop("expires_at"))
    assert said == {
        "upload_id": each,
        "offset": 20,
        "size": 100,
        "completed": False,
        "percentage": 20.0,
    }


def test_the_whole_way_to_a_recording(
    portal: Portal, tus: Tus, videos: Videos, video: bytes
) -> None:
    said = videos.init(
        file_size=len(video), filename="a/b/violin.webm", content_type="video/webm"
    ).json()
    each, half = said["upload_id"], len(video) // 2
    tus.patch(said["upload_url"], 0, video[:half])
    error = refused(videos.complete(each), 409, "incomplete")
    assert error["offset"] == half and str(half) in error["message"]
    tus.patch(said["upload_url"], half, video[half:])
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(videos.complete, [each] * 4))
    assert {answer.status_code for answer in answers} == {200}
    assert answers[0].json() == {
        "upload_id": each,
        "recording_id": each,
        "state": "ready",
        "status_url": f"{UPLOAD}/{each}/status",
    }
    recording = portal.recording(each)
    assert recording["sha256"] == hashlib.sha256(video).hexdigest()
    assert recording["filename"] == "violin.webm"
    details = portal.rows("SELECT * FROM recording_detail WHERE recording_id = ?", each)
    assert {row["name"]: row["value"] for row in details}["session_id"] == ASKED["session_id"]
    ended = videos.status(each).json()
    assert (ended["completed"], ended["percentage"]) == (True, 100.0)
    assert videos.abort(each).status_code == 403


def test_what_is_no_video_is_told_at_the_end(tus: Tus, videos: Videos) -> None:
    each = videos.begin(4)
    tus.patch(f"{TUS}/{each}", 0, b"four")
    for _ in range(2):
        refused(videos.complete(each), 422, "not_media")


def test_a_file_that_is_not_the_declared_one_is_told_at_the_end(tus: Tus, videos: Videos) -> None:
    each = videos.begin(4, sha256="0" * 64)
    tus.patch(f"{TUS}/{each}", 0, b"four")
    for _ in range(2):
        refused(videos.complete(each), 422, "checksum_mismatch")


def test_the_declared_type_is_compared_and_the_guessed_one_is_not(
    tus: Tus, videos: Videos, video: bytes
) -> None:
    for declared, status in (("audio/wav", 422), (None, 200)):
        each = videos.begin(len(video), content_type=declared, filename="really-webm.mp4")
        tus.patch(f"{TUS}/{each}", 0, video)
        assert videos.complete(each).status_code == status


def test_the_limits_are_those_of_the_settings(
    own_portal: Callable[..., Portal], media: Callable[..., Path]
) -> None:
    portal = own_portal(
        MAX_VIDEO_SIZE_MB="1",
        MAX_VIDEO_DURATION_MINUTES="1",
        PORTAL_FINISH_WAIT_SECONDS="0",
        PORTAL_WEB_PROCESSES="1",
    )
    token = portal.token()
    videos, tus = Videos(portal, token), Tus(portal, token)
    refused(videos.init(file_size=1048577, duration_seconds=60), 413, "too_large")
    assert tus.create(1048577).status_code == 413
    options = requests.options(portal.url + TUS)
    assert options.headers["Tus-Max-Size"] == "1048576"
    refused(videos.init(file_size=1, duration_seconds=60.5), 400)
    assert videos.init(file_size=1048576, duration_seconds=60).status_code == 201
    long = media("call-support-4711.aac", 70).read_bytes()
    each = videos.begin(len(long), duration_seconds=4, content_type=None, filename="a.aac")
    tus.patch(f"{TUS}/{each}", 0, long)
    early = videos.complete(each)
    if early.status_code == 202:  # nobody waits here: mostly it is being assembled still
        assert early.json()["state"] == "processing"
        assert early.headers["Retry-After"] == "1"
    wait_for(lambda: videos.complete(each).status_code != 202)
    refused(videos.complete(each), 422, "too_long")


def test_an_aborted_upload_is_gone(portal: Portal, tus: Tus, videos: Videos) -> None:
    each = videos.begin(100)
    tus.patch(f"{TUS}/{each}", 0, b"x" * 20)
    assert videos.abort(each).status_code == 204
    assert portal.stored_files(f"parts/{each}") == []
    for answer in (videos.abort(each), videos.status(each), videos.complete(each)):
        refused(answer, 410)


def test_an_expired_upload_is_gone(portal: Portal, videos: Videos) -> None:
    each = videos.begin(100)
    expire(portal, each)
    for answer in (videos.status(each), videos.complete(each), videos.abort(each)):
        refused(answer, 410)


def expire(portal: Portal, each: str) -> None:
    with sqlite3.connect(portal.data / "portal.sqlite3", timeout=10) as connection:
        past = "UPDATE upload SET expires_at = '2020-01-01 00:00:00' WHERE id = ?"
        connection.execute(past, (each,))


def test_the_same_key_begins_one_upload(videos: Videos) -> None:
    key = {"Idempotency-Key": "video-1"}
    first, again = videos.init(key), videos.init(key)
    assert first.status_code == again.status_code == 201
    assert first.json()["upload_id"] == again.json()["upload_id"]
    refused(videos.init(key, file_size=5), 422)


# The upload's address as the endpoint of a tus client


def adopted(tus: Tus, each: str, length: int | str, **headers: str) -> requests.Response:
    sent = {"Upload-Length": str(length)} | headers
    return tus.session.post(f"{tus.portal.url}{TUS}/{each}", headers=sent)


def test_a_creation_at_the_uploads_own_address_takes_it_over(tus: Tus, videos: Videos) -> None:
    each = videos.begin(8)
    for _ in range(2):
        answer = adopted(tus, each, 8, **{"Upload-Metadata": "filetype dmlkZW8vbXA0"})
        assert answer.status_code == 201
        assert answer.headers["Location"] == f"{TUS}/{each}"
        assert "Upload-Expires" in answer.headers
    assert tus.head(f"{TUS}/{each}").headers["Upload-Metadata"] == "filetype dmlkZW8vbXA0"
    kind = {"Upload-Length": "8", "Content-Type": "application/offset+octet-stream"}
    with_bytes = tus.session.post(f"{tus.portal.url}{TUS}/{each}", data=b"four", headers=kind)
    assert (with_bytes.status_code, with_bytes.headers["Upload-Offset"]) == (201, "4")


def test_what_cannot_be_taken_over_is_refused(portal: Portal, tus: Tus, videos: Videos) -> None:
    each = videos.begin(4)
    assert adopted(tus, each, 5).status_code == 409
    assert adopted(tus, each, "").status_code == 400
    assert adopted(tus, each, 4, **{"Upload-Metadata": "filename !"}).status_code == 400
    assert adopted(tus, NOBODYS, 4).status_code == 404
    assert adopted(Tus(portal, portal.token()), each, 4).status_code == 404
    tus.patch(f"{TUS}/{each}", 0, b"four")
    assert adopted(tus, each, 4).status_code == 409
    gone = videos.begin(4)
    expire(portal, gone)
    assert adopted(tus, gone, 4).status_code == 410


def test_the_contracts_javascript_runs_as_it_is_printed(
    portal: Portal, token: str, video: bytes, tmp_path: Path
) -> None:
    """Around it stands only what it leaves undefined; see tests/e2e/contract.mjs."""
    page = (ROOT / "docs/wire/videos.md").read_text()
    printed = re.search(r"```javascript\n(.*?)```", page, re.S)
    assert printed is not None
    around = (ROOT / "tests/e2e/contract.mjs").read_text()
    script = ROOT / f"tests/e2e/.contract-{tmp_path.name}.mjs"
    script.write_text(around.replace("// THE CONTRACT\n", printed[1]))
    (tmp_path / "video.webm").write_bytes(video)
    command = ["node", str(script), portal.url, token, str(tmp_path / "video.webm")]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    finally:
        script.unlink()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Upload completed" in done.stdout
    last = json.loads(done.stdout.splitlines()[-1])
    assert last["status"] in (200, 202)
    recording = portal.recording(last["upload_id"])
    assert (recording["state"], recording["size"]) == ("ready", len(video))
    mine = "SELECT id FROM upload WHERE id > ? AND owner_id = ?"
    assert portal.rows(mine, last["upload_id"], recording["owner_id"]) == []
