"""The Store interface and its errors: what every place that keeps bytes promises.

It knows keys and bytes, nothing of uploads, recordings or who is asking.
"""

from __future__ import annotations

import hashlib
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from storage_backends.kernel import InPipe

Block = bytes | bytearray | memoryview
Source = Iterable[Block]
Pourable = Iterable[Block | InPipe]
"""Bytes on their way in. A block may be a buffer that is overwritten once the next is asked for.
A source raises no OSError: that is how a store tells its own troubles from its source's."""

BLOCK_SIZE = 1024 * 1024

FOLDERS = ("parts", "assembling", "recordings", "seals", "trial")
"""What is kept below a place: nothing else there is ours."""


class StorageError(Exception):
    """Something went wrong in a store; the message says what to look at."""


class ObjectNotFound(StorageError):
    """No object has this key."""

    @classmethod
    def named(cls, key: str) -> ObjectNotFound:
        return cls(f"There is no object {key!r} in the store.")


class ObjectExists(StorageError):
    """The key is taken; objects are written once and never changed."""

    @classmethod
    def named(cls, key: str) -> ObjectExists:
        return cls(f"The object {key!r} exists and is never changed.")


class StorageUnavailable(StorageError):
    """The store does not answer or refuses us; trying again later may help."""


class StorageFull(StorageError):
    """No room is left; nothing of this write is visible."""

    def __init__(
        self, sentence: str = "The storage is full; make room and send the rest again."
    ) -> None:
        super().__init__(sentence)


@dataclass(frozen=True)
class StoredObject:
    """One object as the store sees it. `size` in bytes, `modified` in UTC.

    `version` names exactly these bytes where the store keeps versions of a key, else it is None.
    Listings leave it out. `sha256`, 64 hex digits, is what `join` has read anyway; None otherwise.
    """

    key: str
    size: int
    modified: datetime
    version: str | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class SignedRequest:
    """A request that whoever has it may send to the store for a while, without us.

    It is a secret: it belongs in no log. `headers` have to be sent as they are.
    """

    method: str
    url: str
    headers: Mapping[str, str]


class Store(ABC):
    """A place that keeps bytes under keys such as `recordings/0190…/1`.

    Keys are made by us: `/`-separated segments of `[A-Za-z0-9._-]`, never a client's text.
    Every method may raise StorageUnavailable. With a `version`, that one of the key is meant and
    no other; stores that keep none take none.
    """

    @abstractmethod
    def write(self, key: str, source: Source) -> StoredObject:
        """Keep all of `source` under a fresh `key`, visible only when complete and durable.

        If the source raises, nothing becomes visible and its exception passes through.
        Raises ObjectExists, StorageFull.
        """

    @abstractmethod
    def read(
        self, key: str, start: int = 0, stop: int | None = None, version: str | None = None
    ) -> Iterator[bytes]:
        """The bytes from `start` up to, not including, `stop` (the end by default), in blocks.

        Raises ObjectNotFound before the first block.
        """

    @abstractmethod
    def stat(self, key: str, version: str | None = None) -> StoredObject:
        """Size, time and version of one object. Raises ObjectNotFound."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Remove the object and make sure that it is gone; a missing one is fine."""

    def delete_folder(self, folder: str) -> None:
        """Remove everything below this folder, every version and marker of it, and make sure that
        nothing is left. Raises StorageUnavailable where something is still there, or is locked."""
        for stored in list(self.find(folder)):
            self.delete(stored.key)
        if any(True for _ in self.find(folder)):
            raise StorageUnavailable(f"Objects below {folder!r} are still there after deleting.")

    @abstractmethod
    def find(self, prefix: str) -> Iterator[StoredObject]:
        """Every object below the folder `prefix` (no partial names), other processes' too."""

    def join(self, keys: Sequence[str], key: str) -> StoredObject:
        """Keep the objects of `keys`, one after the other, as a new object; they stay as they are.

        Raises ObjectNotFound, ObjectExists, StorageFull.
        """
        return self.write(key, self._all_of(keys))

    def _all_of(self, keys: Sequence[str]) -> Iterator[bytes]:
        return (block for part in keys for block in self.read(part))

    def copy_from(self, source: Store, old: str, key: str, sha256: str) -> StoredObject:
        """Keep the object `old` of another store as a new one of this; the old one stays.

        `sha256`, 64 hex digits, is what bytes that pass through us have to hash to; what a server
        or the kernel copies within one place is taken at its word, and its size.
        Raises ObjectNotFound, ObjectExists, StorageFull, and StorageUnavailable for other bytes.
        """
        return self.write(key, same(source.read(old), old, sha256))

    def checksum(self, key: str, version: str | None = None) -> str:
        """The SHA-256 of the stored bytes, read back from the store, as 64 hex digits."""
        digest = hashlib.sha256()
        for block in self.read(key, version=version):
            digest.update(block)
        return digest.hexdigest()

    def as_file(self, key: str) -> AbstractContextManager[Path]:
        """The object as a local file to read from, for as long as the `with` block lasts."""
        return self._downloaded(key)

    @contextmanager
    def _downloaded(self, key: str) -> Iterator[Path]:
        # In a folder, as all that workers leave when they are killed: those are swept.
        with tempfile.TemporaryDirectory(prefix="portal-") as folder:
            copy = Path(folder, "original")
            with copy.open("wb") as file:
                file.writelines(self.read(key))
            yield copy

    def free_bytes(self) -> int | None:
        """How much more fits in; None where nobody can tell."""
        return None

    def total_bytes(self) -> int | None:
        """How much fits in when it is empty; None where nobody can tell."""
        return None

    def sweep_abandoned(self, older_than: datetime) -> int:
        """Remove what writes that were cut off before then have left, and return its number."""
        return 0

    def locking(self) -> str:
        """Whether the store can lock objects against deletion: yes, no, or unknown."""
        return "no"

    def local_path(self, key: str) -> Path | None:
        """Where the operating system finds the object as a file, if this store keeps files."""
        return None

    def direct_url(
        self, key: str, content_type: str | None = None, version: str | None = None
    ) -> str | None:
        """A short-lived address where a client gets the object without us, if the store has one.

        It answers ranges, and says that the object is of this type.
        """
        return None

    def direct_upload(self, key: str, size: int, seconds: int) -> SignedRequest | None:
        """A request with which a client puts `size` bytes under `key` without us, if the store
        can be asked for one. It is good for so many seconds, and more than once."""
        return None


def same(blocks: Iterator[bytes], key: str, sha256: str) -> Iterator[bytes]:
    """The blocks; raises StorageUnavailable at the end if they are others than they were."""
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
        yield block
    if digest.hexdigest() != sha256:
        raise StorageUnavailable(f"The object {key!r} reads differently from the last time.")
