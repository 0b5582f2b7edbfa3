"""Objects as files of the local disk: durable, never overwritten, joined inside the kernel.

Order of every write: temporary name → data synced → final name (exclusive) → directory synced.
Without the last step a power cut leaves no name, without the second a name with 0 bytes
(measured on ext4 and XFS).
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from storage_backends.base import (
    BLOCK_SIZE,
    Block,
    ObjectNotFound,
    Pourable,
    StorageUnavailable,
    Store,
    StoredObject,
)
from storage_backends.fsspec_store import FsspecStore, store_errors
from storage_backends.hashed_copy import copy_and_hash
from storage_backends.kernel import InPipe, start_write_back, write_all

Made = TypeVar("Made")
TEMPORARY = re.compile(r"[^/]\.[0-9a-f]{8}\.tmp$")
"""How names of files end that are being written; other programs have temporary files too."""
WRITE_BACK_EVERY = 8 * 1024 * 1024


class LocalStore(FsspecStore):
    """Files below `root`, a directory that is created when missing, if we may `make` it.

    Without it nothing is said: when it is gone, its disk is. With `strict`, a write returns only
    after its bytes and its name survive a power cut; without, only `join` does.
    """

    def __init__(self, root: Path, strict: bool = True, make: bool = True) -> None:
        super().__init__("file", str(root.resolve()))
        self.strict = strict
        if not make:
            self._require_root()
        try:
            self._make_folder(root, strict)
        except OSError as error:
            raise StorageUnavailable(
                f"The storage folder {root} cannot be made: {error.strerror}."
            ) from error

    def write(self, key: str, source: Pourable) -> StoredObject:
        return self._publish(key, lambda file: _pour(source, file, self.strict), self.strict)

    def join(self, keys: Sequence[str], key: str) -> StoredObject:
        if len(keys) == 1:
            with contextlib.suppress(_OtherDisk):
                return self._link(self, keys[0], key)
        return self._publish(key, lambda file: self._append_all(keys, file), sync=True)

    def copy_from(self, source: Store, old: str, key: str, sha256: str) -> StoredObject:
        if isinstance(source, LocalStore):
            with contextlib.suppress(_OtherDisk):
                return self._link(source, old, key)
        return super().copy_from(source, old, key, sha256)

    def read(
        self, key: str, start: int = 0, stop: int | None = None, version: str | None = None
    ) -> Iterator[bytes]:
        with self._errors(key):
            file = os.open(self._path(key), os.O_RDONLY)
        return _blocks(key, file, start, stop)

    def stat(self, key: str, version: str | None = None) -> StoredObject:
        with self._errors(key):
            return super().stat(key)

    def delete(self, key: str) -> None:
        self._require_root()
        path = Path(self._path(key))
        with store_errors(key):
            path.unlink(missing_ok=True)
            if path.exists():
                raise StorageUnavailable(f"The file of {key!r} is still there after deleting it.")
            self._drop_empty_folders(path.parent)

    def delete_folder(self, folder: str) -> None:
        """As the Store says; what writes that were cut off have left there goes too."""
        for each in self._files(folder):
            self.delete(each.key)
        super().delete_folder(folder)

    def find(self, prefix: str) -> Iterator[StoredObject]:
        return (found for found in self._files(prefix) if not TEMPORARY.search(found.key))

    def find_abandoned(self) -> Iterator[StoredObject]:
        """Temporary files: of writes going on now, or cut off by a crash when they are old."""
        return (found for found in self._files("") if TEMPORARY.search(found.key))

    def _files(self, prefix: str) -> Iterator[StoredObject]:
        """Every file below the folder."""
        self._require_root()
        return super().find(prefix)

    def sweep_abandoned(self, older_than: datetime) -> int:
        old = [each.key for each in self.find_abandoned() if each.modified < older_than]
        for key in old:
            self.delete(key)
        return len(old)

    def as_file(self, key: str) -> nullcontext[Path]:
        self.stat(key)
        return nullcontext(Path(self._path(key)))

    def local_path(self, key: str) -> Path | None:
        return Path(self._path(key))

    def free_bytes(self) -> int:
        """What the file system gives to programs without privileges."""
        disk = self._file_system()
        return disk.f_bavail * disk.f_frsize

    def total_bytes(self) -> int:
        """What it has for them in all: some is kept back for root."""
        disk = self._file_system()
        return (disk.f_blocks - disk.f_bfree + disk.f_bavail) * disk.f_frsize

    def _file_system(self) -> os.statvfs_result:
        try:
            return os.statvfs(self.root)
        except OSError as error:
            raise StorageUnavailable(f"The storage folder {self.root} is gone.") from error

    def _publish(self, key: str, fill: Callable[[int], str | None], sync: bool) -> StoredObject:
        path = Path(self._path(key))
        with store_errors(key), self._temporary_beside(path, sync) as (file, temporary):
            sha256 = fill(file)
            if sync:
                os.fdatasync(file)
            os.link(temporary, path)
        if sync:
            _sync_folder(path.parent)
        return replace(self.stat(key), sha256=sha256)

    def _link(self, source: LocalStore, old: str, key: str) -> StoredObject:
        """Give a file one more name here. Raises _OtherDisk where that cannot be."""
        source.stat(old)
        path = Path(self._path(key))
        with store_errors(key):
            self._in_folder(path.parent, True, lambda: _link_here(source, old, path))
            _sync(path)
            _sync(path.parent)
        return self.stat(key)

    def _append_all(self, keys: Sequence[str], file: int) -> str:
        return copy_and_hash(file, (file for key in keys for file in self._opened(key)))

    def _opened(self, key: str) -> Iterator[int]:
        """The file, open to read until the next is asked for."""
        with store_errors(key), Path(self._path(key)).open("rb") as file:
            yield file.fileno()

    @contextmanager
    def _temporary_beside(self, path: Path, sync: bool) -> Iterator[tuple[int, Path]]:
        temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
        file = self._create(temporary, sync)
        try:
            yield file, temporary
        finally:
            os.close(file)
            temporary.unlink()

    def _create(self, path: Path, sync: bool) -> int:
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR
        return self._in_folder(path.parent, sync, lambda: os.open(path, flags, 0o440))

    def _in_folder(self, folder: Path, sync: bool, act: Callable[[], Made]) -> Made:
        """Act in the folder, and make it if it is not there. Somebody else may remove it, as empty,
        in between.

        The root is not made again: when it is gone, its disk is, and ours is the wrong one.
        """
        for _ in range(20):
            with contextlib.suppress(FileNotFoundError):
                return act()
            self._require_root()
            with contextlib.suppress(FileNotFoundError):
                self._make_folder(folder, sync)
        raise StorageUnavailable(f"The folder {folder} disappears while it is written to.")

    def _require_root(self) -> None:
        if not Path(self.root).is_dir():
            raise StorageUnavailable(f"The storage folder {self.root} is gone; mount its disk.")

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        """Of a missing file nothing is known while the root is missing too."""
        try:
            with store_errors(key):
                yield
        except ObjectNotFound:
            self._require_root()
            raise

    def _make_folder(self, folder: Path, sync: bool) -> None:
        """Create it and the folders above it, open to nobody else, and sync their names."""
        missing = [each for each in (folder, *folder.parents) if not each.exists()]
        for each in reversed(missing):
            # mkdir(exist_ok=True) stumbles over a folder that goes while it looks.
            with contextlib.suppress(FileExistsError):
                each.mkdir(mode=0o750)
            if sync:
                _sync(each.parent)

    def _drop_empty_folders(self, folder: Path) -> None:
        with contextlib.suppress(OSError):  # the first folder that is not empty ends the climb
            while folder != Path(self.root):
                folder.rmdir()
                folder = folder.parent


class _OtherDisk(Exception):
    """A file has names on its own file system only."""


def _link_here(source: LocalStore, old: str, new: Path) -> None:
    try:
        os.link(source._path(old), new)
    except FileNotFoundError:
        source.stat(old)  # if that is gone, there is no use in making the folder
        raise
    except OSError as error:
        if error.errno in (errno.EXDEV, errno.EPERM, errno.EMLINK):
            raise _OtherDisk from error
        raise


def _pour(source: Pourable, file: int, write_back: bool) -> None:
    started = written = 0
    for block in source:
        _append(file, block)
        written += len(block)
        if write_back and written - started >= WRITE_BACK_EVERY:
            start_write_back(file, started, written - started)
            started = written


def _append(file: int, block: Block | InPipe) -> None:
    if isinstance(block, InPipe):
        block.into(file)
    else:
        write_all(file, block)


def _blocks(key: str, file: int, start: int, stop: int | None) -> Iterator[bytes]:
    try:
        at = start
        while block := _read_at(key, file, at, stop):
            yield block
            at += len(block)
    finally:
        os.close(file)


def _read_at(key: str, file: int, at: int, stop: int | None) -> bytes:
    size = BLOCK_SIZE if stop is None else max(0, min(BLOCK_SIZE, stop - at))
    with store_errors(key):
        return os.pread(file, size, at)


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _sync_folder(folder: Path) -> None:
    with store_errors(str(folder)):
        _sync(folder)
