"""Objects as block blobs in an Azure container.

Blocks are seen by nobody until one request makes them a blob, and that fails when the key is
taken. Blocks without a blob are removed by Azure after a week.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from azure.storage.blob import BlobProperties, BlobSasPermissions

from storage_backends.azure_blocks import Blocks
from storage_backends.azure_client import AzureClient, version_in
from storage_backends.base import (
    BLOCK_SIZE,
    ObjectNotFound,
    SignedRequest,
    StoredObject,
)
from storage_backends.network_client import MARK
from storage_backends.network_store import Kept, NetworkStore
from storage_backends.options import AzureOptions
from storage_backends.part_plan import Piece, plan_parts

URL_LIFE = timedelta(minutes=5)
READ_SIZE = 4 * BLOCK_SIZE
READ_SECONDS = 30.0


class AzureStore(NetworkStore[AzureClient]):
    """Blobs below `prefix` of a container."""

    parts_upload = Blocks

    def __init__(self, container: str, prefix: str, options: AzureOptions) -> None:
        super().__init__(AzureClient(container, prefix, options))

    def _put_whole(self, key: str, body: bytearray, token: str, seconds: float) -> str | None:
        return self.client.run(key, self._upload(key, bytes(body), token), seconds)

    async def _upload(self, key: str, body: bytes, token: str) -> str | None:
        """The library's `overwrite=False` is a condition that the server checks."""
        blob = self.client.blob(key)
        answer = await blob.upload_blob(
            body, metadata={MARK: token}, validate_content="md5", overwrite=False
        )
        return version_in(answer)

    def _plan(self, sizes: Sequence[int]) -> list[list[Piece]]:
        return plan_parts(sizes, least=1)

    def read(
        self, key: str, start: int = 0, stop: int | None = None, version: str | None = None
    ) -> Iterator[bytes]:
        found = self.stat(key, version)
        end = found.size if stop is None else min(stop, found.size)
        return self._blocks(key, start, end, found.version)

    def _blocks(self, key: str, start: int, stop: int, version: str | None) -> Iterator[bytes]:
        """Each request is over before its bytes are used: a slow reader holds no connection."""
        for begin in range(start, stop, READ_SIZE):
            span = Piece(0, begin, min(begin + READ_SIZE, stop))
            found = self.client.run(key, self.client.download(key, span, version), READ_SECONDS)
            for at in range(0, len(found), BLOCK_SIZE):
                yield found[at : at + BLOCK_SIZE]

    def _kept(self, name: str) -> list[Kept]:
        return self.client.run(name, self._versions(name))

    async def _versions(self, name: str) -> list[Kept]:
        """All below a folder; of a key, which comes before those that it begins, its own."""
        found = self.client.container.list_blobs(
            name_starts_with=self.client.prefix + name, include=["versions", "snapshots"]
        )
        kept: list[Kept] = []
        async for each in found:
            key = each.name.removeprefix(self.client.prefix)
            if key != name and not name.endswith("/"):
                break
            # Only the newest is said to be current; the others say so, or nothing.
            kept.append(Kept(key, None if each.is_current_version else each.version_id))
        return list(dict.fromkeys(kept))  # a snapshot goes with its blob

    async def _delete_version(self, kept: Kept) -> None:
        snapshots = None if kept.version else "include"
        with contextlib.suppress(ObjectNotFound), self.client.errors(kept.key):
            await self.client.blob(*kept).delete_blob(delete_snapshots=snapshots)

    def find(self, prefix: str) -> Iterator[StoredObject]:
        folder = self.client.prefix + (f"{prefix}/" if prefix else "")
        pages = self.client.container.list_blobs(name_starts_with=folder).by_page()
        while (page := self.client.run(prefix, _next_page(pages))) is not None:
            yield from map(self.client.stored, page)

    def direct_url(
        self, key: str, content_type: str | None = None, version: str | None = None
    ) -> str | None:
        """An address that gives the object to whoever has it, for five minutes."""
        return self.client.signed_url(key, URL_LIFE, version=version, content_type=content_type)

    def direct_upload(self, key: str, size: int, seconds: int) -> SignedRequest | None:
        """As the Store says; Azure signs no size, so look at it when the object is there."""
        life = timedelta(seconds=seconds)
        address = self.client.signed_url(key, life, BlobSasPermissions(create=True, write=True))
        headers = {"Content-Length": str(size), "x-ms-blob-type": "BlockBlob"}
        return SignedRequest("PUT", address, headers) if address else None

    def locking(self) -> str:
        return self.client.run("", self._locking())

    async def _locking(self) -> str:
        told = await self.client.container.get_container_properties()
        locks = told.has_immutability_policy or told.immutable_storage_with_versioning_enabled
        return "yes" if locks else "no"


async def _next_page(pages: Any) -> list[BlobProperties] | None:
    try:
        return [each async for each in await anext(pages)]
    except StopAsyncIteration:
        return None
