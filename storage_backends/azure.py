"""Objects as block blobs in an Azure container.

Blocks are seen by nobody until one request makes them a blob, and that fails when the key is
taken. Blocks without a blob are removed by Azure after a week.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, timedelta
from itertools import chain
from typing import Any

from azure.storage.blob import BlobProperties

from storage_backends.azure_blocks import Blocks, CannotCopy, download
from storage_backends.azure_client import Client
from storage_backends.base import (
    BLOCK_SIZE,
    ObjectNotFound,
    Source,
    StorageFull,
    StorageUnavailable,
    Store,
    StoredObject,
)
from storage_backends.flight import MARK, PART_SIZE, PATIENT, PROMPT, cut, run_all
from storage_backends.options import AzureOptions
from storage_backends.part_plan import Piece, plan_parts

URL_LIFE = timedelta(minutes=5)
ASKS_AT_ONCE = 16
READ_SIZE = 4 * BLOCK_SIZE
READ_SECONDS = 30.0


class AzureStore(Store):
    """Blobs below `prefix` of a container. Nothing is asked of the server before the first use."""

    def __init__(self, container: str, prefix: str, options: AzureOptions) -> None:
        self.client = Client(container, prefix, options)
        self.copies = True

    def write(self, key: str, source: Source) -> StoredObject:
        parts = cut(source, PART_SIZE)
        first = next(parts)
        if len(first) < PART_SIZE:
            self._put(key, bytes(first))
        else:
            blocks = Blocks(self.client, key)
            blocks.keep(blocks.send_all(chain([first], parts)))
        return self.stat(key)

    def _put(self, key: str, body: bytes) -> None:
        quick = len(body) <= BLOCK_SIZE
        if not quick:  # a server that is frozen or has the object is told by a few bytes
            self.client.refuse_taken(key)
        token = secrets.token_hex(8)
        request = self._upload(key, body, token)
        self.client.publish(key, token, request, PROMPT if quick else PATIENT)

    async def _upload(self, key: str, body: bytes, token: str) -> None:
        """The library's `overwrite=False` is a condition that the server checks."""
        blob = self.client.blob(key)
        await blob.upload_blob(
            body, metadata={MARK: token}, validate_content="md5", overwrite=False
        )

    def join(self, keys: Sequence[str], key: str) -> StoredObject:
        """As the Store says; Azure copies what it can. Up to 5 TiB, else StorageFull."""
        sizes = self._sizes(keys)
        if self.copies and sum(sizes) >= PART_SIZE:
            try:
                return self._join_inside(keys, sizes, key)
            except CannotCopy:
                self.copies = False
        return super().join(keys, key)

    def _sizes(self, keys: Sequence[str]) -> list[int]:
        heads = run_all((self.client.head(key) for key in keys), PROMPT, ASKS_AT_ONCE)
        return [head.size for head in heads]

    def _join_inside(self, keys: Sequence[str], sizes: Sequence[int], key: str) -> StoredObject:
        try:
            plan = plan_parts(sizes, least=1)
        except ValueError as error:
            raise StorageFull(f"Azure cannot keep this: {error}.") from error
        blocks = Blocks(self.client, key)
        blocks.keep(blocks.join_all(plan, keys))
        return self.stat(key)

    def read(
        self, key: str, start: int = 0, stop: int | None = None, version: str | None = None
    ) -> Iterator[bytes]:
        size = self.stat(key).size
        return self._blocks(key, start, size if stop is None else min(stop, size))

    def _blocks(self, key: str, start: int, stop: int) -> Iterator[bytes]:
        """Each request is over before its bytes are used: a slow reader holds no connection."""
        for begin in range(start, stop, READ_SIZE):
            span = Piece(0, begin, min(begin + READ_SIZE, stop))
            found = self.client.run(key, download(self.client, key, span), READ_SECONDS)
            for at in range(0, len(found), BLOCK_SIZE):
                yield found[at : at + BLOCK_SIZE]

    def stat(self, key: str, version: str | None = None) -> StoredObject:
        return self._stored(self.client.run(key, self.client.head(key)))

    def delete(self, key: str) -> None:
        """As the Store says; of an account that keeps versions, every version is removed."""
        for _ in range(20):
            left = self.client.run(key, self._versions(key))
            if not left:
                return
            for version in left:
                self._delete_one(key, version)
        raise StorageUnavailable(f"The storage still has {key!r} after deleting it.")

    def _delete_one(self, key: str, version: str | None) -> None:
        with contextlib.suppress(ObjectNotFound):  # somebody else was quicker
            self.client.run(key, self._ask_to_delete(key, version))

    async def _ask_to_delete(self, key: str, version: str | None) -> None:
        snapshots = None if version else "include"
        await self.client.blob(key, version).delete_blob(delete_snapshots=snapshots)

    async def _versions(self, key: str) -> list[str | None]:
        """What is kept under this key: None is the object itself, the others are old versions."""
        name = self.client.prefix + key
        found = self.client.container.list_blobs(name_starts_with=name, include=["versions"])
        versions: list[str | None] = []
        async for each in found:  # in the order of names: the shortest comes first
            if each.name != name:
                break
            versions.append(None if each.is_current_version is not False else each.version_id)
        return versions

    def find(self, prefix: str) -> Iterator[StoredObject]:
        folder = self.client.prefix + (f"{prefix}/" if prefix else "")
        pages = self.client.container.list_blobs(name_starts_with=folder).by_page()
        while (page := self.client.run(prefix, _next_page(pages))) is not None:
            yield from map(self._stored, page)

    def direct_url(
        self, key: str, content_type: str | None = None, version: str | None = None
    ) -> str | None:
        """An address that gives the object to whoever has it, for five minutes."""
        return self.client.signed_url(key, URL_LIFE)

    def locking(self) -> str:
        return self.client.run("", self._locking())

    def _stored(self, found: BlobProperties) -> StoredObject:
        key = found.name.removeprefix(self.client.prefix)
        return StoredObject(key, found.size, found.last_modified.astimezone(UTC))

    async def _locking(self) -> str:
        told = await self.client.container.get_container_properties()
        locks = told.has_immutability_policy or told.immutable_storage_with_versioning_enabled
        return "yes" if locks else "no"


async def _next_page(pages: Any) -> list[BlobProperties] | None:
    try:
        return [each async for each in await anext(pages)]
    except StopAsyncIteration:
        return None
