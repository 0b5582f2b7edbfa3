"""The whole Store interface over any fsspec file system; what the other backends build on."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import fsspec

from storage_backends.base import (
    BLOCK_SIZE,
    ObjectExists,
    ObjectNotFound,
    Source,
    StorageFull,
    StorageUnavailable,
    Store,
    StoredObject,
)


@contextmanager
def store_errors(key: str) -> Iterator[None]:
    """Turns what the operating system and fsspec raise into the store's own errors."""
    try:
        yield
    except FileNotFoundError as error:
        raise ObjectNotFound.named(key) from error
    except FileExistsError as error:
        raise ObjectExists.named(key) from error
    except OSError as error:
        raise _by_number(error) from error


def _by_number(error: OSError) -> StorageFull | StorageUnavailable:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull()
    return StorageUnavailable(f"The storage does not work: {error.strerror or error}.")


class FsspecStore(Store):
    """Objects of one fsspec file system below `root`.

    Suits file systems whose `pipe_file` and `open` publish an object whole, such as memory://.
    """

    def __init__(self, protocol: str, root: str, **options: Any) -> None:
        # The listing cache hides other processes' writes and shows what they deleted.
        self.fs = fsspec.filesystem(protocol, use_listings_cache=False, **options)
        self.root = root.rstrip("/")
        self.one_at_a_time = threading.Lock()

    def write(self, key: str, source: Source) -> StoredObject:
        content = b"".join(bytes(block) for block in source)
        # Not every file system looks and creates in one step: at least one process does.
        with store_errors(key), self.one_at_a_time:
            self.fs.pipe_file(self._path(key), content, mode="create")
        return self.stat(key)

    def read(
        self, key: str, start: int = 0, stop: int | None = None, version: str | None = None
    ) -> Iterator[bytes]:
        size = self.stat(key).size
        return self._blocks(key, start, size if stop is None else min(stop, size))

    def _blocks(self, key: str, start: int, stop: int) -> Iterator[bytes]:
        for at in range(start, stop, BLOCK_SIZE):
            with store_errors(key):
                block = bytes(self.fs.cat_file(self._path(key), at, min(at + BLOCK_SIZE, stop)))
            yield block

    def stat(self, key: str, version: str | None = None) -> StoredObject:
        with store_errors(key):
            entry = self.fs.info(self._path(key))
            if entry["type"] != "file":
                raise FileNotFoundError(key)
        return self._stored(entry)

    def delete(self, key: str) -> None:
        with store_errors(key):
            if self.fs.exists(self._path(key)):
                self.fs.rm_file(self._path(key))
            if self.fs.exists(self._path(key)):
                raise StorageUnavailable(f"The storage still has {key!r} after deleting it.")

    def find(self, prefix: str) -> Iterator[StoredObject]:
        with store_errors(prefix):
            found = self.fs.find(self._path(prefix), detail=True)
        objects = (self._stored(entry) for entry in found.values())
        # Asked for a key, fsspec finds the object itself; it is in no folder of that name.
        return (each for each in objects if each.key != prefix)

    def _path(self, key: str) -> str:
        return f"{self.root}/{key}".rstrip("/")

    def _stored(self, entry: dict[str, Any]) -> StoredObject:
        name = str(entry["name"])
        modified = entry.get("mtime", entry.get("created"))
        if modified is None:
            modified = datetime.now(UTC)
        if isinstance(modified, int | float):
            modified = datetime.fromtimestamp(modified, UTC)
        key = name[name.index(self.root) + len(self.root) + 1 :]
        return StoredObject(key=key, size=int(entry["size"]), modified=modified)
