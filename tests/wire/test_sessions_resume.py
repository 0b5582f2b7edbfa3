"""What a recorder does when things go wrong: cuts, wrong bytes, and two requests at once."""

from __future__ import annotations

import hashlib
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import Portal
from tests.waiting import wait_for
from tests.wire.recorder import Recorder, id_of, raw, recorder, stored, video

__all__ = ["recorder", "video"]


def test_a_file_is_resumed_by_either_header(
    portal: Portal, recorder: Recorder, video: bytes
) -> None:
    total, third = len(video), len(video) // 3
    path = recorder.begin()
    first = recorder.send(path, video[:third], **{"Content-Range": f"bytes 0-{third - 1}/*"})
    assert first.json()["bytes_received"] == third
    assert first.json()["file_size"] is None
    second = recorder.send(path, video[third : 2 * third], **{"Upload-Offset": str(third)})
    assert second.json()["bytes_received"] == 2 * third
    early = recorder.finalize(path, {"file_size": total})
    assert (early.status_code, early.json()["error"]["code"]) == (409, "incomplete")
    assert early.json()["bytes_received"] == 2 * third
    span = f"bytes {2 * third}-{total - 1}/{total}"
    assert recorder.send(path, video[2 * third :], **{"Content-Range": span}).status_code == 200
    assert recorder.status(path)["file_size"] == total
    assert recorder.finalize(path, {"sha256": hashlib.sha256(video).hexdigest()}).ok
    assert stored(portal, path) == video
    assert portal.recording(id_of(path))["sha256_declared"] == 1


def test_who_resumes_at_the_wrong_byte_is_told_the_right_one(recorder: Recorder) -> None:
    path = recorder.begin(file_size=100)
    recorder.send(path, b"x" * 40)
    for headers in (
        {"Upload-Offset": "0"},
        {"Upload-Offset": "41"},
        {"Content-Range": "bytes 0-58/*"},
    ):
        answer = recorder.send(path, b"y" * 59, **headers)
        assert (answer.status_code, answer.headers["Upload-Offset"]) == (409, "40"), headers
        assert answer.json()["error"]["code"] == "offset_mismatch"
        assert answer.json()["bytes_received"] == 40
    assert recorder.status(path)["bytes_received"] == 40
    other = recorder.send(path, b"y" * 60, **{"Content-Range": "bytes 40-99/101"})
    assert (other.status_code, other.json()["error"]["code"]) == (409, "conflict")


def test_after_a_cut_a_plain_recorder_sends_everything_again_and_it_is_whole(
    portal: Portal, recorder: Recorder, token: str, video: bytes
) -> None:
    path = recorder.begin(file_size=len(video))
    with raw(portal, token, f"{path}/video", len(video)) as connection:
        connection.sendall(b"\0" * 5000)
    wait_for(lambda: recorder.status(path)["bytes_received"] == 5000)
    assert recorder.finalize(path).status_code == 409
    assert recorder.send(path, video).json()["bytes_received"] == len(video)
    assert recorder.finalize(path).status_code == 200
    assert stored(portal, path) == video


@pytest.mark.parametrize("form", [True, False], ids=["form", "raw"])
def test_of_a_file_of_unknown_size_a_cut_keeps_nothing(
    portal: Portal, recorder: Recorder, token: str, form: bool
) -> None:
    """Else what arrived until the cut could be finalized as the whole recording."""
    path = recorder.begin()
    line = "Content-Type: multipart/form-data; boundary=b" if form else "X-Nothing: to say"
    with raw(portal, token, f"{path}/video", 9000, line) as connection:
        if form:
            connection.sendall(b'--b\r\nContent-Disposition: form-data; name="file"; ')
            connection.sendall(b'filename="a.mp4"\r\n\r\n')
        connection.sendall(b"\0" * 5000)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(4096).split()[1] == b"400"
    assert recorder.status(path)["bytes_received"] == 0
    assert recorder.finalize(path).status_code == 409


def test_two_whole_files_on_one_session_are_never_mixed(
    portal: Portal, token: str, video: bytes
) -> None:
    recorder = Recorder(portal, token)
    path = recorder.begin(file_size=len(video))

    def send(_: int) -> int:
        return Recorder(portal, token).send(path, video).status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(send, range(6)))
    assert set(statuses) <= {200, 503} and 200 in statuses
    if recorder.status(path)["status"] != "uploaded":
        recorder.send(path, video)
    assert recorder.finalize(path).status_code == 200
    assert stored(portal, path) == video


def test_a_slow_first_request_is_shut_out_by_the_second(
    portal: Portal, recorder: Recorder, token: str, video: bytes
) -> None:
    path = recorder.begin(file_size=len(video))
    with raw(portal, token, f"{path}/video", len(video)) as connection:
        connection.sendall(b"\0" * 5000)
        query = "SELECT 1 FROM upload WHERE id = ? AND writing IS NOT NULL"
        wait_for(lambda: portal.rows(query, id_of(path)))
        assert recorder.send(path, video).status_code == 200
        connection.sendall(b"\0" * (len(video) - 5000))
        assert connection.recv(4096).split()[1] == b"503", "a recorder comes back after that"
    assert recorder.finalize(path).status_code == 200
    assert stored(portal, path) == video


def test_other_bytes_after_the_end_are_refused(
    portal: Portal, recorder: Recorder, video: bytes
) -> None:
    path = recorder.begin(file_size=len(video))
    recorder.send(path, video)
    assert recorder.finalize(path).ok
    for other in (video[:-1] + b"?", video[:-1], video + b"?"):
        answer = recorder.send(path, other)
        assert answer.status_code in (409, 413), other[-1:]
        assert recorder.form(path, "video", file=("a.mp4", other)).status_code == 409
    assert stored(portal, path) == video
