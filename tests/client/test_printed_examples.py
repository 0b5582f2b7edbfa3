"""What the contract prints runs against the real portal, and so do the client's own examples."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import recordings_client
from recordings_client import ClientSettings, RecordingManager
from tests.client import printed
from tests.client.conftest import film_of, sha256
from tests.conftest import Portal
from tests.waiting import wait_for

EXAMPLES = Path(__file__).parents[2] / "client" / "examples"
HOURS = 3600


@pytest.mark.parametrize("name", printed.CONFIGURATIONS)
def test_each_printed_configuration_is_taken(name: str, tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(printed.CONFIGURATIONS[name])
    environ = {"RECORDINGS_STATE_DIR": str(tmp_path / "state")}
    if "api_token" not in printed.CONFIGURATIONS[name]:
        environ["RECORDINGS_API_TOKEN"] = "rp_1"
    settings = ClientSettings.load(config, environ)
    for option, value in json.loads(printed.CONFIGURATIONS[name])["api"].items():
        assert getattr(settings, option) == value


@pytest.fixture
def desk(media: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recorder's folder, which is the current one, with the files that the examples name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(EXAMPLES))
    video = film_of(media, tmp_path / "session_123_ServerName_20241026_150000.mp4")
    metadata = {"session_id": "rdp_123_1729950022", "connection_info": {"con_codigo": 123}}
    video.with_name("session_123_metadata.json").write_text(json.dumps(metadata))
    older = tmp_path / "C:" / "WATS_Recordings"
    older.mkdir(parents=True)
    for age in (2 * HOURS, 24 * 29 * HOURS, 24 * 31 * HOURS, 0):
        path = film_of(media, older / f"session_{age}.mp4")
        os.utime(path, (path.stat().st_mtime - age,) * 2)
    return tmp_path


def test_the_contracts_examples_run_one_after_the_other(
    portal: Portal, token: str, desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder = types.SimpleNamespace(API_ENABLED=True, API_BASE_URL=f"{portal.url}/api")
    recorder.API_TOKEN, recorder.API_STATE_DIR = token, desk / "state"
    place: dict[str, Any] = {"settings": recorder} | vars(recordings_client)
    for example in (printed.INITIALIZING, printed.CALLBACKS, printed.UPLOADING, printed.HANDLING):
        exec(example, place)
    manager = place["api_manager"]
    try:
        wait_for(lambda: manager.get_upload_status(place["task_id"])["status"] == "completed")
        for example in (printed.OLDER, printed.MONITORING, printed.DEBUGGING):
            exec(example, place)
        wait_for(lambda: manager.get_queue_status()["completed_uploads"] == 3)
    finally:
        manager.shutdown()
    output = capsys.readouterr().out
    file_id = portal.rows(
        "SELECT id FROM recording WHERE sha256 = ?", sha256(desk / place["video_file"])
    )[0]["id"]
    for line in (
        "✅ API upload system ready",
        f"Upload queued: {place['task_id']}",
        f"🚀 Upload started: {place['video_file']} ({place['task_id']})",
        f"📊 Upload progress: {place['task_id']} - 100%",
        f"✅ Upload completed: {place['task_id']} -> {file_id}",
        "Queued 2 older recordings for upload",
        "Failed: 0",
        "API connection: ✅ OK",
    ):
        assert line in output, output
    details = json.loads(portal.recording(file_id)["details"])
    assert (details["session_id"], details["con_codigo"]) == ("rdp_123_1729950022", "123")


def test_each_error_of_the_contract_is_told_by_its_example(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(error: recordings_client.ApiError) -> str:
        def upload(*_: object) -> None:
            raise error

        place = {"api_manager": types.SimpleNamespace(upload_recording=upload), "video_file": 0}
        exec(printed.HANDLING, place | {"metadata_file": 0} | vars(recordings_client))
        return capsys.readouterr().out

    assert "check API token" in refuse(recordings_client.AuthenticationError("No."))
    assert "will retry automatically" in refuse(recordings_client.NetworkError("No."))
    for kind in ("ServerError", "ValidationError", "UploadError"):
        assert "Upload error: No." in refuse(getattr(recordings_client, kind)("No."))


def test_the_recording_manager_sends_by_itself_and_by_hand(
    portal: Portal, token: str, desk: Path
) -> None:
    settings = types.SimpleNamespace(API_AUTO_UPLOAD=True)
    api = {"enabled": True, "base_url": f"{portal.url}/api", "api_token": token}
    api |= {"auto_upload": True, "state_dir": str(desk / "state")}
    manager = recordings_client.ApiIntegrationManager({"api": api})
    place: dict[str, Any] = dict(vars(recordings_client))
    exec(printed.RECORDING_MANAGER, place)
    recorder = place["Recorder"](desk, manager)
    recorder.settings = settings
    recorder.stop("session_123")
    wait_for(lambda: manager.get_queue_status()["completed_uploads"] == 1)
    place |= {"recording_manager": recorder, "session_id": "session_123"}
    exec(printed.MANUAL, place)
    assert place["status"]["status"] == "completed", "it has been sent already"
    assert recorder.recording_finished("session_123") == place["task_id"]
    assert recorder.recording_finished("session_12") is None, "that is another session"
    with pytest.raises(recordings_client.ValidationError, match="session_12 in"):
        recorder.manual_upload_recording("session_12")
    manager.shutdown()
    assert recorder.manual_upload_recording("session_123") is None
    alone = RecordingManager(desk, None)
    assert alone.recording_finished("session_123") is None and alone.upload_older() == []


def run(name: str, *words: object, **environ: str) -> str:
    finished = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *map(str, words)],
        env=os.environ | environ,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def test_every_example_of_ours_runs(portal: Portal, desk: Path) -> None:
    token = portal.token("uploader", "upload", "read")
    told = {"RECORDINGS_BASE_URL": f"{portal.url}/api", "RECORDINGS_API_TOKEN": token}
    video, metadata = desk / "one.mp4", desk / "session_123_metadata.json"
    shutil.copy(next(desk.glob("session_*.mp4")), video)
    assert "available: " in run("upload_one.py", video, metadata, **told)
    out = run("fetch.py", "rdp_123_1729950022", desk / "C:", **told)
    assert f"one.mp4: {sha256(video)}" in out and sha256(desk / "C:" / "one.mp4") == sha256(video)
    (desk / "C:" / "one.mp4").unlink()
    nightly = run("nightly.py", desk / "C:", STATE_DIR=str(desk / "nightly"), **told)
    assert nightly == "2 queued, 2 sent, 0 failed\n"
    again = run("nightly.py", desk / "C:", STATE_DIR=str(desk / "nightly"), **told)
    assert again == "0 queued, 2 sent, 0 failed\n"
    api = {"enabled": True, "base_url": told["RECORDINGS_BASE_URL"], "api_token": token}
    api |= {"auto_upload": True, "state_dir": str(desk / "state")}
    config = desk / "config.json"
    config.write_text(json.dumps({"recording": {"output_dir": str(desk)}, "api": api}))
    assert "completed: " in run("recorder.py", config, "session_123")
    assert token not in config.read_text()


def test_no_example_is_left_out() -> None:
    text = Path(__file__).read_text()
    for path in EXAMPLES.glob("*.py"):
        assert f'run("{path.name}"' in text, path.name
