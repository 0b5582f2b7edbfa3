"""The desktop recorder's sessions as their contract has them, from the creation to the deletion."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from tests.conftest import Portal
from tests.waiting import wait_for
from tests.wire.recorder import ASKED, Recorder, id_of, recorder, stored, video

__all__ = ["recorder", "video"]


def details(portal: Portal, path: str) -> dict[str, str]:
    row = portal.rows("SELECT details FROM upload WHERE id = ?", id_of(path))[0]
    return json.loads(row["details"])


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


def test_nothing_but_the_session_id_must_be_said(recorder: Recorder) -> None:
    empty = {name: None for name in ASKED if name != "session_id"}
    assert recorder.create({"session_id": "a"} | empty).status_code == 201
    blank = {"connection_info": {"user": ""}, "file_size": 0}
    assert recorder.create({"session_id": "a"} | blank).status_code == 201


def test_a_request_that_is_repeated_with_its_key_begins_one_session(recorder: Recorder) -> None:
    recorder.session.headers["Idempotency-Key"] = secrets.token_hex()
    first, second = (recorder.create(ASKED) for _ in range(2))
    assert first.json() == second.json()
    assert recorder.create(session_id="another").status_code == 422
