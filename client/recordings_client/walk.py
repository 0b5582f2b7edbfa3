"""One task's way from a file to an available recording: ask where it stands, do what is next.

Every walk may end in the middle, by an error or with the process; the next one goes on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from recordings_client import reading, retrying
from recordings_client.errors import ApiError, AuthenticationError, UploadError, ValidationError
from recordings_client.pace import Pace
from recordings_client.queue_file import Queue
from recordings_client.reading import ProgressFileWrapper
from recordings_client.standing import Standing
from recordings_client.tasks import COMPLETED, FAILED, PENDING, VERIFYING, Task

if TYPE_CHECKING:
    from recordings_client.upload_client import RecordingUploadClient

log = logging.getLogger(__name__)
ASK_AGAIN_SECONDS = 2.0
"""After this, a recording that is being verified is asked for again."""
NOTE_SECONDS = 0.5
"""How often the bytes that have left are written down: each time is a sync of the disk."""
SENDING = ("created", "uploading")


class Stopped(Exception):
    """We are to stop sending: the program ends, or the hours are over."""


class NotYet(Exception):
    """All bytes are there, and the server still looks at them."""


@dataclass(frozen=True)
class Walk:
    """What all walks of a queue share. `go_on` is asked with every block that is sent."""

    client: RecordingUploadClient
    queue: Queue
    max_retries: int
    chunk_bytes: int
    pace: Pace = field(default_factory=Pace)
    delete_files: bool = False
    go_on: Callable[[], bool] = lambda: True
    on_progress: Callable[[int, int], None] = lambda sent, size: None

    def take(self, task: Task) -> ApiError | None:
        """Walk as far as it goes, and write down how it ended. Returns the error, if there was
        one; whether it is tried again stands in the queue."""
        try:
            self._walk(task)
        except Stopped:
            self.queue.note(task.id, status=PENDING)
        except NotYet:
            self.queue.note(task.id, status=VERIFYING, due=time.time() + ASK_AGAIN_SECONDS)
        except OSError as error:
            reason = f"{task.path.name} cannot be read: {error.strerror}."
            return self._fail(task, UploadError(reason, retriable=True))
        except ApiError as error:
            return self._fail(task, error)
        return None

    def _walk(self, task: Task) -> None:
        reading.refuse_changed(task.path, task.known)
        with self._hashing(task) as digest:
            standing = self._where(task)
            while standing.status in SENDING:
                standing = self.send_next(task, standing)
            sha256 = digest.result()
            if not sha256:
                raise Stopped
            if standing.status == "uploaded":
                standing = self._finalize(task, standing.session_id, sha256)
        self._conclude(task, standing, sha256)

    @contextmanager
    def _hashing(self, task: Task) -> Iterator[Future[str]]:
        """The file's SHA-256 while its bytes are sent: hashlib lets other threads run. No executor
        does it: a program that ends waits for those, and they take no work from then on."""
        digest: Future[str] = Future()
        over = threading.Event()
        aside = threading.Thread(target=self._hash, args=(task, digest, over), daemon=True)
        aside.start()
        try:
            yield digest
        finally:
            over.set()
            aside.join()

    def _hash(self, task: Task, digest: Future[str], over: threading.Event) -> None:
        def go_on() -> bool:
            return self.go_on() and not over.is_set()

        try:
            digest.set_result(task.sha256 or reading.sha256_of(task.path, go_on))
        except Exception as error:
            digest.set_exception(error)

    def _where(self, task: Task) -> Standing:
        if task.session_id is not None:
            standing = self.client.status(task.session_id)
            self._acknowledge(task, standing)
            return standing
        standing = self.client.create_session(task.said, task.key)
        self.queue.note(task.id, session_id=standing.session_id)
        return standing

    def _acknowledge(self, task: Task, standing: Standing) -> None:
        """Progress gives a task its tries back."""
        known = self.queue.find(task.id) or task
        self.queue.note(
            task.id,
            sent=standing.received,
            received=max(known.received, standing.received),
            retries=0 if standing.received > known.received else known.retries,
        )

    def send_next(self, task: Task, standing: Standing) -> Standing:
        """The next request's bytes. Returns where the upload stands then."""
        reason = "The server counted nothing of what was sent."
        with task.path.open("rb", buffering=0) as file:
            if standing.parts is not None:
                reason = self._put_parts(task, standing, file) or reason
                now = self.client.status(standing.session_id)
            else:
                size = min(self.chunk_bytes, task.known.size - standing.received)
                body = self._body(task, file, standing.received, size)
                now = self.client.send(standing.session_id, standing.received, body)
        reading.refuse_changed(task.path, task.known)
        self._acknowledge(task, now)
        if now.status in SENDING and now.received <= standing.received:
            raise UploadError(reason, retriable=True)
        return now

    def _put_parts(self, task: Task, standing: Standing, file: BinaryIO) -> str:
        """Straight into the storage. Returns what it refused, such as an address that is too old:
        the next status has fresh ones."""
        for part in standing.parts or []:
            body = self._body(task, file, part["number"] * standing.part_size, part["size"])
            try:
                self.client.put_part(part, body)
            except (AuthenticationError, ValidationError) as error:
                return f"The storage refuses a part: {error.message}"
        return ""

    def _body(self, task: Task, file: BinaryIO, start: int, size: int) -> ProgressFileWrapper:
        noted = time.monotonic()

        def told(count: int, _: int) -> None:
            nonlocal noted
            if not self.go_on():
                raise Stopped
            self.on_progress(start + count, task.known.size)
            if time.monotonic() - noted > NOTE_SECONDS:
                noted = time.monotonic()
                self.queue.note(task.id, sent=start + count)

        file.seek(start)
        return ProgressFileWrapper(file, told, size, self.pace.piece, self.pace.wait)

    def _finalize(self, task: Task, session_id: str, sha256: str) -> Standing:
        self.queue.note(task.id, sha256=sha256)
        return self.client.finalize(session_id, sha256)

    def _conclude(self, task: Task, standing: Standing, sha256: str) -> None:
        if standing.status == "processing":
            raise NotYet
        if standing.status not in ("completed", "deleted"):
            raise _lost(standing)
        available = standing.status == "completed"
        if available and standing.sha256 != sha256:
            raise UploadError("The portal has other bytes than this file; the file is kept.")
        may_go = self.delete_files and available
        self.queue.note(
            task.id, status=COMPLETED, ended=time.time(), delete_files=int(may_go), error=""
        )
        log.info("Upload completed: %s", task.id)
        tidy(self.queue)

    def _fail(self, task: Task, error: ApiError) -> ApiError:
        known = self.queue.find(task.id) or task
        if error.status == 410 or (error.status == 404 and known.session_id is not None):
            error.retriable = error.begin_anew = True
        retries = known.retries + 1
        again = error.retriable and retries <= self.max_retries
        if again and error.begin_anew:
            again = self._begin_anew(known)
        wait = retrying.delay(known.retries, error.retry_after) if again else 0.0
        self.queue.note(
            task.id,
            status=PENDING if again else FAILED,
            retries=retries if again else known.retries,
            due=time.time() + wait,
            error=error.message,
            error_kind=type(error).__name__,
            ended=None if again else time.time(),
        )
        word = f"again in {wait:.0f} s" if again else "failed"
        log.warning("Upload %s: %s (%s)", task.id, error.message, word)
        return error

    def _begin_anew(self, task: Task) -> bool:
        """False if the file is gone: then there is nothing to begin with."""
        try:
            self.queue.begin_anew(task, reading.fingerprint(task.path))
        except ApiError:
            return False
        return True


def _lost(standing: Standing) -> UploadError:
    """The error for a session that ended without a recording."""
    said = standing.error or f"The upload is {standing.status} on the server."
    damaged = standing.error_code in ("checksum_mismatch", "wrong_size", "part_missing")
    anew = damaged or standing.status in ("expired", "cancelled")
    return UploadError(said, code=standing.error_code, retriable=anew, begin_anew=anew)


def tidy(queue: Queue) -> None:
    """Delete the files of completed tasks that may go, if they are still what was sent."""
    for task in queue.to_delete():
        try:
            reading.refuse_changed(task.path, task.known)
        except ApiError as error:
            log.warning("%s is kept: %s", task.path.name, error.message)
        else:
            for path in filter(None, (task.path, task.metadata_path)):
                _delete(path)
        queue.tidied(task.id)


def _delete(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("%s was sent and cannot be deleted: %s.", path.name, error.strerror)
