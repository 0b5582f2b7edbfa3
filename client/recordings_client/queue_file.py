"""The queue: tasks in one SQLite file, which survives crashes of the program and of the machine.

Several processes may have it open. Each method is one transaction.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recordings_client.reading import Fingerprint
from recordings_client.retrying import LONGEST_ASKED
from recordings_client.tasks import (
    COMPLETED,
    ENDED,
    FAILED,
    PENDING,
    UPLOADING,
    VERIFYING,
    Task,
    task_in,
)

BUSY_SECONDS = 30.0
SCHEMA = """
CREATE TABLE IF NOT EXISTS task (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    path TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    metadata_path TEXT,
    said TEXT NOT NULL,
    key TEXT NOT NULL,
    session_id TEXT,
    sent INTEGER NOT NULL DEFAULT 0,
    received INTEGER NOT NULL DEFAULT 0,
    sha256 TEXT,
    status TEXT NOT NULL,
    retries INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '',
    error_kind TEXT NOT NULL DEFAULT '',
    delete_files INTEGER NOT NULL DEFAULT 0,
    ended REAL,
    change INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS task_path ON task (path);
CREATE INDEX IF NOT EXISTS task_status ON task (status, due);
CREATE INDEX IF NOT EXISTS task_change ON task (change);
"""
NEXT_CHANGE = "(SELECT coalesce(max(change), 0) + 1 FROM task)"


class Queue:
    """`path`: of the file; without one, a queue in memory that ends with this object."""

    def __init__(self, path: Path | None = None) -> None:
        if path is not None:
            path.parent.mkdir(0o700, parents=True, exist_ok=True)
        self._connection = sqlite3.connect(
            path or ":memory:", BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        self._connection.row_factory = sqlite3.Row
        self._lock = threading.Lock()
        self._connection.execute("PRAGMA journal_mode = WAL")
        # A session that a power cut takes out of the queue would be sent a second time.
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(SCHEMA)
        if path is not None:
            path.chmod(0o600)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def _rows(self, query: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    def add(
        self, path: Path, known: Fingerprint, metadata: Path | None, said: dict[str, Any]
    ) -> tuple[Task, bool]:
        """The task of this file, and whether it is a new one. The same file, unchanged, has one
        task; one that has failed is tried again."""
        with self._writing() as connection:
            found = connection.execute(
                "SELECT * FROM task WHERE path = ? AND (status NOT IN (?, ?)"
                " OR (size = ? AND mtime_ns = ?)) ORDER BY number DESC",
                (str(path), *ENDED, known.size, known.mtime_ns),
            ).fetchone()
            if found is None:
                return task_in(_insert(connection, path, known, metadata, said)), True
        task = task_in(found)
        return (self.try_again(task.id) or task) if task.status == FAILED else task, False

    def claim(self, now: float) -> Task | None:
        """The next task that is due, from now on `uploading`. What is due later than any pause can
        be was written down by a clock that has been set since, and is due, too."""
        with self._writing() as connection:
            row = connection.execute(
                f"UPDATE task SET status = ?, change = {NEXT_CHANGE} WHERE number = ("
                " SELECT number FROM task WHERE status IN (?, ?) AND NOT due BETWEEN ? AND ?"
                " ORDER BY number LIMIT 1) RETURNING *",
                (UPLOADING, PENDING, VERIFYING, now, now + LONGEST_ASKED),
            ).fetchone()
        return task_in(row) if row else None

    def note(self, task_id: str, **columns: object) -> Task:
        """Change these columns of a task."""
        names = ", ".join(f"{name} = ?" for name in columns)
        with self._writing() as connection:
            row = connection.execute(
                f"UPDATE task SET {names}, change = {NEXT_CHANGE} WHERE id = ? RETURNING *",
                (*columns.values(), task_id),
            ).fetchone()
        return task_in(row)

    def begin_anew(self, task: Task, known: Fingerprint) -> Task:
        """Forget the session: the file, as it is now, becomes another one."""
        said = json.dumps(task.said | {"file_size": known.size})
        return self.note(
            task.id,
            size=known.size,
            mtime_ns=known.mtime_ns,
            said=said,
            key=str(uuid.uuid4()),
            session_id=None,
            sha256=None,
            sent=0,
        )

    def try_again(self, task_id: str) -> Task | None:
        """A failed task becomes pending, with all its tries; None if it has not failed."""
        fresh = "status = ?, retries = 0, due = 0, error = '', error_kind = '', ended = NULL"
        with self._writing() as connection:
            row = connection.execute(
                f"UPDATE task SET {fresh}, change = {NEXT_CHANGE}"
                " WHERE id = ? AND status = ? RETURNING *",
                (PENDING, task_id, FAILED),
            ).fetchone()
        return task_in(row) if row else None

    def put_back_interrupted(self) -> None:
        """For whoever has just become the sender: nobody else is sending these."""
        for row in self._rows("SELECT id FROM task WHERE status = ?", (UPLOADING,)):
            self.note(row["id"], status=PENDING)

    def find(self, task_id: str) -> Task | None:
        rows = self._rows("SELECT * FROM task WHERE id = ?", (task_id,))
        return task_in(rows[0]) if rows else None

    def tasks(self, *statuses: str) -> list[Task]:
        """All of them, or those with one of these statuses, oldest first."""
        marks = ", ".join("?" * len(statuses))
        where = f"WHERE status IN ({marks})" if statuses else ""
        rows = self._rows(f"SELECT * FROM task {where} ORDER BY number", statuses)
        return [task_in(row) for row in rows]

    def changed_since(self, change: int) -> list[Task]:
        rows = self._rows("SELECT * FROM task WHERE change > ? ORDER BY change", (change,))
        return [task_in(row) for row in rows]

    def last_change(self) -> int:
        """The number of the newest change; 0 for an empty queue."""
        [row] = self._rows("SELECT coalesce(max(change), 0) AS change FROM task")
        return int(row["change"])

    def counts(self) -> dict[str, int]:
        """How many tasks of each status there are."""
        rows = self._rows("SELECT status, count(*) AS count FROM task GROUP BY status")
        return {row["status"]: row["count"] for row in rows}

    def to_delete(self) -> list[Task]:
        """Completed tasks whose files may go."""
        return [task_in(row) for row in self._rows("SELECT * FROM task WHERE delete_files = 1")]

    def tidied(self, task_id: str) -> None:
        """Its files have been looked after. Nobody is told, so it is no change."""
        with self._writing() as connection:
            connection.execute("UPDATE task SET delete_files = 0 WHERE id = ?", (task_id,))

    def forget(self, before: float) -> None:
        """Drop tasks that were completed before then and whose file is gone: as long as it is
        there, we have to know that it was sent."""
        for task in self.tasks(COMPLETED):
            if (task.ended or 0) < before and not task.path.exists():
                with self._writing() as connection:
                    connection.execute("DELETE FROM task WHERE id = ?", (task.id,))


def _insert(
    connection: sqlite3.Connection,
    path: Path,
    known: Fingerprint,
    metadata: Path | None,
    said: dict[str, Any],
) -> sqlite3.Row:
    task_id = f"upload_{int(time.time())}_{path.stem[:60]}_{secrets.token_hex(3)}"
    row: sqlite3.Row = connection.execute(
        "INSERT INTO task (id, path, size, mtime_ns, metadata_path, said, key, status, change)"
        f" VALUES (?, ?, ?, ?, ?, ?, ?, ?, {NEXT_CHANGE}) RETURNING *",
        (
            task_id,
            str(path),
            known.size,
            known.mtime_ns,
            str(metadata) if metadata else None,
            json.dumps(said),
            str(uuid.uuid4()),
            PENDING,
        ),
    ).fetchone()
    return row
