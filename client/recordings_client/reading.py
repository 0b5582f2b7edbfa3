"""A file that is sent: whether it is still the same, its SHA-256, and its bytes on their way."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from os.path import realpath
from pathlib import Path
from typing import BinaryIO

from recordings_client.errors import UploadError, ValidationError

BLOCK = 256 * 1024
"""Bytes that are read and sent at once. Larger ones gain nothing (`python -m bench.client`)."""

SETTLE_SECONDS = 5.0
"""A file that has changed is left alone for so long."""


@dataclass(frozen=True)
class Fingerprint:
    """By what a file is known: bytes, and nanoseconds since 1970 of its last change."""

    size: int
    mtime_ns: int


def place_of(path: Path) -> Path:
    """The one path of a file, whichever way leads there: by two of them it would be sent twice. A
    link to a file keeps its own name. Raises ValidationError for a name that is no text."""
    place = Path(realpath(path.parent), path.name)
    try:
        str(place).encode()
    except UnicodeEncodeError:
        reason = f"{str(path)!a} is not written in UTF-8; rename it."
        raise ValidationError(reason) from None
    return place


def fingerprint(path: Path) -> Fingerprint:
    """Raises ValidationError if there is no such file, or nothing in it."""
    try:
        found = path.stat()
    except OSError as error:
        raise ValidationError(f"{path.name} cannot be read: {error.strerror}.") from error
    if not path.is_file():
        raise ValidationError(f"{path.name} is no file.")
    if not found.st_size:
        raise ValidationError(f"{path.name} is empty; there is nothing to send.")
    return Fingerprint(found.st_size, found.st_mtime_ns)


def refuse_changed(path: Path, known: Fingerprint) -> None:
    """Raises UploadError, which wants a new upload, if the file is not what it was."""
    if fingerprint(path) != known:
        raise UploadError(
            f"{path.name} has changed since it was queued; it is sent anew.",
            code="file_changed",
            retry_after=SETTLE_SECONDS,
            retriable=True,
            begin_anew=True,
        )


def sha256_of(path: Path, go_on: Callable[[], bool] = lambda: True) -> str:
    """64 hexadecimal digits; empty if `go_on` said no before the end. Raises OSError."""
    digest, buffer = hashlib.sha256(), memoryview(bytearray(BLOCK))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            if not go_on():
                return ""
            digest.update(buffer[:count])
    return digest.hexdigest()


class ProgressFileWrapper:
    """Bytes of an open file as the body of a request, and a word about each block that leaves.

    `size`: how many bytes, from where the file stands; the rest of it without one. `on_progress`
    is told the bytes so far and all of them; what it raises ends the request. `piece` says how
    many bytes to read at once, at most what it is given, and `wait` returns when they may leave.
    """

    def __init__(
        self,
        file: BinaryIO,
        on_progress: Callable[[int, int], None] | None = None,
        size: int | None = None,
        piece: Callable[[int], int] = lambda wanted: wanted,
        wait: Callable[[int], None] = lambda count: None,
    ) -> None:
        self._file, self._on_progress = file, on_progress
        self._size = _rest_of(file) if size is None else size
        self._piece, self._wait = piece, wait
        self._buffer = memoryview(bytearray(min(BLOCK, max(1, self._size))))
        self.sent = 0

    def __len__(self) -> int:
        return self._size

    def read(self, size: int = -1) -> memoryview:
        """The next bytes, in a buffer that the next call uses again; nothing at the end."""
        left = min(self._size - self.sent, len(self._buffer))
        wanted = left if size < 0 else min(size, left)
        if not wanted:
            return self._buffer[:0]
        wanted = self._piece(wanted)
        self._wait(wanted)
        count = self._file.readinto(self._buffer[:wanted])  # type: ignore[attr-defined]
        self.sent += count
        if self._on_progress is not None:
            self._on_progress(self.sent, self._size)
        return self._buffer[:count]

    def __iter__(self) -> Iterator[memoryview]:
        while block := self.read():
            yield block


def _rest_of(file: BinaryIO) -> int:
    at = file.tell()
    end = file.seek(0, 2)
    file.seek(at)
    return end - at
