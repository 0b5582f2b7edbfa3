"""The file on the recorder's disk: when it has changed, and when it may go."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from recordings_client import ApiIntegrationManager, RecordingUploadClient, UploadManager
from recordings_client.finding import metadata_of, older_recordings
from recordings_client.walk import tidy
from tests.client.conftest import Settings, film_of, sent, sha256
from tests.client.test_queue import uploads_of
from tests.client.unreliable import Unreliable
from tests.conftest import Portal
from tests.waiting import wait_for

Started = Callable[..., ApiIntegrationManager]
SLOW = [{"kib_per_second": 3 * 1024}]


def test_a_file_that_changes_while_it_is_sent_is_sent_anew(
    portal: Portal, started: Started, large: Path
) -> None:
    with Unreliable(portal.port) as proxy:
        manager = started(base_url=f"{proxy.url}/api", bandwidth_limits=SLOW)
        task_id = manager.upload_recording(large)
        wait_for(lambda: proxy.passed > 3_000_000)
        with large.open("r+b") as file:
            file.seek(1000_000)
            file.write(b"other bytes")
        status = wait_for(lambda: (manager.get_upload_status(task_id) or {}).get("error"))
        assert "has changed" in str(status)
        [file_id] = sent(manager, task_id)
    assert portal.recording(file_id)["sha256"] == sha256(large)
    recordings = [each for each in uploads_of(portal, large) if _is_recording(portal, each)]
    assert recordings == [file_id], "of the file as it was before there is no recording"


def _is_recording(portal: Portal, upload_id: str) -> bool:
    return bool(portal.rows("SELECT 1 FROM recording WHERE id = ?", upload_id))


def test_a_file_that_is_gone_fails_with_a_sentence(settings: Settings, film: Path) -> None:
    chosen = settings()
    client = RecordingUploadClient(chosen.base_url, chosen.api_token)
    manager = UploadManager(client, chosen)
    task_id = manager.queue_upload(film)
    film.unlink()
    manager.start()
    assert manager.wait([task_id], 20)
    status = manager.get_upload_status(task_id)
    assert status and status["status"] == "failed" and film.name in status["error"]
    manager.stop()


def test_after_the_upload_video_and_metadata_are_deleted_and_not_before(
    portal: Portal, started: Started, large: Path
) -> None:
    metadata = large.with_name("session_9_metadata.json")
    metadata.write_text("{}")
    kept = sha256(large)
    with Unreliable(portal.port) as proxy:
        manager = started(
            base_url=f"{proxy.url}/api", delete_after_upload=True, bandwidth_limits=SLOW
        )
        task_id = manager.upload_recording(large, metadata)
        wait_for(lambda: proxy.passed > 3_000_000)
        assert large.exists() and metadata.exists()
        [file_id] = sent(manager, task_id)
    wait_for(lambda: not large.exists() and not metadata.exists())
    assert portal.recording(file_id)["sha256"] == kept


def test_what_the_portal_refuses_is_never_deleted(started: Started, tmp_path: Path) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("This is no film. " * 500)
    manager = started(delete_after_upload=True)
    task_id = manager.upload_recording(text)
    assert manager.upload_manager and task_id
    assert manager.upload_manager.wait([task_id], 30)
    status = manager.get_upload_status(task_id)
    assert status and status["status"] == "failed" and text.exists()


def test_a_file_that_was_written_anew_since_is_not_deleted(started: Started, film: Path) -> None:
    """The deletion was cut off by a crash; until the next start the name got another recording."""
    manager = started()
    task_id = manager.upload_recording(film)
    sent(manager, task_id)
    assert manager.upload_manager
    queue = manager.upload_manager.queue
    queue.note(str(task_id), delete_files=1)
    film.write_bytes(b"another recording")
    tidy(queue)
    assert film.read_bytes() == b"another recording" and queue.to_delete() == []


def test_a_deletion_that_was_cut_off_is_made_up_for(
    settings: Settings, started: Started, film: Path, tmp_path: Path
) -> None:
    first = started(state_dir=str(tmp_path / "s"))
    task_id = first.upload_recording(film)
    sent(first, task_id)
    assert first.upload_manager and film.exists()
    first.upload_manager.queue.note(str(task_id), delete_files=1)
    first.shutdown()
    started(state_dir=str(tmp_path / "s"))
    wait_for(lambda: not film.exists())


def test_the_same_bytes_under_another_name_are_another_recording(
    portal: Portal, started: Started, film: Path
) -> None:
    manager = started()
    copy = Path(shutil.copy(film, film.with_name("copy.mp4")))
    one, two = sent(manager, manager.upload_recording(film), manager.upload_recording(copy))
    assert one != two


def test_older_recordings_are_found_with_their_metadata(
    media: Callable[..., Path], tmp_path: Path
) -> None:
    now = 2_000_000_000.0
    below = tmp_path / "2033"
    below.mkdir()
    ages = {"session_1_A_20241026.mp4": 1, "2033/session_2.WAV": 29, "session_3.mp4": 31}
    for name, days in ages.items():
        path = film_of(media, tmp_path / name)
        os.utime(path, (now - 86_400 * days,) * 2)
    os.utime(film_of(media, tmp_path / "being_recorded.mp4"), (now - 5,) * 2)
    (tmp_path / "session_1_metadata.json").touch()
    (tmp_path / "session_metadata.json").touch()
    (tmp_path / "notes.txt").touch()
    found = list(older_recordings(tmp_path, 30, now, pytest.fail))
    assert [video.name for video, _ in found] == ["session_2.WAV", "session_1_A_20241026.mp4"]
    assert [metadata and metadata.name for _, metadata in found] == [
        None,
        "session_1_metadata.json",
    ]
    (tmp_path / "session_1_A_20241026.json").touch()
    assert metadata_of(found[1][0]) == tmp_path / "session_1_A_20241026.json"


def test_a_recording_that_is_still_verified_is_waited_for(
    own_portal: Callable[..., Portal], started: Started, film: Path, large: Path
) -> None:
    """The server answers 202 to finalize, as it does for files that take long."""
    portal = own_portal(PORTAL_FINISH_WAIT_SECONDS="0")
    manager = started(
        base_url=f"{portal.url}/api", api_token=portal.token(), delete_after_upload=True
    )
    ids = [str(manager.upload_recording(each)) for each in (film, large)]
    seen: set[str] = set()
    while manager.get_queue_status()["completed_uploads"] < 2:
        seen |= {str((manager.get_upload_status(each) or {}).get("status")) for each in ids}
        assert "failed" not in seen
    assert "verifying" in seen
    wait_for(lambda: not film.exists() and not large.exists())


def test_a_session_that_the_server_does_not_know_any_more_is_begun_anew(
    portal: Portal, settings: Settings, film: Path
) -> None:
    chosen = settings()
    manager = UploadManager(RecordingUploadClient(chosen.base_url, chosen.api_token), chosen)
    task_id = manager.queue_upload(film)
    gone = "01a20440-0555-7470-9499-a4b8c427bce8"
    manager.queue.note(task_id, session_id=gone)
    manager.start()
    assert manager.wait([task_id], 30)
    status = manager.get_upload_status(task_id)
    manager.stop()
    assert status and status["server_file_id"] not in (None, gone)
    assert portal.recording(str(status["server_file_id"]))["sha256"] == sha256(film)
