"""Names, places and metadata that nobody expects: one such file must not keep the others."""

from __future__ import annotations

import json
import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from recordings_client import (
    ApiIntegrationManager,
    RecordingManager,
    RecordingUploadClient,
    ValidationError,
)
from recordings_client.announcing import MOST_METADATA, announcement
from recordings_client.cli.screen import Screen
from tests.client.conftest import Settings, film_of, sent
from tests.client.console import Console
from tests.client.test_queue import manager_of, uploads_of
from tests.conftest import Portal
from tests.waiting import wait_for

Started = Callable[..., ApiIntegrationManager]


@pytest.fixture
def odd(media: Callable[..., Path], tmp_path: Path) -> Path:
    """A folder with a file that is odd in each way, and one that is not."""
    folder = tmp_path / "odd"
    folder.mkdir()
    for name in ("plain.mp4", "x" * 251 + ".mp4", "new\nline.mp4", "gravação 录音 🎬.mp4", "-.mp4"):
        film_of(media, folder / name)
    film_of(media, folder / os.fsdecode(b"latin\xe9.mp4"))
    (folder / "empty.mp4").touch()
    (folder / "folder.mp4").mkdir()
    os.mkfifo(folder / "fifo.mp4")
    (folder / "loop.mp4").symlink_to("loop.mp4")
    (folder / "broken.mp4").symlink_to("nothing.mp4")
    return folder


def test_odd_files_of_a_folder_are_sent_or_refused_one_by_one(console: Console, odd: Path) -> None:
    done = console.run("upload", "--wait", "--json", odd)
    told = json.loads(done.stdout)
    states = {Path(each["path"]).name[:9]: each["status"] for each in told["files"]}
    sent_ones = {"plain.mp4", "x" * 9, "new\nline.", "gravação ", "-.mp4"}
    assert states == dict.fromkeys(sent_ones, "completed")
    refused = {Path(each["path"]).name: each["error"] for each in told["refused"]}
    assert "empty" in refused["empty.mp4"]
    assert "UTF-8" in refused[os.fsdecode(b"latin\xe9.mp4")] and len(refused) == 2
    assert done.returncode == 1 and "Traceback" not in done.stderr


def test_watch_sends_the_others(console: Console, odd: Path) -> None:
    process = console.start("watch", "--still", "0.2", "--look-every", "0.1", odd)
    try:
        wait_for(lambda: console.json("status")["counts"].get("completed") == 5, 60)
    finally:
        process.send_signal(signal.SIGTERM)
        told, _ = process.communicate(timeout=30)
    assert "Traceback" not in told and told.count("left out until it changes") == 1


def test_a_file_that_is_reached_by_two_ways_is_one_recording(
    portal: Portal, settings: Settings, film: Path
) -> None:
    manager = manager_of(settings())
    link = film.parent / "another-way"
    link.symlink_to(film.parent, target_is_directory=True)
    ways = [film, film.parent / "sub" / ".." / film.name, link / film.name]
    (film.parent / "sub").mkdir()
    assert len({manager.queue_upload(each) for each in ways}) == 1
    manager.start()
    assert manager.wait([manager.queue_upload(film)], 30)
    manager.stop()
    assert len(uploads_of(portal, film)) == 1


def test_verify_and_retry_know_a_file_by_each_of_its_ways(console: Console, film: Path) -> None:
    link = film.parent / "another-way"
    link.symlink_to(film.parent, target_is_directory=True)
    assert console.run("upload", "--wait", film).returncode == 0
    assert console.run("verify", link / film.name).returncode == 0


@pytest.mark.parametrize(
    "metadata",
    [
        b"[" * 100_000,
        b'{"length": NaN}',
        b'{"length": 1e999}',
        b'{"a": "%s"}' % (b"a" * MOST_METADATA),
    ],
    ids=["deep", "nan", "infinite", "large"],
)
def test_metadata_that_cannot_be_told_are_refused_by_name(tmp_path: Path, metadata: bytes) -> None:
    path = tmp_path / "session_1_metadata.json"
    path.write_bytes(metadata)
    with pytest.raises(ValidationError, match=path.name):
        announcement(tmp_path / "session_1.mp4", 5, path, direct=False)


def test_metadata_do_not_say_what_the_file_itself_says(tmp_path: Path) -> None:
    path = tmp_path / "session_1_metadata.json"
    other = {"file_size": 7, "filename": "b.mp4", "sha256": "0" * 64, "file_hash": "0" * 64}
    path.write_text(json.dumps(other | {"direct": True, "fps": 15}))
    said = announcement(tmp_path / "session_1.mp4", 5, path, direct=False)
    ours = {"session_id": "session_1", "filename": "session_1.mp4", "file_size": 5}
    assert said == ours | {"fps": 15}


def test_without_a_folder_the_recorder_goes_on(
    started: Started, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    manager = started(auto_upload=True)
    recorder = RecordingManager(tmp_path / "unplugged", manager)
    with caplog.at_level(logging.WARNING):
        assert recorder.recording_finished("rdp_1") is None
        assert recorder.upload_older() == []
    assert caplog.text.count("unplugged") >= 2, "each is told"
    with pytest.raises(ValidationError, match="unplugged"):
        recorder.manual_upload_recording("rdp_1")


def test_without_a_queue_a_name_is_refused_as_well(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"latin\xe9.mp4")
    path.write_bytes(b"x")
    with pytest.raises(ValidationError, match="UTF-8"):
        RecordingUploadClient("http://127.0.0.1:9/api", "t").upload_recording(path)


def test_a_name_makes_no_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    Screen(machine=False).result("a\nrecordings: b.mp4: available")
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_older_recordings_with_odd_names_are_sent(
    portal: Portal, started: Started, odd: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for each in odd.glob("*.mp4"):
        if each.is_file():
            os.utime(each, (1_700_000_000,) * 2)
    manager = started(max_file_age_days=36_500)
    ids = sent(manager, *manager.upload_older_recordings(odd))
    assert "new_line.mp4" in {portal.recording(each)["filename"] for each in ids} and len(ids) == 5
    assert caplog.text.encode(), "a log file takes what was said of the others"
