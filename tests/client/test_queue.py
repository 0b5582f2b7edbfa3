"""The queue: what is in it is sent, once, whatever happens to the process that holds it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from recordings_client import (
    ApiIntegrationManager,
    Callbacks,
    ClientSettings,
    RecordingUploadClient,
    UploadManager,
    ValidationError,
)
from recordings_client.queue_file import Queue
from tests.client.conftest import MiB, Settings, film_of, sent, sha256
from tests.client.unreliable import Unreliable
from tests.conftest import Portal
from tests.waiting import wait_for

PROGRAM = """
import sys, time
from recordings_client import ApiIntegrationManager
manager = ApiIntegrationManager(sys.argv[1])
for path in sys.argv[2:]:
    print(manager.upload_recording(path), flush=True)
time.sleep(600)
"""


def manager_of(settings: ClientSettings, callbacks: Callbacks | None = None) -> UploadManager:
    client = RecordingUploadClient(settings.base_url, settings.api_token, settings.upload_timeout)
    return UploadManager(client, settings, callbacks)


def uploads_of(portal: Portal, path: Path) -> list[str]:
    return [row["id"] for row in portal.rows("SELECT id FROM upload WHERE filename = ?", path.name)]


def test_queue_upload(settings: Settings, film: Path) -> None:
    manager = manager_of(settings())
    task_id = manager.queue_upload(film)
    assert task_id.startswith("upload_") and "session_123" in task_id
    assert manager.get_queue_status() == {
        "queue_size": 1,
        "active_uploads": 0,
        "completed_uploads": 0,
        "failed_uploads": 0,
    }
    assert manager.queue_upload(film) == task_id, "the same file is the same task"
    status = manager.get_upload_status(task_id)
    assert status and (status["status"], status["progress"]) == ("pending", 0)
    assert manager.get_upload_status("upload_0") is None
    with pytest.raises(ValidationError, match=r"gone\.mp4"):
        manager.queue_upload(film.with_name("gone.mp4"))
    manager.start()
    assert manager.wait([task_id], 30)
    assert manager.get_queue_status()["completed_uploads"] == 1
    manager.stop()


def test_many_files_are_sent_at_once_and_each_one_time(
    portal: Portal,
    media: Callable[..., Path],
    tmp_path: Path,
    started: Callable[..., ApiIntegrationManager],
) -> None:
    files = [film_of(media, tmp_path / f"many-{number}-{tmp_path.name}.mp4") for number in range(8)]
    manager = started(max_concurrent_uploads=4)
    most = 0
    ids = [manager.upload_recording(each) for each in files]
    while manager.get_queue_status()["completed_uploads"] < len(files):
        most = max(most, manager.get_queue_status()["active_uploads"])
        time.sleep(0.005)
    assert 2 <= most <= 4
    for path, file_id in zip(files, sent(manager, *ids), strict=True):
        assert portal.recording(file_id)["sha256"] == sha256(path)
        assert uploads_of(portal, path) == [file_id]


def test_what_was_not_sent_is_sent_by_the_next_process(
    portal: Portal, settings: Settings, film: Path
) -> None:
    chosen = settings()
    before = manager_of(chosen)
    task_id = before.queue_upload(film)
    before.stop()
    after = manager_of(chosen)
    status = after.get_upload_status(task_id)
    assert status and status["status"] == "pending"
    after.start()
    assert after.wait([task_id], 30)
    assert after.queue_upload(film) == task_id, "it is known to have been sent"
    after.stop()
    assert len(uploads_of(portal, film)) == 1


def test_a_killed_client_goes_on_where_the_server_is(
    portal: Portal, token: str, large: Path, tmp_path: Path
) -> None:
    """It is killed in the middle of a request, and the next one sends the rest, not the whole."""
    program, config = tmp_path / "program.py", tmp_path / "config.json"
    program.write_text(PROGRAM)
    slow = '"bandwidth_limits": [{"kib_per_second": 4096}]'
    with Unreliable(portal.port) as proxy:
        said = f'"enabled": true, "base_url": "{proxy.url}/api", "api_token": "{token}"'
        config.write_text(f'{{"api": {{{said}, "state_dir": "{tmp_path}/state", {slow}}}}}')
        first = _run(program, config, large)
        task_id = _line(first)
        wait_for(lambda: proxy.passed > 4 * MiB, what="a third has passed")
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        [upload] = uploads_of(portal, large)
        query = "SELECT offset FROM upload WHERE id = ? AND writing IS NULL"
        before = wait_for(lambda: portal.rows(query, upload))[0]["offset"]
        passed = proxy.passed
        second = _run(program, config, large)
        assert _line(second) == task_id
        assert portal.recording(upload)["sha256"] == sha256(large)
        size = large.stat().st_size
        assert 2 * MiB < before < size
        assert proxy.passed - passed < size - before + 100_000, "what had arrived is not sent again"
        wait_for(lambda: _status(tmp_path, task_id) == "completed")
        second.kill()
        second.wait()
    assert uploads_of(portal, large) == [upload]


def _run(program: Path, *words: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, program, *map(str, words)], stdout=subprocess.PIPE, text=True
    )


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def _status(folder: Path, task_id: str) -> str:
    queue = Queue(folder / "state" / "queue.sqlite3")
    task = queue.find(task_id)
    queue.close()
    return task.status if task else ""


def test_of_two_processes_one_sends_and_the_other_takes_over(
    portal: Portal, settings: Settings, media: Callable[..., Path], tmp_path: Path
) -> None:
    chosen = settings()
    first, second = manager_of(chosen), manager_of(chosen)
    first.start()
    wait_for(lambda: first.is_sender)
    told: list[str] = []
    second.start()
    one = film_of(media, tmp_path / "first-of-two.mp4")
    task_id = second.queue_upload(one)
    assert second.wait([task_id], 30), "the first one sends it"
    assert not second.is_sender
    first.stop()
    wait_for(lambda: second.is_sender)
    two = film_of(media, tmp_path / "second-of-two.mp4")
    assert second.wait([second.queue_upload(two)], 30)
    second.stop()
    assert [len(uploads_of(portal, each)) for each in (one, two)] == [1, 1]
    assert not told


def test_when_the_sender_is_killed_another_process_takes_over_at_once(
    portal: Portal, token: str, large: Path, tmp_path: Path
) -> None:
    api = {"enabled": True, "base_url": f"{portal.url}/api", "api_token": token}
    api |= {"state_dir": str(tmp_path / "state")}
    slow = {"bandwidth_limits": [{"kib_per_second": 1024}]}
    (tmp_path / "config.json").write_text(json.dumps({"api": api | slow}))
    (tmp_path / "program.py").write_text(PROGRAM)
    sender = _run(tmp_path / "program.py", tmp_path / "config.json", large)
    task_id = _line(sender)
    waiting = ApiIntegrationManager({"api": api})
    assert waiting.upload_manager
    wait_for(lambda: (waiting.get_upload_status(task_id) or {}).get("sent_bytes", 0) > MiB)
    assert not waiting.upload_manager.is_sender
    sender.kill()
    sender.wait()
    wait_for(lambda: waiting.upload_manager and waiting.upload_manager.is_sender, 3)
    [file_id] = sent(waiting, task_id)
    waiting.shutdown()
    assert portal.recording(file_id)["sha256"] == sha256(large)
    assert file_id in uploads_of(portal, large)


def test_callbacks_come_in_order_and_may_fail(
    started: Callable[..., ApiIntegrationManager], large: Path
) -> None:
    events: list[tuple[str, object]] = []
    manager = started(bandwidth_limits=[{"kib_per_second": 12 * 1024}])
    manager.on_upload_started = lambda task, name: events.append(("started", name))
    manager.on_upload_progress = lambda task, percent: events.append(("progress", percent))

    def completed(task: str, file_id: str) -> None:
        events.append(("completed", file_id))
        raise ZeroDivisionError

    manager.on_upload_completed = completed
    manager.on_upload_failed = lambda task, error: events.append(("failed", error))
    [file_id] = sent(manager, manager.upload_recording(large))
    wait_for(lambda: ("completed", file_id) in events)
    assert events[0] == ("started", large.name) and events[-1] == ("completed", file_id)
    percents = [what for word, what in events if word == "progress"]
    assert len(percents) >= 2 and percents[-1] == 100 and percents == sorted(map(int, percents))
    large.write_text("This is no film. " * 900)
    failed = manager.upload_recording(large)
    wait_for(lambda: events[-1][0] == "failed")
    status = manager.get_upload_status(failed)
    assert status and status["status"] == "failed" and status["error"] == events[-1][1]


def test_old_tasks_are_forgotten_once_their_file_is_gone(
    settings: Settings, film: Path, media: Callable[..., Path], tmp_path: Path
) -> None:
    chosen = settings(max_file_age_days=1)
    manager = manager_of(chosen)
    manager.start()
    stays = film_of(media, tmp_path / "stays.mp4")
    ids = [manager.queue_upload(film), manager.queue_upload(stays)]
    assert manager.wait(ids, 30)
    film.unlink()
    manager.queue.note(ids[0], ended=time.time() - 90_000)
    manager.queue.note(ids[1], ended=time.time() - 90_000)
    manager.stop()
    again = manager_of(chosen)
    again.start()
    wait_for(lambda: again.get_upload_status(ids[0]) is None)
    assert again.queue_upload(stays) == ids[1]
    again.stop()
