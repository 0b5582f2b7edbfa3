"""A task: one file that is to become a recording. It is a row of the queue."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from recordings_client.reading import Fingerprint

PENDING, UPLOADING, VERIFYING = "pending", "uploading", "verifying"
COMPLETED, FAILED = "completed", "failed"
ENDED = (COMPLETED, FAILED)


class UploadStatus(TypedDict):
    """What is told of a task. `progress`: 0 to 100. `retry_in`: seconds, 0 if it is due."""

    task_id: str
    filename: str
    status: str
    progress: int
    sent_bytes: int
    file_size: int
    retry_count: int
    retry_in: float
    error: str
    server_file_id: str | None


class QueueStatus(TypedDict):
    """`queue_size` counts what waits, `active_uploads` what is being sent."""

    queue_size: int
    active_uploads: int
    completed_uploads: int
    failed_uploads: int


@dataclass(frozen=True)
class Task:
    """`said`: what create-session is told. `key`: its Idempotency-Key. `sent`: bytes that have
    left; `received`: the most that the server has acknowledged. `retries`: since the last
    progress. `due`: seconds since 1970. `change`: the number of the queue's change that made it so.
    """

    id: str
    path: Path
    known: Fingerprint
    metadata_path: Path | None
    said: dict[str, Any]
    key: str
    session_id: str | None
    sent: int
    received: int
    sha256: str | None
    status: str
    retries: int
    due: float
    error: str
    error_kind: str
    ended: float | None
    change: int

    @property
    def progress(self) -> int:
        return 100 if self.status == COMPLETED else min(100, 100 * self.sent // self.known.size)


def task_in(row: sqlite3.Row) -> Task:
    metadata = row["metadata_path"]
    return Task(
        row["id"],
        Path(row["path"]),
        Fingerprint(row["size"], row["mtime_ns"]),
        Path(metadata) if metadata else None,
        json.loads(row["said"]),
        row["key"],
        row["session_id"],
        row["sent"],
        row["received"],
        row["sha256"],
        row["status"],
        row["retries"],
        row["due"],
        row["error"],
        row["error_kind"],
        row["ended"],
        row["change"],
    )


def status_of(task: Task, now: float) -> UploadStatus:
    return {
        "task_id": task.id,
        "filename": task.path.name,
        "status": task.status,
        "progress": task.progress,
        "sent_bytes": task.known.size if task.status == COMPLETED else task.sent,
        "file_size": task.known.size,
        "retry_count": task.retries,
        "retry_in": max(0.0, task.due - now) if task.status not in ENDED else 0.0,
        "error": task.error,
        "server_file_id": task.session_id if task.status == COMPLETED else None,
    }
