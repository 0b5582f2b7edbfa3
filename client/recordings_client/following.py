"""Callbacks, read off the queue: what has changed in it is told, in order, by one thread."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from recordings_client.queue_file import Queue
from recordings_client.tasks import COMPLETED, ENDED, FAILED, UPLOADING, Task

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Callbacks:
    """What a recorder wants to be told; set them at any time.

    Started: task id and file name. Progress: task id and percent. Completed: task id and the
    portal's `file_id`. Failed: task id and a sentence. Whatever they raise is logged.
    """

    on_upload_started: Callable[[str, str], Any] | None = None
    on_upload_progress: Callable[[str, int], Any] | None = None
    on_upload_completed: Callable[[str, str], Any] | None = None
    on_upload_failed: Callable[[str, str], Any] | None = None


class Follower:
    """Tells what happens from its making on: of tasks that had ended before, nothing."""

    def __init__(self, queue: Queue, callbacks: Callbacks) -> None:
        self._queue, self._callbacks = queue, callbacks
        self._seen = queue.last_change()
        self._percent: dict[str, int] = {}

    def look(self) -> None:
        """Tell what has changed since the last look."""
        for task in self._queue.changed_since(self._seen):
            self._seen = task.change
            self._tell(task)

    def _tell(self, task: Task) -> None:
        told = self._callbacks
        if task.status in (UPLOADING, *ENDED) and task.id not in self._percent:
            self._percent[task.id] = 0
            _call(told.on_upload_started, task.id, task.path.name)
        if task.id in self._percent and task.progress != self._percent[task.id]:
            self._percent[task.id] = task.progress
            _call(told.on_upload_progress, task.id, task.progress)
        if task.status in ENDED and self._percent.pop(task.id, None) is not None:
            if task.status == COMPLETED:
                _call(told.on_upload_completed, task.id, str(task.session_id))
            elif task.status == FAILED:
                _call(told.on_upload_failed, task.id, task.error)


def _call(callback: Callable[[str, Any], Any] | None, task_id: str, what: str | int) -> None:
    if callback is None:
        return
    try:
        callback(task_id, what)
    except Exception:
        log.exception("A callback failed for %s", task_id)
