"""What S3 and Azure do alike: small objects in one request, others in parts; joins and copies."""

from __future__ import annotations

import secrets
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any, ClassVar, Generic, NamedTuple

from storage_backends.base import (
    BLOCK_SIZE,
    Source,
    StorageFull,
    StorageUnavailable,
    Store,
    StoredObject,
    same,
)
from storage_backends.flight import PART_SIZE, PATIENT, PROMPT, Request, cut, run_all
from storage_backends.part_plan import Piece, smallest_part
from storage_backends.parts_upload import CannotCopy, Client, PartsUpload

REQUESTS_AT_ONCE = 16


class Kept(NamedTuple):
    """One version of a key, or a marker that hides it; Azure has no name for the newest."""

    key: str
    version: str | None


class NetworkStore(Store, Generic[Client]):
    """Objects below the prefix of a bucket or container. Nothing is asked before the first use."""

    parts_upload: ClassVar[type[PartsUpload[Any, Any]]]

    def __init__(self, client: Client) -> None:
        self.client = client
        self.copies = True
        """Whether the server has copied between its objects so far."""

    def write(self, key: str, source: Source) -> StoredObject:
        return self._send(key, source, PART_SIZE)

    def _send(self, key: str, source: Source, part_size: int) -> StoredObject:
        parts = cut(source, part_size)
        first = next(parts)
        if len(first) < part_size:
            return self.stat(key, self._put(key, first))
        upload = self.parts_upload(self.client, key, part_size)
        return self.stat(key, upload.keep(upload.send_all(chain([first], parts))))

    def _part_size(self, size: int) -> int:
        """Of the parts in which we send so many bytes. Raises StorageFull beyond 5 TiB."""
        with _full_beyond_5_tib():
            return smallest_part(size, PART_SIZE, self.parts_upload.most_parts)

    def _put(self, key: str, body: bytearray) -> str | None:
        quick = len(body) <= BLOCK_SIZE
        if not quick:  # a server that is frozen or has the object is told by a few bytes
            self.client.refuse_taken(key)
        token = secrets.token_hex(8)
        seconds = PROMPT if quick else PATIENT
        return self.client.publish(key, token, lambda: self._put_whole(key, body, token, seconds))

    @abstractmethod
    def _put_whole(self, key: str, body: bytearray, token: str, seconds: float) -> str | None:
        """Keep `body` unless the key is taken; its version. Raises ObjectExists."""

    def join(self, keys: Sequence[str], key: str) -> StoredObject:
        """As the Store says; the server copies what it can. Up to 5 TiB, else StorageFull."""
        sizes = self._sizes(self.client, keys)
        copied = self._joined_inside(self.client, keys, sizes, key)
        return copied or self._send(key, self._all_of(keys), self._part_size(sum(sizes)))

    def copy_from(self, source: Store, old: str, key: str, sha256: str) -> StoredObject:
        """As the Store says; the server copies from where the same login is good. Up to 5 TiB."""
        size = source.stat(old).size
        copied = None
        if isinstance(source, type(self)) and source.client.options == self.client.options:
            copied = self._joined_inside(source.client, [old], [size], key)
        return copied or self._send(key, same(source.read(old), old, sha256), self._part_size(size))

    def _joined_inside(
        self, source: Client, keys: Sequence[str], sizes: Sequence[int], key: str
    ) -> StoredObject | None:
        """The object, made by the server of the source's; None where it must pass through us."""
        if not self.copies or sum(sizes) < PART_SIZE:
            return None
        with _full_beyond_5_tib():
            plan = self._plan(sizes)
        try:
            upload = self.parts_upload(self.client, key, self._part_size(sum(sizes)))
            made = self.stat(key, upload.keep(upload.join_all(plan, source, keys)))
        except CannotCopy:
            self.copies = False
            return None
        return self._of_size(made, sum(sizes))

    def _of_size(self, made: StoredObject, size: int) -> StoredObject:
        """What the server has made, if it has as many bytes as we asked it to copy."""
        if made.size != size:
            self.delete(made.key)
            raise StorageUnavailable(
                f"The storage made {made.size} bytes of {size} when it copied {made.key!r}."
            )
        return made

    def delete(self, key: str) -> None:
        self._delete_versions(key)

    def delete_folder(self, folder: str) -> None:
        self._delete_versions(f"{folder}/")

    def _delete_versions(self, name: str) -> None:
        """Remove every version of this key, or of all keys below it when it ends with a /."""
        before: list[Kept] = []
        while kept := self._kept(name):  # not always all at once, so what is left may be new
            if kept == before:
                raise StorageUnavailable(f"{name!r} is still there after deleting it.")
            run_all((self._delete_version(each) for each in kept), PROMPT, REQUESTS_AT_ONCE)
            before = kept

    @abstractmethod
    def _kept(self, name: str) -> list[Kept]:
        """Some of what is kept under this key, or below it when it ends with a /; none at the end.
        What is hidden counts too."""

    @abstractmethod
    async def _delete_version(self, kept: Kept) -> None:
        """Remove just this, and hide nothing. What is gone already is fine."""

    @abstractmethod
    def _plan(self, sizes: Sequence[int]) -> list[list[Piece]]:
        """How the server puts sources of these sizes together. Raises ValueError beyond 5 TiB."""

    def _sizes(self, source: Client, keys: Sequence[str]) -> list[int]:
        heads: Iterable[Request[Any]] = (source.head(key) for key in keys)
        return [head.stored.size for head in run_all(heads, PROMPT, REQUESTS_AT_ONCE)]

    def stat(self, key: str, version: str | None = None) -> StoredObject:
        return self.client.run(key, self.client.head(key, version)).stored


@contextmanager
def _full_beyond_5_tib() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise StorageFull(f"The storage cannot keep this: {error}.") from error
