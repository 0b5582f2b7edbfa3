"""Sends what is in a queue: several files at once, in the hours that are allowed."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from recordings_client.announcing import announcement
from recordings_client.errors import AuthenticationError, NetworkError, ServerError, UploadError
from recordings_client.following import Callbacks, Follower
from recordings_client.hours import any_hold, seconds_until_open
from recordings_client.lock import SenderLock
from recordings_client.option_types import KIB
from recordings_client.options import ClientSettings
from recordings_client.pace import Pace
from recordings_client.queue_file import Queue
from recordings_client.reading import fingerprint, place_of
from recordings_client.tasks import (
    ENDED,
    FAILED,
    PENDING,
    UPLOADING,
    VERIFYING,
    QueueStatus,
    Task,
    UploadStatus,
    status_of,
)
from recordings_client.upload_client import RecordingUploadClient
from recordings_client.walk import Walk, tidy

log = logging.getLogger(__name__)
TICK = 0.2
"""Seconds between two looks at the queue."""
LONGEST_SLEEP = 30.0
STOP_SECONDS = 10.0
DAY = 86_400.0
SENDER_LOCK = "sender.lock"
WORTH_ANOTHER_START = (NetworkError, ServerError, AuthenticationError)
"""Failures of the surroundings, which may be others when the program starts again."""


class UploadManager:
    """Queues files, and sends them once it is started, if no other process sends from the same
    folder: then it waits until that one ends, and what is queued here is sent there.

    `callbacks` are told of all tasks of the folder, from one thread.
    """

    def __init__(
        self,
        client: RecordingUploadClient,
        settings: ClientSettings,
        callbacks: Callbacks | None = None,
    ) -> None:
        self.settings = settings
        self.queue = Queue(settings.state_dir / "queue.sqlite3")
        self._lock = SenderLock(settings.state_dir / SENDER_LOCK)
        self._follower = Follower(self.queue, callbacks or Callbacks())
        self._sending, self._stopping = threading.Event(), threading.Event()
        self._threads: list[threading.Thread] = []
        self._client = client
        self._walk = Walk(
            client,
            self.queue,
            settings.max_retries,
            settings.chunk_size_mb * KIB * KIB,
            Pace(settings.bandwidth_limits),
            settings.delete_after_upload,
            self._may_send,
        )

    @property
    def is_sender(self) -> bool:
        """Whether this process is the one that sends."""
        return self._sending.is_set()

    def start(self) -> None:
        """Begin to send, in threads of our own."""
        count = self.settings.max_concurrent_uploads
        acts = [self._attend] + [self._send] * count
        self._threads = [
            threading.Thread(target=self._repeat, args=(act,), daemon=True) for act in acts
        ]
        for each in self._threads:
            each.start()
        threading.Thread(target=self._client.test_connection, daemon=True).start()  # for the log
        log.info("UploadManager started with %d workers", count)

    def stop(self) -> None:
        """Stop sending; what is not sent stays in the queue. A thread that waits for a server
        which does not answer is left behind after a few seconds, and ends with the program."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        deadline = time.monotonic() + STOP_SECONDS
        for each in self._threads:
            each.join(max(0.0, deadline - time.monotonic()))
        if not any(each.is_alive() for each in self._threads):
            self._follower.look()
            self._lock.give_back()
            self.queue.close()

    def queue_upload(
        self,
        video_file: Path,
        metadata_file: Path | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> str:
        """The id of the file's task; the same one for the same file. `details` are told to the
        portal beside those of the metadata file, and win. Raises ValidationError for a file that
        is missing, empty or oddly named and for metadata that are no JSON object, a retriable
        UploadError if the queue cannot be written to."""
        video = place_of(video_file)
        described = place_of(metadata_file) if metadata_file else None
        known = fingerprint(video)
        said = announcement(video, known.size, described, self.settings.direct_uploads)
        said = {**said, **(details or {})}
        try:
            task, new = self.queue.add(video, known, described, said)
        except sqlite3.Error as error:
            place = self.settings.state_dir
            reason = f"The queue in {place} cannot be written to: {error}."
            raise UploadError(reason, retriable=True) from error
        if new:
            log.info("Recording queued for upload: %s (task: %s)", video.name, task.id)
        return task.id

    def get_upload_status(self, task_id: str) -> UploadStatus | None:
        """None if there is no such task."""
        task = self.queue.find(task_id)
        return status_of(task, time.time()) if task else None

    def get_queue_status(self) -> QueueStatus:
        counts = self.queue.counts()
        return {
            "queue_size": counts.get(PENDING, 0) + counts.get(VERIFYING, 0),
            "active_uploads": counts.get(UPLOADING, 0),
            "completed_uploads": counts.get("completed", 0),
            "failed_uploads": counts.get(FAILED, 0),
        }

    def retry(self, task_id: str | None = None) -> list[str]:
        """Try failed tasks again, this one or all. Returns the ids of those that had failed."""
        wanted = [each.id for each in self.queue.tasks(FAILED)] if task_id is None else [task_id]
        return [each for each in wanted if self.queue.try_again(each)]

    def retry_hindered(self) -> None:
        """Try again what failed for the network, the server or the token."""
        kinds = {each.__name__ for each in WORTH_ANOTHER_START}
        for task in self.queue.tasks(FAILED):
            if task.error_kind in kinds:
                self.queue.try_again(task.id)

    def wait(self, task_ids: Collection[str], seconds: float | None = None) -> bool:
        """Whether all of these have ended, before so many seconds are over."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while not all(_has_ended(self.queue.find(each)) for each in task_ids):
            if deadline is not None and time.monotonic() > deadline:
                return False
            time.sleep(TICK / 4)
        return True

    def _may_send(self) -> bool:
        windows = self.settings.upload_windows
        open_now = not windows or any_hold(windows, datetime.now())
        return open_now and not self._stopping.is_set()

    def _repeat(self, act: Callable[[], float]) -> None:
        """Until we stop; `act` returns the seconds until its next turn. A fault of one turn, such
        as a full disk, must not end the thread."""
        while not self._stopping.is_set():
            try:
                pause = act()
            except Exception:
                log.exception("The queue in %s cannot be served", self.settings.state_dir)
                pause = LONGEST_SLEEP
            self._stopping.wait(pause)

    def _attend(self) -> float:
        """Become the sender when there is none, and tell what happens."""
        if not self._lock.held and self._lock.take():
            self._take_over()
        self._follower.look()
        return TICK

    def _take_over(self) -> None:
        """Go on with what the sender before us has left."""
        self.queue.put_back_interrupted()
        self.retry_hindered()
        tidy(self.queue)
        self.queue.forget(time.time() - self.settings.max_file_age_days * DAY)
        self._sending.set()

    def _send(self) -> float:
        closed = seconds_until_open(self.settings.upload_windows, datetime.now())
        task = None if closed or not self.is_sender else self.queue.claim(time.time())
        if task is None:
            return min(closed, LONGEST_SLEEP) or TICK
        try:
            self._walk.take(task)
        except sqlite3.Error:
            log.exception("What became of %s cannot be written down", task.id)
            self._insist(task, status=PENDING)
        except Exception as error:
            log.exception("Upload failed: %s", task.id)
            fault = f"A fault of the client: {error!r}"
            self._insist(task, status=FAILED, error=fault, ended=time.time())
        return 0.0

    def _insist(self, task: Task, **columns: object) -> None:
        """Write this down as soon as the disk takes it."""
        while not self._stopping.is_set():
            try:
                self.queue.note(task.id, **columns)
                return
            except sqlite3.Error:
                log.exception("The queue in %s cannot be written to", self.settings.state_dir)
                self._stopping.wait(LONGEST_SLEEP)


def _has_ended(task: Task | None) -> bool:
    return task is None or task.status in ENDED
