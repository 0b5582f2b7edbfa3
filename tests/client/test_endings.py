"""How programs end, and what becomes of the files that they have not sent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from recordings_client import ApiIntegrationManager, RecordingUploadClient
from recordings_client.queue_file import Queue
from tests.client.conftest import MiB, Settings, film_of, sent
from tests.client.test_queue import manager_of
from tests.conftest import Portal
from tests.waiting import wait_for

ENDS_BY_ITSELF = """
import sys, time
from recordings_client import ApiIntegrationManager
manager = ApiIntegrationManager(sys.argv[1])
ids = [manager.upload_recording(path) for path in sys.argv[2:]]
while not manager.get_upload_status(ids[0])["sent_bytes"]:
    time.sleep(0.01)
"""


def test_a_program_that_ends_leaves_the_rest_to_the_next(
    portal: Portal, token: str, media: Callable[..., Path], tmp_path: Path
) -> None:
    """While the SHA-256 of a large file is summed up, and small ones are sent beside it."""
    api = {"enabled": True, "base_url": f"{portal.url}/api", "api_token": token}
    api |= {"state_dir": str(tmp_path / "state"), "bandwidth_limits": [{"kib_per_second": 4096}]}
    config, program = tmp_path / "config.json", tmp_path / "program.py"
    config.write_text(json.dumps({"api": api}))
    program.write_text(ENDS_BY_ITSELF)
    files = [film_of(media, tmp_path / f"ends-{number}.mp4") for number in range(20)]
    with files[0].open("r+b") as large:
        large.truncate(6 * 1024 * MiB)  # all but its beginning takes no room
    subprocess.run([sys.executable, program, config, *files], check=True, timeout=60)
    queue = Queue(tmp_path / "state" / "queue.sqlite3")
    counts = queue.counts()
    queue.close()
    assert set(counts) <= {"pending", "completed"} and counts["pending"] >= 1, counts


def test_what_the_portal_has_deleted_meanwhile_is_not_deleted_here(
    portal: Portal, settings: Settings, media: Callable[..., Path], tmp_path: Path
) -> None:
    """The client was away while its recording became available and was deleted again."""
    token = portal.token("uploader", "upload", "read", "delete")
    film = film_of(media, tmp_path / "film.mp4")
    manager = manager_of(settings(api_token=token, delete_after_upload=True))
    task_id = manager.queue_upload(film)
    client = RecordingUploadClient(f"{portal.url}/api", token)
    task = manager.queue.find(task_id)
    assert task
    file_id = client.upload_recording(film)
    client.delete_recording(file_id, "a test")
    wait_for(lambda: client.status(file_id).status == "deleted")
    manager.queue.note(task_id, session_id=file_id)
    manager.start()
    assert manager.wait([task_id], 30)
    manager.stop()
    assert film.exists()


def test_other_bytes_than_the_portals_are_kept_whatever_their_date_says(
    settings: Settings, started: Callable[..., ApiIntegrationManager], film: Path
) -> None:
    """The client was killed before it heard the end, and the file was restored from elsewhere."""
    chosen = settings()
    before = manager_of(chosen)
    task_id = before.queue_upload(film)
    before.start()
    assert before.wait([task_id], 30)
    before.queue.note(task_id, status="uploading", sha256=None)
    before.stop()
    known = film.stat()
    film.write_bytes(film.read_bytes()[::-1])
    os.utime(film, ns=(known.st_atime_ns, known.st_mtime_ns))
    after = started(state_dir=str(chosen.state_dir), delete_after_upload=True)
    assert after.upload_manager and after.upload_manager.wait([task_id], 30)
    status = after.get_upload_status(task_id)
    assert status and status["status"] == "failed" and "other bytes" in status["error"]
    assert film.exists()


def test_a_clock_that_is_set_back_keeps_nothing_waiting(
    settings: Settings, started: Callable[..., ApiIntegrationManager], film: Path
) -> None:
    """A machine without a clock of its own wrote down a time of the far future."""
    chosen = settings()
    before = manager_of(chosen)
    task_id = before.queue_upload(film)
    before.queue.note(task_id, due=time.time() + 30 * 86_400)
    before.stop()
    sent(started(state_dir=str(chosen.state_dir)), task_id)
