"""`recordings watch`: the daemon of a recorder machine, which sends what becomes complete."""

from __future__ import annotations

import argparse
import logging
import signal
import threading
import time
from pathlib import Path
from types import FrameType

from recordings_client.cli.complete import Complete
from recordings_client.cli.configuring import client_of, settings_for
from recordings_client.cli.exits import BUSY, DONE, USAGE, Quit
from recordings_client.cli.happening import SENDING, Happening, sentence_for, told_of, word_for
from recordings_client.cli.progress import Lines
from recordings_client.cli.screen import Screen
from recordings_client.errors import ApiError
from recordings_client.lock import SenderLock
from recordings_client.options import ClientSettings
from recordings_client.upload_manager import TICK, UploadManager

log = logging.getLogger(__name__)
WATCH_LOCK = "watch.lock"
ENDINGS = ("SIGTERM", "SIGINT", "SIGBREAK")
"""The last one is what a Windows service sends."""


def run(args: argparse.Namespace, screen: Screen) -> int:
    settings = settings_for(args)
    client, ended = client_of(settings), ending()
    folders = [_folder(each) for each in args.folders]
    lock = _only_one(settings)
    manager = UploadManager(client, settings)
    watch = Watch(manager, folders, args.still, screen)
    try:
        manager.start()
        screen.note(f"Watching {', '.join(map(str, folders))}.")
        watch.until(ended, args.look_every, args.retry_every)
    finally:
        manager.stop()
        lock.give_back()
    screen.note("Stopped; what is not sent stays in the queue, and the next start goes on there.")
    screen.json({"event": "stopped"})
    return DONE


def ending() -> threading.Event:
    """Set as soon as the system or somebody at the keyboard wants us to end."""
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    for name in ENDINGS:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), end)
    return ended


def _folder(text: str) -> Path:
    path = Path(text).resolve()
    if not path.is_dir():
        raise Quit(f"{path} is no folder; make it, or name another one.", USAGE)
    return path


def _only_one(settings: ClientSettings) -> SenderLock:
    settings.state_dir.mkdir(0o700, parents=True, exist_ok=True)
    lock = SenderLock(settings.state_dir / WATCH_LOCK)
    if not lock.take():
        reason = f"Another watch runs with the queue in {settings.state_dir}"
        raise Quit(f"{reason}; end it, or give this one a state_dir of its own.", BUSY)
    return lock


class Watch:
    """Hands over what becomes complete, and tells what happens in the queue."""

    def __init__(
        self, manager: UploadManager, folders: list[Path], still: float, screen: Screen
    ) -> None:
        self._manager, self._screen = manager, screen
        known = {(each.path, each.known) for each in manager.queue.tasks()}
        self._folders = [Complete(each, still, known, self._miss) for each in folders]
        self._happening = Happening(manager.queue)
        self._lines = Lines(screen)
        self._missed: set[Path] = set()
        self._missed_before: set[Path] = set()

    def until(self, ended: threading.Event, look_every: float, retry_every: float) -> None:
        """All in seconds. A fault of one turn, such as a full disk, must not end the daemon."""
        looked = 0.0
        retried = time.monotonic()
        while not ended.is_set():
            now = time.monotonic()
            try:
                if now - looked >= look_every:
                    looked = now
                    self._look(ended)
                if now - retried >= retry_every:
                    retried = now
                    self._manager.retry_hindered()
                self._tell()
            except Exception:
                log.exception("This look at the folders failed; the next one follows")
            ended.wait(TICK)
        self._tell()

    def _look(self, ended: threading.Event) -> None:
        self._missed_before, self._missed = self._missed, set()
        for each in self._folders:
            for video, metadata in each.look():
                if not self._hand_over(video, metadata):
                    each.again(video)
                    return
                if ended.is_set():
                    return

    def _miss(self, folder: Path, error: ApiError) -> None:
        """Say once that a folder is closed to us, or gone with a disk that was unplugged."""
        self._missed.add(folder)
        if folder not in self._missed_before:
            log.warning("%s As soon as it can, it is watched again.", error.message)

    def _hand_over(self, video: Path, metadata: Path | None) -> bool:
        """False if it has to be tried again, as when the queue's disk is full."""
        try:
            self._manager.queue_upload(video, metadata)
        except ApiError as error:
            until = "for now" if error.retriable else "until it changes"
            log.warning("%s is left out %s: %s", video.name, until, error.message)
            return not error.retriable
        return True

    def _tell(self) -> None:
        for word, task in self._happening.look():
            if word:
                self._screen.result(sentence_for(word, task))
                self._screen.json({"event": word} | told_of(task))
            if word_for(task) == SENDING:
                self._lines.moved(task.id, task.path.name, task.sent, task.known.size)
            else:
                self._lines.over(task.id)
