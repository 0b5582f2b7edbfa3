"""The desktop recorder's sessions: its contract, and what a recorder does when things go wrong."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import socket
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from tests.conftest import Portal, wait_for

CREATE = "/api/uploads/create-session"
NOWHERE = "/api/uploads/00000000-0000-7000-8000-000000000000"
ASKED: dict[str, Any] = {
    "session_id": "rdp_123_1729950022",
    "connection_info": {
        "con_codigo": 123,
        "ip": "192.168.1.100",
        "name": "Production Server",
        "user": "administrator",
        "connection_type": "RDP",
        "wats_user": "jefferson.silva",
        "wats_user_machine": "DESKTOP-ABC123",
        "wats_user_ip": "192.168.1.50",
    },
    "file_size": 15728640,
    "metadata": {
        "start_time": "2024-10-26T15:00:22.123456",
        "recorder_settings": {
            "fps": 10,
            "quality": 23,
            "resolution_scale": 1.0,
            "max_file_size_mb": 100,
            "max_duration_minutes": 30,
        },
    },
}
"""The body of the contract's example."""


class Recorder:
    """Does exactly what a test says, and checks nothing."""

    def __init__(self, portal: Portal, token: str) -> None:
        self.portal = portal
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token}"

    def create(self, body: Any = None, **said: Any) -> requests.Response:
        asked = {"session_id": "rdp_1"} | said if body is None else body
        return self.session.post(self.portal.url + CREATE, json=asked)

    def begin(self, **said: Any) -> str:
        """The path of a new session."""
        answer = self.create(**said)
        assert answer.status_code == 201, answer.text
        return f"/api/uploads/{answer.json()['session_id']}"

    def send(
        self, path: str, body: Any, name: str = "video", method: str = "POST", **headers: str
    ) -> requests.Response:
        url = f"{self.portal.url}{path}/{name}"
        return self.session.request(method, url, data=body, headers=headers)

    def form(self, path: str, name: str = "file", **files: Any) -> requests.Response:
        return self.session.post(f"{self.portal.url}{path}/{name}", files=files)

    def finalize(self, path: str, body: Any = None) -> requests.Response:
        return self.session.post(f"{self.portal.url}{path}/finalize", json=body)

    def status(self, path: str) -> dict[str, Any]:
        answer = self.session.get(f"{self.portal.url}{path}/status")
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def recorder(portal: Portal, token: str) -> Recorder:
    return Recorder(portal, token)


@pytest.fixture(scope="session")
def video(media: Callable[..., Path]) -> bytes:
    return media("rdp-finance-server-2026.mp4").read_bytes()


def stored(portal: Portal, path: str) -> bytes:
    recording = portal.recording(id_of(path))
    return (portal.data / "store" / recording["key"]).read_bytes()


def id_of(path: str) -> str:
    return path.rpartition("/")[2]


def details(portal: Portal, path: str) -> dict[str, str]:
    row = portal.rows("SELECT details FROM upload WHERE id = ?", id_of(path))[0]
    return json.loads(row["details"])


def raw(portal: Portal, token: str, path: str, length: int, *lines: str) -> socket.socket:
    """A connection on which a POST has been announced, and no byte of its body sent."""
    connection = socket.create_connection(("127.0.0.1", portal.port), timeout=30)
    head = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {token}",
        f"Content-Length: {length}",
        *lines,
    ]
    connection.sendall("\r\n".join([*head, "", ""]).encode())
    return connection


def test_the_contracts_request_is_answered_as_the_contract_says(
    portal: Portal, recorder: Recorder
) -> None:
    answer = recorder.create(ASKED)
    assert answer.status_code == 201
    said = answer.json()
    assert set(said) == {
        "session_id",
        "metadata_upload_url",
        "video_upload_url",
        "expires_at",
        "file_id",
    }
    address = f"{portal.url}/api/uploads/{said['session_id']}"
    assert said["video_upload_url"] == f"{address}/video"
    assert said["metadata_upload_url"] == f"{address}/metadata"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", said["expires_at"])
    expires = datetime.fromisoformat(said["expires_at"])
    assert timedelta(hours=23) < expires - datetime.now(UTC) < timedelta(hours=25)
    kept = details(portal, said["session_id"])
    assert kept == {
        "session_id": "rdp_123_1729950022",
        "con_codigo": "123",
        "ip": "192.168.1.100",
        "name": "Production Server",
        "user": "administrator",
        "connection_type": "RDP",
        "wats_user": "jefferson.silva",
        "wats_user_machine": "DESKTOP-ABC123",
        "wats_user_ip": "192.168.1.50",
        "start_time": "2024-10-26T15:00:22.123456",
        "recorder_settings.fps": "10",
        "recorder_settings.quality": "23",
        "recorder_settings.resolution_scale": "1.0",
        "recorder_settings.max_file_size_mb": "100",
        "recorder_settings.max_duration_minutes": "30",
    }


def test_the_addresses_are_those_that_the_operator_has_set(own_portal: Callable) -> None:
    portal = own_portal(PORTAL_PUBLIC_URL="https://storage.company.com")
    answer = Recorder(portal, portal.token()).create().json()
    assert answer["video_upload_url"].startswith("https://storage.company.com/api/uploads/")


class ProgressFileWrapper:
    """The recorder's own: a file that tells how much of it has been read."""

    def __init__(self, path: Path, told: Callable[[int], None]) -> None:
        self.file, self.size, self.told = path.open("rb"), path.stat().st_size, told

    def __len__(self) -> int:
        return self.size

    def read(self, size: int = -1) -> bytes:
        block = self.file.read(size)
        self.told(self.file.tell() * 100 // self.size)
        return block


def test_the_recorders_own_client_runs_through_all_its_steps(
    portal: Portal, media: Callable[..., Path]
) -> None:
    """As the contract describes RecordingUploadClient: requests, retries, progress, callbacks."""
    base_url = f"{portal.url}/api"
    path = media("rdp-finance-server-2026.mp4")
    client = requests.Session()
    token = portal.token("uploader", "upload", "read", "delete")
    client.headers.update({"Authorization": f"Bearer {token}"})
    retry = Retry(total=3, backoff_factor=0.1, status_forcelist=[500, 502, 503, 504])
    client.mount("http://", HTTPAdapter(max_retries=retry))
    assert client.get(f"{base_url}/health").ok

    created = client.post(
        f"{base_url}/uploads/create-session", json=ASKED | {"file_size": path.stat().st_size}
    ).json()
    progress: list[int] = []
    file = ProgressFileWrapper(path, progress.append)
    session = f"{base_url}/uploads/{created['session_id']}"
    sent = client.post(f"{session}/file", files={"file": (path.name, file, "video/mp4")})
    sent.raise_for_status()
    assert progress[-1] == 100
    about = {"end_time": "2024-10-26T15:30:22.000000", "frames": 18000}
    files = {"file": ("session_123_metadata.json", json.dumps(about), "application/json")}
    client.post(f"{session}/file", files=files).raise_for_status()
    done = client.post(f"{session}/finalize")
    assert done.status_code == 200 and done.json()["status"] == "completed"

    standing = client.get(f"{session}/status").json()
    assert (standing["status"], standing["progress"]) == ("completed", 100)
    file_id = standing["file_id"]
    listed = client.get(f"{base_url}/recordings", params={"session_id": ASKED["session_id"]}).json()
    assert [each["file_id"] for each in listed["recordings"]] == [file_id]
    assert listed["recordings"][0]["details"]["frames"] == "18000"
    assert client.delete(f"{base_url}/recordings/{file_id}").ok
    wait_for(lambda: client.get(f"{base_url}/recordings/{file_id}").json()["status"] == "deleted")
    assert client.get(f"{base_url}/recordings").json()["recordings"] == []


def as_bytes(recorder: Recorder, path: str, content: bytes) -> requests.Response:
    return recorder.send(path, content, "video")


def as_put(recorder: Recorder, path: str, content: bytes) -> requests.Response:
    return recorder.send(path, content, "file", "PUT", **{"Content-Type": "video/mp4"})


def as_chunks(recorder: Recorder, path: str, content: bytes) -> requests.Response:
    return recorder.send(path, iter([content[:9999], content[9999:]]))


def as_form(recorder: Recorder, path: str, content: bytes) -> requests.Response:
    return recorder.form(path, "file", file=("a.mp4", content, "video/mp4"))


def as_form_with_all(recorder: Recorder, path: str, content: bytes) -> requests.Response:
    about = ("about.json", b'{"agent": "Ana"}', "application/json")
    return recorder.form(path, "file", metadata=about, video=("a.mp4", content, "video/mp4"))


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
@pytest.mark.parametrize("send", [as_bytes, as_put, as_chunks, as_form, as_form_with_all])
def test_however_the_file_is_sent_it_arrives_whole(
    portal: Portal, recorder: Recorder, video: bytes, send: Callable, known: bool
) -> None:
    said = {"file_size": len(video)} if known else {}
    path = recorder.begin(filename="..\\..\\C:\\session 1.mp4", **said)
    assert recorder.status(path)["status"] == "created"
    answer = send(recorder, path, video)
    assert answer.status_code == 200, answer.text
    standing = answer.json()
    assert standing["bytes_received"] == len(video)
    assert standing["status"] == ("uploaded" if known else "uploading")
    assert standing["progress"] == (100 if known else 0)
    again = send(recorder, path, video)
    assert (again.status_code, again.json()["bytes_received"]) == (200, len(video))
    done = recorder.finalize(path)
    assert (done.status_code, done.json()["status"]) == (200, "completed")
    assert done.json()["session_id"] == done.json()["file_id"] == id_of(path)
    assert stored(portal, path) == video
    recording = portal.recording(id_of(path))
    assert (recording["filename"], recording["source"]) == ("session 1.mp4", "sessions")
    late = send(recorder, path, video)
    assert (details(portal, path).get("agent") == "Ana") is (send is as_form_with_all)
    assert (late.status_code, late.json()["status"]) == (200, "completed")
    assert recorder.finalize(path).json() == done.json()


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


def test_a_slow_assembly_is_answered_with_where_to_ask(own_portal: Callable, video: bytes) -> None:
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


def test_metadata_is_added_until_the_end_and_never_half(portal: Portal, recorder: Recorder) -> None:
    path = recorder.begin()
    good = {"connection_info": {"wats_user": "ana"}, "metadata": {"frames": 9}, "tags": ["a"]}
    assert recorder.send(path, json.dumps(good), "metadata", "PUT").status_code == 200
    file = {"file": ("m.json", json.dumps({"note": "ok"}))}
    assert recorder.form(path, "metadata", **file).status_code == 200
    field = {"metadata": (None, json.dumps({"plain": True}))}
    assert recorder.form(path, "file", **field).status_code == 200
    kept = details(portal, path)
    assert kept == {
        "session_id": "rdp_1",
        "wats_user": "ana",
        "frames": "9",
        "tags.0": "a",
        "note": "ok",
        "plain": "true",
    }
    for bad in (
        "[1]",
        "no",
        '{"a": NaN}',
        '{"new": 1, "b": "\\ud800"}',
        '{"new": 1, "c": "\\u0000"}',
    ):
        assert recorder.send(path, bad, "metadata").status_code == 400, bad
    many = {f"n{number}": number for number in range(199)}
    assert recorder.send(path, json.dumps(many), "metadata").status_code == 400
    assert recorder.send(path, b" " * 300_000, "metadata").status_code == 413
    big = {"file": ("m.json", b" " * 300_000)}
    assert recorder.form(path, "metadata", **big).status_code == 413
    assert details(portal, path) == kept
    assert recorder.status(path)["status"] == "created"
    recorder.send(path, b"something")
    recorder.finalize(path, {"metadata": {"end": "now"}})
    assert details(portal, path)["end"] == "now"
    assert recorder.send(path, '{"end": "now"}', "metadata").status_code == 200
    assert recorder.send(path, '{"end": "later"}', "metadata").status_code == 409


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no",
        b"[]",
        b"[" * 100_000,
        b'{"session_id": "a", "file_size": NaN}',
        b'{"session_id": "a", "file_size": Infinity}',
        b'{"session_id": "a", "x": ' + b"[" * 20 + b"1" + b"]" * 20 + b"}",
        b'{"session_id": "\xff"}',
        b'{"session_id": "a", "n": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_damaged_body_is_a_bad_request(recorder: Recorder, body: bytes) -> None:
    answer = recorder.session.post(recorder.portal.url + CREATE, data=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"] == "invalid_request"


@pytest.mark.parametrize(
    "said",
    [
        {"session_id": None},
        {"session_id": ""},
        {"session_id": 5},
        {"session_id": "x" * 256},
        {"session_id": "a\ud800"},
        {"session_id": "a\u0000"},
        {"session_id": "a\r\nSet-Cookie: b"},
        {"file_size": -1},
        {"file_size": "5"},
        {"file_size": True},
        {"file_size": 5.5},
        {"file_size": 10**18},
        {"file_hash": "123"},
        {"sha256": "g" * 64},
        {"filename": "a\nb"},
        {"filename": 7},
        {"connection_info": "none"},
        {"connection_info": {"con_codigo": "123"}},
        {"connection_info": {"con_codigo": True}},
        {"connection_info": {"ip": 7}},
        {"connection_info": {"wats_user": "\u0000"}},
        {"connection_info": {"\ud800": "a"}},
        {"connection_info": {"other": "\u0085"}},
        {"metadata": []},
        {"metadata": {"start_time": "yesterday"}},
        {"metadata": {"recorder_settings": "fast"}},
        {"metadata": {"x" * 101: 1}},
        {"extra": "x" * 2000},
        {"extra": list(range(300))},
    ],
)
def test_what_cannot_be_believed_is_refused_by_name(
    recorder: Recorder, said: dict[str, Any]
) -> None:
    answer = recorder.create({"session_id": "a"} | said)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["message"].endswith(".")


def test_nothing_but_the_session_id_must_be_said(recorder: Recorder) -> None:
    empty = {name: None for name in ASKED if name != "session_id"}
    assert recorder.create({"session_id": "a"} | empty).status_code == 201
    blank = {"connection_info": {"user": ""}, "file_size": 0}
    assert recorder.create({"session_id": "a"} | blank).status_code == 201


def test_too_large_is_refused_before_the_body_is_read(
    portal: Portal, recorder: Recorder, token: str
) -> None:
    assert recorder.create(file_size=10**14).status_code == 413
    sized, unsized = recorder.begin(file_size=10), recorder.begin()
    form = "Content-Type: multipart/form-data; boundary=b"
    announced = [
        (f"{sized}/video", 11, "X-Raw: yes"),
        (f"{unsized}/video", 10**14, "X-Raw: yes"),
        (f"{unsized}/file", 10**14, form),
        (f"{unsized}/metadata", 10**9, "Content-Type: application/json"),
        (CREATE, 10**9, "Content-Type: application/json"),
        (f"{unsized}/finalize", 10**9, "Content-Type: application/json"),
    ]

    def status(request: tuple[str, int, str]) -> bytes:
        with raw(portal, token, *request) as connection:
            return connection.recv(4096).split()[1]

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(status, announced)) == [b"413"] * 6
    more = recorder.form(sized, "video", file=("a", b"x" * 11))
    assert (more.status_code, recorder.status(sized)["bytes_received"]) == (413, 0)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Content-Range": "bytes 5-4/10"}, b"x"),
        ({"Content-Range": "bytes 0-10/10"}, b"x" * 11),
        ({"Content-Range": "bytes 0-4/10"}, b"x"),
        ({"Content-Range": "bytes */10"}, b"x"),
        ({"Content-Range": "items 0-0/1"}, b"x"),
        ({"Content-Range": "bytes +0-0/1"}, b"x"),
        ({"Content-Range": "bytes 0-0/" + "9" * 30}, b"x"),
        ({"Upload-Offset": "+0"}, b"x"),
        ({"Upload-Offset": "0x0"}, b"x"),
        ({"Upload-Offset": "1_0"}, b"x"),
        ({"Upload-Offset": "9" * 30}, b"x"),
        ({}, b""),
        ({"Content-Type": "multipart/form-data"}, b"x"),
        ({"Content-Type": "multipart/form-data; boundary=b"}, b"x"),
        ({"Content-Type": "multipart/form-data; boundary=b"}, b"--b--\r\n"),
        ({"Content-Type": "multipart/form-data; boundary=é"}, b"x"),
    ],
)
def test_a_damaged_request_leaves_what_was_there(
    recorder: Recorder, headers: dict[str, str], body: bytes
) -> None:
    path = recorder.begin(file_size=100)
    recorder.send(path, b"kept")
    sent = {name: value.encode("latin-1") for name, value in headers.items()}
    for name in ("video", "file"):
        answer = recorder.send(path, body, name, **sent)  # type: ignore[arg-type]
        assert answer.status_code == 400, answer.text
    assert recorder.status(path)["bytes_received"] == 4


def test_a_second_file_in_a_form_is_refused(recorder: Recorder) -> None:
    path = recorder.begin()
    files = [("file", ("a.mp4", b"one")), ("file", ("b.mp4", b"two"))]
    answer = recorder.session.post(f"{recorder.portal.url}{path}/file", files=files)
    assert (answer.status_code, recorder.status(path)["bytes_received"]) == (400, 3)


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


EVERY = [
    ("POST", "/video"),
    ("PUT", "/video"),
    ("POST", "/metadata"),
    ("POST", "/file"),
    ("POST", "/finalize"),
    ("GET", "/status"),
]


@pytest.mark.parametrize(("method", "name"), EVERY)
def test_nobody_reaches_a_session_of_somebody_else(
    portal: Portal, recorder: Recorder, method: str, name: str
) -> None:
    path = recorder.begin(file_size=9)
    recorder.send(path, b"kept")

    def status(path: str, token: str) -> int:
        headers = {"Authorization": token} if token else {}
        body = b"{}" if method != "GET" else None
        url = portal.url + path + name
        return requests.request(method, url, headers=headers, data=body).status_code

    other = f"Bearer {portal.token()}"
    for wanted in (path, NOWHERE, "/api/uploads/1", "/api/uploads/..%2f", f"{path}'--"):
        assert status(wanted, other) == 404, wanted
    assert status(path, "") == 401
    assert status(path, "Bearer rp_no_such") == 401
    assert status(path, f"Bearer {portal.token('uploader', 'read')}") == 403
    assert status(path, f"Bearer {portal.token('auditor', 'upload')}") == 403
    assert recorder.status(path)["bytes_received"] == 4


def test_creating_needs_a_token_with_the_scope(portal: Portal) -> None:
    assert requests.post(portal.url + CREATE, json=ASKED).status_code == 401
    for role, scope in (("uploader", "read"), ("auditor", "upload")):
        assert Recorder(portal, portal.token(role, scope)).create().status_code == 403


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


def test_a_request_that_is_repeated_with_its_key_begins_one_session(recorder: Recorder) -> None:
    recorder.session.headers["Idempotency-Key"] = secrets.token_hex()
    first, second = (recorder.create(ASKED) for _ in range(2))
    assert first.json() == second.json()
    assert recorder.create(session_id="another").status_code == 422
