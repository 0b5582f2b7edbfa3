"""What happens to tasks, read off the queue: a word for machines, a sentence for people."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from recordings_client.cli.screen import size_of
from recordings_client.queue_file import Queue
from recordings_client.tasks import COMPLETED, FAILED, UPLOADING, VERIFYING, Task, status_of

WAITING, SENDING, RETRYING = "waiting", "sending", "retrying"
CHECKING, AVAILABLE, GIVEN_UP = "checking", "available", "failed"


class Happening:
    """Follows a queue from its making on. `look` is to be called again and again."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._seen = queue.last_change()
        self._words: dict[str, tuple[str, int]] = {}

    def look(self) -> list[tuple[str, Task]]:
        """Each task that has changed, and a word if something new happens to it, else ''."""
        found = []
        for task in self._queue.changed_since(self._seen):
            self._seen = task.change
            found.append((self._news(task), task))
        return found

    def _news(self, task: Task) -> str:
        before, tries = self._words.get(task.id, ("", 0))
        word = word_for(task, before)
        self._words[task.id] = (word, task.retries)
        same = word == before and (word != RETRYING or task.retries == tries)
        return "" if same else word


def word_for(task: Task, before: str = "") -> str:
    """`before`: its last word. While the portal checks a recording it is asked for now and then,
    which is no new sending."""
    if task.status == UPLOADING:
        return CHECKING if before == CHECKING else SENDING
    words = {COMPLETED: AVAILABLE, FAILED: GIVEN_UP, VERIFYING: CHECKING}
    return words.get(task.status, RETRYING if task.error else WAITING)


def sentence_for(word: str, task: Task) -> str:
    wait = max(0.0, task.due - time.time())
    said = {
        WAITING: "waits in the queue" + f", {task.progress} % sent" * bool(task.sent),
        SENDING: f"is being sent, {size_of(task.known.size)}",
        RETRYING: f"{task.error} Trying again in {wait:.0f} s.",
        CHECKING: "all bytes have arrived; the portal checks them",
        AVAILABLE: f"available as {task.session_id}",
        GIVEN_UP: f"failed: {task.error}",
    }
    return f"{task.path.name}: {said[word]}"


def told_of(task: Task) -> dict[str, Any]:
    """The JSON of a task: what `get_upload_status` tells, its path and its SHA-256."""
    return status_of(task, time.time()) | {"path": str(Path(task.path)), "sha256": task.sha256}
