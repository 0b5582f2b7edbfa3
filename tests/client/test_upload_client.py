"""The client without a queue: who it is, one upload, and what it says when something is wrong."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from recordings_client import (
    ApiError,
    AuthenticationError,
    NetworkError,
    ProgressFileWrapper,
    RecordingUploadClient,
    ServerError,
    UploadError,
    ValidationError,
    download,
)
from tests.client.conftest import film_of, sha256
from tests.client.unreliable import Unreliable
from tests.conftest import Portal
from tests.waiting import free_port


@pytest.fixture
def client(portal: Portal, token: str) -> RecordingUploadClient:
    return RecordingUploadClient(f"{portal.url}/api", token, timeout=30)


def test_connection_test_success(
    client: RecordingUploadClient, portal: Portal, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        RecordingUploadClient(f"{portal.url}/api", "x")
        assert client.test_connection()
    assert f"RecordingUploadClient initialized for {portal.url}/api" in caplog.messages
    assert "API connection test successful" in caplog.messages


@pytest.mark.parametrize("role", ["auditor", None])
def test_a_token_that_may_not_upload_is_an_authentication_error(
    portal: Portal, film: Path, role: str | None
) -> None:
    token = portal.token(role, "read") if role else "rp_wrong"
    client = RecordingUploadClient(f"{portal.url}/api", token)
    assert not client.test_connection()
    with pytest.raises(AuthenticationError) as caught:
        client.upload_recording(film)
    assert caught.value.status == (403 if role else 401)
    assert not caught.value.retriable and token not in caught.value.message


def test_upload_recording_success(
    client: RecordingUploadClient, portal: Portal, film: Path, tmp_path: Path
) -> None:
    metadata = tmp_path / "session_123_metadata.json"
    told = {"session_id": "rdp_7", "connection_info": {"wats_user": "jefferson.silva"}}
    metadata.write_text(json.dumps(told | {"metadata": {"start_time": "2024-10-26T15:00:22"}}))
    steps: list[tuple[int, int]] = []
    file_id = client.upload_recording(film, metadata, lambda *step: steps.append(step))
    found = portal.recording(file_id)
    assert (found["sha256"], found["sha256_declared"]) == (sha256(film), 1)
    assert found["filename"] == film.name
    details = json.loads(found["details"])
    assert details["wats_user"] == "jefferson.silva" and details["session_id"] == "rdp_7"
    assert details["start_time"] == "2024-10-26T15:00:22"
    size = film.stat().st_size
    assert steps[-1] == (size, size) and steps == sorted(steps)


def test_what_is_no_film_is_an_upload_error_with_the_portals_reason(
    client: RecordingUploadClient, tmp_path: Path
) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("This is no film. " * 500)
    with pytest.raises(UploadError, match=r"\w+") as caught:
        client.upload_recording(text)
    assert caught.value.code == "not_media" and not caught.value.retriable


def test_a_server_that_is_away_is_a_network_error(film: Path) -> None:
    client = RecordingUploadClient(f"http://127.0.0.1:{free_port()}/api", "x", max_retries=0)
    assert not client.test_connection()
    with pytest.raises(NetworkError, match=r"127\.0\.0\.1") as caught:
        client.upload_recording(film)
    assert caught.value.retriable


def test_an_address_that_cannot_be_one_is_told_as_one() -> None:
    for base_url in ("http://portal..example/api", f"http://{'x' * 70}.example/api"):
        with pytest.raises(ApiError, match="cannot be asked"):
            RecordingUploadClient(base_url, "x").check_connection()


def test_a_wrong_address_is_told_as_one(portal: Portal, token: str, film: Path) -> None:
    for base_url in (portal.url, f"{portal.url}/elsewhere"):
        client = RecordingUploadClient(base_url, token, max_retries=0)
        assert not client.test_connection()
        with pytest.raises(ApiError):
            client.upload_recording(film)


def test_nobody_leads_us_elsewhere(portal: Portal, token: str) -> None:
    """The token and the recordings are for the portal that is named in the settings."""

    class Moved(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(307)
            self.send_header("Location", portal.url + self.path)
            self.end_headers()

    with HTTPServer(("127.0.0.1", 0), Moved) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        client = RecordingUploadClient(f"http://127.0.0.1:{server.server_port}/api", token)
        with pytest.raises(ValidationError, match="sends us elsewhere"):
            client.check_connection()
        server.shutdown()


def test_an_answer_that_is_not_the_portals_is_told_as_one(film: Path) -> None:
    """Such as the page of a hotel's network, which says 200 to everything."""
    with Unreliable(0, lambda line: "200") as hotel:
        client = RecordingUploadClient(f"{hotel.url}/api", "x", max_retries=0)
        assert not client.test_connection()
        with pytest.raises(ServerError, match="look at base_url") as caught:
            client.upload_recording(film)
    assert caught.value.retriable


def test_bad_files_are_validation_errors(client: RecordingUploadClient, tmp_path: Path) -> None:
    empty, damaged = tmp_path / "empty.mp4", tmp_path / "damaged.json"
    empty.touch()
    damaged.write_text("{")
    full = tmp_path / "full.mp4"
    full.write_bytes(b"x")
    for video, metadata in (
        (tmp_path / "missing.mp4", None),
        (tmp_path, None),
        (empty, None),
        (full, damaged),
        (full, tmp_path / "missing.json"),
    ):
        with pytest.raises(ValidationError, match=(metadata or video).name):
            client.upload_recording(video, metadata)
    damaged.write_text("[1]")
    with pytest.raises(ValidationError, match="JSON object"):
        client.upload_recording(full, damaged)


def test_no_repr_and_no_log_shows_the_token(
    portal: Portal, token: str, film: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        client = RecordingUploadClient(f"{portal.url}/api", token)
        client.upload_recording(film)
    assert caplog.text and token not in caplog.text + repr(client) + repr(vars(client))


def test_recordings_are_listed_fetched_and_deleted(
    portal: Portal, media: Callable[..., Path], tmp_path: Path
) -> None:
    token = portal.token("uploader", "upload", "read", "delete")
    client = RecordingUploadClient(f"{portal.url}/api", token)
    video = film_of(media, tmp_path / "film.mp4")
    file_id = client.upload_recording(video)
    assert client.get_recording(file_id)["sha256"] == sha256(video)
    found = list(client.list_recordings(session_id="film", state="ready"))
    assert file_id in [each["file_id"] for each in found]
    assert client.delete_recording(file_id, "a test") in ("deleting", "deleted")
    with pytest.raises(ValidationError) as caught:
        client.get_recording("0" * 8)
    assert caught.value.status == 404


def test_a_download_is_compared_and_continued(
    portal: Portal, media: Callable[..., Path], tmp_path: Path
) -> None:
    token = portal.token("uploader", "upload", "read")
    client = RecordingUploadClient(f"{portal.url}/api", token)
    video = film_of(media, tmp_path / "film.mp4", 3_000_000)
    file_id = client.upload_recording(video)
    here = tmp_path / "downloads"
    here.mkdir()
    (here / f"{file_id}.part").write_bytes(video.read_bytes()[:1_000_000])
    received: list[int] = []
    path = download(client, file_id, here, lambda now, size: received.append(now))
    assert path == here / "film.mp4" and sha256(path) == sha256(video)
    assert received[0] > 1_000_000 and received[-1] == video.stat().st_size
    with pytest.raises(FileExistsError):
        download(client, file_id, here)
    (here / f"{file_id}.part").write_bytes(b"x" * video.stat().st_size)
    with pytest.raises(UploadError, match="fetch it again"):
        download(client, file_id, here / "other.mp4")
    assert not (here / "other.mp4").exists()


def test_the_wrapper_gives_the_stretch_and_tells_of_it(tmp_path: Path) -> None:
    path = tmp_path / "bytes"
    path.write_bytes(bytes(range(256)) * 4000)
    told: list[tuple[int, int]] = []
    with path.open("rb") as file:
        file.seek(100)
        body = ProgressFileWrapper(file, lambda *step: told.append(step), 600_000)
        assert len(body) == 600_000
        assert b"".join(bytes(block) for block in body) == path.read_bytes()[100:600_100]
        assert told[-1] == (600_000, 600_000) and len(told) > 1
        assert bytes(body.read()) == b""
        file.seek(1_000_000)
        assert len(ProgressFileWrapper(file)) == 24_000
