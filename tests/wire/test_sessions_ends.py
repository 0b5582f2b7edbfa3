"""How a recorder's session ends: finalized once, however often and wrongly one asks, or expired."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import Portal
from tests.wire.recorder import Recorder, id_of, recorder, video

__all__ = ["recorder", "video"]


def test_finalizing_at_once_makes_one_recording_and_one_answer(
    portal: Portal, token: str, video: bytes
) -> None:
    recorder = Recorder(portal, token)
    path = recorder.begin(file_size=len(video))
    recorder.send(path, video)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: Recorder(portal, token).finalize(path), range(8)))
    assert {each.status_code for each in answers} == {200}
    assert len({each.text for each in answers}) == 1
    query = "SELECT action FROM audit_event WHERE object_id = ? AND action = 'upload.completed'"
    assert len(portal.rows(query, id_of(path))) == 1


def test_what_is_no_video_is_told_with_its_reason_however_often_one_asks(
    recorder: Recorder, media: Callable[..., Path]
) -> None:
    path = recorder.begin()
    recorder.send(path, media("call-sales-0815.wav").read_bytes())
    answers = [recorder.finalize(path) for _ in range(2)]
    for answer in answers:
        assert (answer.status_code, answer.json()["status"]) == (422, "failed")
        assert answer.json()["error"]["code"] == "not_accepted"
        assert "audio/wav" in answer.json()["error"]["message"]
    assert recorder.status(path)["error"] == answers[0].json()["error"]


@pytest.mark.parametrize("late", [True, False])
def test_a_file_that_is_not_the_declared_one_fails(recorder: Recorder, late: bool) -> None:
    path = recorder.begin(**({} if late else {"file_hash": "A" * 64}))
    recorder.send(path, b"whatever this is")
    for _ in range(2):
        answer = recorder.finalize(path, {"checksum": "a" * 64} if late else None)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "checksum_mismatch")
    assert recorder.status(path)["status"] == "failed"
    assert recorder.send(path, b"again").status_code == 410


def test_acceptance_9_a_slow_assembly_is_answered_with_where_to_ask(
    own_portal: Callable, video: bytes
) -> None:
    portal = own_portal(PORTAL_FINISH_WAIT_SECONDS="0", PORTAL_JOB_WORKERS="0")
    recorder = Recorder(portal, portal.token())
    path = recorder.begin()
    recorder.send(path, video)
    answer = recorder.finalize(path)
    assert (answer.status_code, answer.json()["status"]) == (202, "processing")
    assert answer.headers["Location"] == f"{path}/status" and answer.headers["Retry-After"] == "1"
    assert recorder.status(path)["status"] == "processing"
    assert recorder.send(path, video).status_code == 200, "the same file again is harmless"
    assert recorder.send(path, video[:-1]).status_code == 409


@pytest.mark.parametrize(
    "body",
    [b"[]", b"no", b'{"sha256": "x"}', b'{"checksum": 5}', b'{"file_size": "5"}', b"[" * 99_999],
)
def test_a_damaged_finalize_changes_nothing(recorder: Recorder, body: bytes) -> None:
    path = recorder.begin()
    recorder.send(path, b"bytes")
    assert recorder.send(path, body, "finalize").status_code == 400
    assert recorder.status(path)["status"] == "uploading"


def test_finalizing_with_another_size_or_checksum_changes_nothing(recorder: Recorder) -> None:
    path = recorder.begin(sha256="0" * 64)
    assert recorder.finalize(path).status_code == 409, "nothing has arrived"
    recorder.send(path, b"bytes")
    for said in ({"file_size": 4}, {"file_size": 6}, {"sha256": "1" * 64}):
        answer = recorder.finalize(path, said)
        assert (answer.status_code, answer.json()["bytes_received"]) == (409, 5), said
    assert recorder.status(path)["status"] == "uploading"


def test_an_expired_session_says_so(portal: Portal, recorder: Recorder) -> None:
    path = recorder.begin()
    recorder.send(path, b"half")
    expire(portal, path)
    assert recorder.status(path)["status"] == "expired"
    portal.cli("cleanup-expired-uploads")
    assert recorder.status(path)["status"] == "expired"
    for answer in (recorder.send(path, b"more"), recorder.finalize(path)):
        assert (answer.status_code, answer.json()["error"]["code"]) == (410, "upload_gone")


def expire(portal: Portal, path: str) -> None:
    with sqlite3.connect(portal.data / "portal.sqlite3", timeout=10) as connection:
        then = "2020-01-01 00:00:00"
        connection.execute("UPDATE upload SET expires_at = ? WHERE id = ?", (then, id_of(path)))
