"""`recordings watch`: the daemon of a recorder machine, killed, ended and started again."""

from __future__ import annotations

import json
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from recordings_client.cli.complete import Complete, being_written
from tests.client.conftest import MiB, film_of, sha256
from tests.client.console import Console, Process
from tests.client.test_queue import uploads_of
from tests.client.unreliable import Unreliable
from tests.conftest import Portal
from tests.waiting import wait_for

QUICK = ("--still", "0.6", "--look-every", "0.1", "--json")
SLOW = '[{"kib_per_second": 4096}]'


class Daemon:
    """A running watch, and the events that it has told."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.lines: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        self.lines.extend(self.process.stdout)

    def events(self, path: Path) -> list[str]:
        told = [json.loads(each) for each in list(self.lines) if each.startswith("{")]
        return [each["event"] for each in told if each.get("filename") == path.name]

    def sees(self, event: str, path: Path) -> None:
        wait_for(lambda: event in self.events(path), what=f"{event}: {self.lines}")

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


@pytest.fixture
def watch(console: Console) -> Iterator[Callable[..., Daemon]]:
    running: list[Daemon] = []

    def start(*words: object, **more: str) -> Daemon:
        running.append(Daemon(console.start("watch", *QUICK, *words, **more)))
        return running[-1]

    yield start
    for each in running:
        each.process.kill()
        each.process.wait()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "recordings"
    made.mkdir()
    return made


Watch = Callable[..., Daemon]


def test_what_becomes_complete_is_sent_with_its_metadata(
    portal: Portal, watch: Watch, folder: Path, media: Callable[..., Path]
) -> None:
    daemon = watch(folder)
    below = folder / "2026"
    below.mkdir()
    film = film_of(media, below / f"session_7_{folder.parent.name}.mp4")
    (below / "session_7_metadata.json").write_text('{"session_id": "rdp_7"}')
    daemon.sees("available", film)
    assert daemon.events(film)[0] in ("waiting", "sending")
    [file_id] = uploads_of(portal, film)
    assert json.loads(portal.recording(file_id)["details"])["session_id"] == "rdp_7"
    assert daemon.end() == 0
    assert json.loads(daemon.lines[-1]) == {"event": "stopped"}


def test_a_file_that_grows_is_not_sent_before_it_stands_still(
    portal: Portal, watch: Watch, folder: Path, media: Callable[..., Path]
) -> None:
    daemon = watch(folder)
    film = film_of(media, folder.parent / f"grows-{folder.parent.name}.mp4", MiB)
    content, target = film.read_bytes(), folder / film.name
    step = len(content) // 12 + 1
    for at in range(0, len(content), step):  # opened anew: only its growing tells
        with target.open("ab") as file:
            file.write(content[at : at + step])
        time.sleep(0.15)
    assert not daemon.events(target) and not uploads_of(portal, target)
    daemon.sees("available", target)
    [file_id] = uploads_of(portal, target)
    assert portal.recording(file_id)["sha256"] == sha256(film)


def test_a_file_that_is_open_for_writing_is_not_sent(
    portal: Portal, watch: Watch, folder: Path, media: Callable[..., Path]
) -> None:
    """It stands still, but its recorder has not closed it; a file beside it goes meanwhile."""
    film = film_of(media, folder / f"open-{folder.parent.name}.mp4")
    other = film_of(media, folder / f"other-{folder.parent.name}.mp4")
    with film.open("ab"):
        daemon = watch(folder)
        daemon.sees("available", other)
        assert not daemon.events(film) and not uploads_of(portal, film)
    daemon.sees("available", film)


def test_reading_a_file_does_not_keep_it(folder: Path) -> None:
    path = folder / "a.mp4"
    path.write_bytes(b"x")
    with path.open("rb"):
        assert being_written([path]) == set()
    with path.open("r+b"):
        assert being_written([path]) == {path}


def test_each_file_is_handed_over_once_until_it_changes(folder: Path) -> None:
    path, now = folder / "a.mp4", 0.0
    path.write_bytes(b"x")
    complete = Complete(folder, 10.0, set(), pytest.fail, lambda: now)
    assert not list(complete.look())
    now = 11.0
    assert list(complete.look()) == [(path, None)]
    now = 30.0
    assert not list(complete.look())
    path.write_bytes(b"xyz")
    assert not list(complete.look())
    now = 41.0
    assert list(complete.look()) == [(path, None)]


def test_killed_in_the_middle_it_goes_on_where_the_portal_is(
    portal: Portal, watch: Watch, folder: Path, media: Callable[..., Path]
) -> None:
    film = film_of(media, folder / f"killed-{folder.parent.name}.mp4", 12 * MiB)
    with Unreliable(portal.port) as proxy:
        more = {"base_url": f"{proxy.url}/api"}
        first = watch(folder, bandwidth_limits=SLOW, **more)
        wait_for(lambda: proxy.passed > 4 * MiB, what="a third has passed")
        assert first.end(signal.SIGKILL) == -signal.SIGKILL
        [upload] = uploads_of(portal, film)
        query = "SELECT offset FROM upload WHERE id = ? AND writing IS NULL"
        before = wait_for(lambda: portal.rows(query, upload))[0]["offset"]
        passed = proxy.passed
        second = watch(folder, **more)
        second.sees("available", film)
        assert proxy.passed - passed < film.stat().st_size - before + 100_000
    assert before > 2 * MiB and uploads_of(portal, film) == [upload]
    assert portal.recording(upload)["sha256"] == sha256(film)


def test_sigterm_ends_it_cleanly_in_the_middle_and_sent_files_are_not_sent_again(
    portal: Portal, watch: Watch, console: Console, folder: Path, media: Callable[..., Path]
) -> None:
    done = film_of(media, folder / f"done-{folder.parent.name}.mp4")
    daemon = watch(folder, bandwidth_limits=SLOW)
    daemon.sees("available", done)
    film = film_of(media, folder / f"large-{folder.parent.name}.mp4", 12 * MiB)
    daemon.sees("sending", film)
    assert daemon.end() == 0
    assert console.json("status")["counts"] == {"completed": 1, "pending": 1}
    again = watch(folder)
    again.sees("available", film)
    assert not again.events(done) and len(uploads_of(portal, done)) == 1


def test_what_the_portal_refused_is_not_tried_again_at_each_start(
    watch: Watch, folder: Path, media: Callable[..., Path]
) -> None:
    text = folder / f"text-{folder.parent.name}.mp4"
    text.write_text("This is no film. " * 900)
    first = watch(folder)
    first.sees("failed", text)
    assert first.end() == 0
    second = watch(folder)
    second.sees("available", film_of(media, folder / f"film-{folder.parent.name}.mp4"))
    assert not second.events(text)


def test_one_watch_for_one_queue_and_upload_goes_through_it(
    portal: Portal, watch: Watch, console: Console, folder: Path, film: Path
) -> None:
    first = watch(folder)
    wait_for(lambda: console.json("status")["sending"])
    second = console.run("watch", folder)
    assert second.returncode == 7 and "Another watch" in second.stderr
    done = console.run("upload", "--wait", film)
    assert done.returncode == 0
    first.sees("available", film)
    assert first.end() == 0 and not console.json("status")["sending"]


def test_a_portal_that_was_away_gets_it_as_soon_as_it_is_back(
    portal: Portal, watch: Watch, folder: Path, media: Callable[..., Path]
) -> None:
    """max_retries are used up meanwhile: the daemon does not wait for its next start."""
    film = film_of(media, folder / f"away-{folder.parent.name}.mp4")
    away = threading.Event()
    away.set()
    with Unreliable(portal.port, lambda line: "503" if away.is_set() else "pass") as proxy:
        more = {"base_url": f"{proxy.url}/api", "max_retries": "0"}
        daemon = watch(folder, "--retry-every", "0.5", **more)
        daemon.sees("failed", film)
        away.clear()
        daemon.sees("available", film)


def test_what_a_full_disk_kept_out_of_the_queue_is_queued_later(
    console: Console, watch: Watch, folder: Path, media: Callable[..., Path]
) -> None:
    daemon = watch(folder)
    wait_for(lambda: console.json("status")["sending"])
    with closing(sqlite3.connect(console.state / "queue.sqlite3")) as disk:
        full = "BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END"
        disk.execute(f"CREATE TRIGGER full BEFORE INSERT ON task {full}")
        film = film_of(media, folder / f"full-{folder.parent.name}.mp4")
        wait_for(lambda: any("left out for now" in each for each in daemon.lines))
        disk.execute("DROP TRIGGER full")
    daemon.sees("available", film)


def test_a_folder_that_is_missing_is_refused_and_one_that_goes_is_told(
    console: Console, watch: Watch, folder: Path
) -> None:
    assert console.run("watch", folder / "none").returncode == 2
    daemon = watch(folder)
    wait_for(lambda: console.json("status")["sending"])
    folder.rename(folder.with_name("elsewhere"))
    wait_for(lambda: any("cannot be looked into" in each for each in daemon.lines))
    assert daemon.end(signal.SIGINT) == 0
