"""`recordings upload`: what it sends, what it says, and what it leaves when it is cut short."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.client.conftest import MiB, film_of, sha256
from tests.client.console import Console
from tests.client.test_queue import uploads_of
from tests.client.unreliable import Unreliable
from tests.conftest import Portal
from tests.waiting import wait_for

SLOW = '[{"kib_per_second": 4096}]'


def cut_once() -> Callable[[bytes], str]:
    """The first request with bytes is cut somewhere, all others pass."""
    sent = threading.Event()

    def plan(line: bytes) -> str:
        if line.startswith(b"PUT") and not sent.is_set():
            sent.set()
            return "cut"
        return "pass"

    return plan


def test_a_file_becomes_available(portal: Portal, console: Console, film: Path) -> None:
    done = console.run("upload", "--wait", film)
    assert done.returncode == 0, done.stderr
    [file_id] = uploads_of(portal, film)
    assert done.stdout == f"{film.name}: available as {file_id}\n"
    assert "is being sent" in done.stderr and "\x1b" not in done.stderr
    assert portal.recording(file_id)["sha256"] == sha256(film)
    again = console.run("upload", "--wait", film)
    assert again.returncode == 0 and len(uploads_of(portal, film)) == 1, "nothing goes twice"


def test_without_wait_it_ends_when_the_bytes_have_arrived(
    portal: Portal, console: Console, large: Path
) -> None:
    done = console.json("upload", large)
    [told] = done["files"]
    assert told["status"] in ("verifying", "completed", "uploading")
    [upload] = portal.rows("SELECT id, offset FROM upload WHERE filename = ?", large.name)
    assert upload["offset"] == large.stat().st_size
    assert portal.recording(upload["id"])["sha256"] == told["sha256"] == sha256(large)


def test_with_wait_it_ends_when_the_recording_is_available(
    own_portal: Callable[..., Portal], console: Console, large: Path
) -> None:
    """The portal checks it after it has answered, as it does with files that take long."""
    portal = own_portal(PORTAL_FINISH_WAIT_SECONDS="0")
    where = {"base_url": f"{portal.url}/api", "api_token": portal.token()}
    done = console.run("upload", "--wait", large, **where)
    assert "the portal checks them" in done.stderr and "available as" in done.stdout


def test_a_folder_is_sent_in_parallel_with_details(
    portal: Portal, console: Console, media: Callable[..., Path], tmp_path: Path
) -> None:
    folder = tmp_path / "films" / "below"
    folder.mkdir(parents=True)
    names = [f"{number}-{tmp_path.name}.mp4" for number in range(3)]
    files = [film_of(media, folder / name) for name in names]
    (folder / "notes.txt").write_text("no recording")
    files[0].with_suffix(".json").write_text('{"wats_user": "jefferson.silva"}')
    words = ("upload", "--wait", "--parallel", 3, "--set", "ticket=INC-7", folder.parent)
    told = console.json(*words)["files"]
    assert sorted(each["filename"] for each in told) == names
    for each in told:
        found = json.loads(portal.recording(each["server_file_id"])["details"])
        assert found["ticket"] == "INC-7"
        assert ("wats_user" in found) == (each["filename"] == names[0])


def test_metadata_and_session_id_of_one_file(portal: Portal, console: Console, film: Path) -> None:
    about = film.with_name("about.json")
    about.write_text(json.dumps({"session_id": "from-file", "connection_info": {"name": "srv-7"}}))
    words = ("upload", "--wait", "--metadata", about, "--session-id", "rdp_9")
    [told] = console.json(*words, film)["files"]
    found = json.loads(portal.recording(told["server_file_id"])["details"])
    assert (found["session_id"], found["name"]) == ("rdp_9", "srv-7")
    refused = console.run("upload", "--metadata", about, film, film.parent)
    assert refused.returncode == 2 and "one file" in refused.stderr


def test_bars_with_rate_and_time_left_on_a_terminal(console: Console, large: Path) -> None:
    code, written = console.on_terminal("upload", "--wait", large, bandwidth_limits=SLOW)
    assert code == 0, written
    assert "━" in written and "MiB/s" in written
    assert "0:00:0" in written and "%" in written
    assert "available as" in written and console.said["api_token"] not in written


def test_no_bars_on_a_terminal_for_machines(console: Console, film: Path) -> None:
    code, written = console.on_terminal("upload", "--wait", "--json", film)
    assert code == 0 and json.loads(written)["files"][0]["status"] == "completed"


def test_ctrl_c_leaves_everything_resumable_and_says_so(
    portal: Portal, console: Console, large: Path
) -> None:
    with Unreliable(portal.port) as proxy:
        where = {"base_url": f"{proxy.url}/api"}
        process = console.start("upload", large, bandwidth_limits=SLOW, **where)
        wait_for(lambda: proxy.passed > 4 * MiB, what="a third has passed")
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=30)
        assert process.returncode == 130 and "stay in the queue" in said and "goes on" in said
        query = "SELECT id, offset FROM upload WHERE filename = ? AND writing IS NULL"
        [upload] = wait_for(lambda: portal.rows(query, large.name))
        assert 3 * MiB < upload["offset"] < large.stat().st_size
        passed = proxy.passed
        done = console.run("upload", "--wait", **where)
    assert done.returncode == 0 and f"available as {upload['id']}" in done.stdout
    rest = large.stat().st_size - upload["offset"]
    assert proxy.passed - passed < rest + 100_000, "what had arrived is not sent again"


def test_sigterm_has_a_code_of_its_own(portal: Portal, console: Console, large: Path) -> None:
    with Unreliable(portal.port) as proxy:
        more = {"base_url": f"{proxy.url}/api", "bandwidth_limits": SLOW}
        process = console.start("upload", large, **more)
        wait_for(lambda: proxy.passed > MiB)
        process.terminate()
        assert "stay in the queue" in process.communicate(timeout=30)[0]
    assert process.returncode == 143


def test_a_cut_is_told_and_survived(portal: Portal, console: Console, large: Path) -> None:
    with Unreliable(portal.port, cut_once()) as proxy:
        done = console.run("upload", "--wait", large, base_url=f"{proxy.url}/api")
    assert done.returncode == 0 and "Trying again in" in done.stderr
    assert len(uploads_of(portal, large)) == 1 and proxy.done["cut"] == 1


def test_files_that_cannot_be_sent(console: Console, film: Path) -> None:
    empty, text = film.with_name("empty.mp4"), film.with_name(f"text-{film.stem}.mp4")
    empty.touch()
    text.write_text("This is no film. " * 900)
    told = console.json("upload", "--wait", film.with_name("gone.mp4"), empty, text, film)
    assert told["exit"] == 1
    assert {Path(each["path"]).name for each in told["refused"]} == {"gone.mp4", "empty.mp4"}
    states = {each["filename"]: each["status"] for each in told["files"]}
    assert states == {text.name: "failed", film.name: "completed"}


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"base_url": "http://127.0.0.1:1/api", "max_retries": "0"}, 4),
        ({"api_token": "rp_of_nobody"}, 3),
    ],
)
def test_what_surrounds_us_has_codes_of_its_own(
    console: Console, film: Path, more: dict[str, str], code: int
) -> None:
    told = console.json("upload", "--wait", film, **more)
    assert told["exit"] == code and told["files"][0]["error"]
    assert console.json("upload", "--wait")["files"][0]["status"] == "completed"
