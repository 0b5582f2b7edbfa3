"""Files copied one after the other into one, and hashed in step: the bytes leave the disk once.

The kernel copies a stretch while the one before it is hashed, out of the new file, where it is in
memory still. What is hashed is what is kept.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from storage_backends.kernel import copies

_BLOCK = 1024 * 1024


def copy_and_hash(target: int, sources: Iterator[int]) -> str:
    """Append all of each source to the target, an empty file that is open for reading too.

    Returns the SHA-256 of the whole, as 64 hex digits. Raises OSError, and whatever `sources`
    raises.
    """
    whole = _Hashed(target)
    steps = (size for source in sources for size in copies(target, source))
    with ThreadPoolExecutor(1) as ahead:
        copied = ahead.submit(next, steps, 0)
        while size := copied.result():
            copied = ahead.submit(next, steps, 0)
            whole.go_on(size)
    return whole.digest.hexdigest()


class _Hashed:
    """The digest of a file's beginning."""

    def __init__(self, file: int) -> None:
        self.digest = hashlib.sha256()
        self._file, self._at = file, 0
        self._buffer = memoryview(bytearray(_BLOCK))

    def go_on(self, size: int) -> None:
        """Take in the next `size` bytes, which are there."""
        end = self._at + size
        while self._at < end:
            room = self._buffer[: min(_BLOCK, end - self._at)]
            read = os.preadv(self._file, [room], self._at)
            if not read:
                raise OSError("The file that is being written has become shorter.")
            self.digest.update(room[:read])
            self._at += read
