"""Objects in a bucket of S3, or of a server that speaks its protocol.

s3fs keeps the connections; the requests are S3's own: only these are conditional, can be proven
and stream. What makes an object visible is one request that fails when the key is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from storage_backends.base import (
    BLOCK_SIZE,
    FOLDERS,
    ObjectNotFound,
    SignedRequest,
    StorageUnavailable,
    Store,
    StoredObject,
)
from storage_backends.flight import submit
from storage_backends.network_client import MARK
from storage_backends.network_store import Kept, NetworkStore
from storage_backends.options import S3Options
from storage_backends.part_plan import Piece, plan_parts
from storage_backends.s3_client import S3Client, of_version, stored
from storage_backends.s3_errors import UNSUPPORTED, code_of
from storage_backends.s3_parts import Multipart

OURS = tuple(f"{folder}/" for folder in FOLDERS)
"""Where keys of the portal begin: in a bucket without a prefix, others may keep things too."""
URL_SECONDS = 300
PAGE = 1000
"""How many objects a listing has in memory at a time."""
READ_SECONDS = 20.0
"""How long one block may take to arrive."""


class S3Store(NetworkStore[S3Client]):
    """Objects below `prefix` of a bucket."""

    parts_upload = Multipart

    def __init__(self, bucket: str, prefix: str, options: S3Options) -> None:
        super().__init__(S3Client(bucket, prefix, options))
        self.equal_parts = bool(options.equal_parts)

    def _put_whole(self, key: str, body: bytearray, token: str, seconds: float) -> str | None:
        return self.client.create("put_object", key, seconds, Body=body, Metadata={MARK: token})

    def _plan(self, sizes: Sequence[int]) -> list[list[Piece]]:
        return plan_parts(sizes, equal=self.equal_parts)

    def read(
        self, key: str, start: int = 0, stop: int | None = None, version: str | None = None
    ) -> Iterator[bytes]:
        if stop is not None and stop <= start:
            self.stat(key, version)
            return iter(())
        blocks = self._blocks(key, start, stop, version)
        next(blocks)  # opens the object; from here on the generator closes it, read or not
        return blocks

    def _blocks(
        self, key: str, start: int, stop: int | None, version: str | None
    ) -> Iterator[bytes]:
        body = self._open(key, start, stop, version)
        try:
            yield b""
            while body and (block := self._take(key, body)):
                yield block
        finally:
            if body:
                submit(_close(body))

    def _open(self, key: str, start: int, stop: int | None, version: str | None) -> Any:
        """The body of the answer; None when the object ends before `start`."""
        span = f"bytes={start}-{'' if stop is None else stop - 1}"
        asked = {"Range": span} if start or stop is not None else {}
        try:
            return self.client.call("get_object", key, **asked, **of_version(version))["Body"]
        except StorageUnavailable as error:
            if code_of(error) not in ("InvalidRange", "416"):
                raise
            return None

    def _take(self, key: str, body: Any) -> bytes:
        return self.client.run(key, _next_block(body), READ_SECONDS)

    def delete(self, key: str) -> None:
        """As the Store says; of a bucket that keeps versions, every version is removed."""
        try:
            super().delete(key)
        except StorageUnavailable as error:
            if code_of(error) not in UNSUPPORTED:
                raise
            self._delete_without_versions(key)

    def delete_folder(self, folder: str) -> None:
        try:
            super().delete_folder(folder)
        except StorageUnavailable as error:
            if code_of(error) not in UNSUPPORTED:
                raise
            Store.delete_folder(self, folder)

    def _kept(self, name: str) -> list[Kept]:
        asked: dict[str, Any] = {"Prefix": self.client.prefix + name, "MaxKeys": PAGE}
        found = self.client.call("list_object_versions", **asked)
        kept = [*found.get("Versions", []), *found.get("DeleteMarkers", [])]
        keys = [each["Key"].removeprefix(self.client.prefix) for each in kept]
        return [
            Kept(key, each["VersionId"])
            for key, each in zip(keys, kept, strict=True)
            if key == name or name.endswith("/")
        ]

    async def _delete_version(self, kept: Kept) -> None:
        await self.client.ask("delete_object", kept.key, VersionId=kept.version)

    def _delete_without_versions(self, key: str) -> None:
        self.client.call("delete_object", key)
        with suppress(ObjectNotFound):
            self.stat(key)
            raise StorageUnavailable(f"{key!r} is still there after deleting it.")

    def find(self, prefix: str) -> Iterator[StoredObject]:
        folder = self.client.prefix + (f"{prefix}/" if prefix else "")
        more: dict[str, Any] = {"MaxKeys": PAGE}
        while True:
            page = self.client.call("list_objects_v2", Prefix=folder, **more)
            for each in page.get("Contents", []):
                if not each["Key"].endswith("/"):  # a folder that some console has drawn
                    key = each["Key"].removeprefix(self.client.prefix)
                    yield stored(key, int(each["Size"]), each["LastModified"])
            if not page.get("IsTruncated"):
                return
            more["ContinuationToken"] = page["NextContinuationToken"]

    def sweep_abandoned(self, older_than: datetime) -> int:
        """Abort multipart uploads that were begun before then: their parts are seen nowhere."""
        old = [each for each in self._uploads() if each["Initiated"] < older_than]
        keys = [each["Key"].removeprefix(self.client.prefix) for each in old]
        ours = [pair for pair in zip(keys, old, strict=True) if pair[0].startswith(OURS)]
        for key, each in ours:
            self.client.call("abort_multipart_upload", key, UploadId=each["UploadId"])
        return len(ours)

    def _uploads(self) -> Iterator[dict[str, Any]]:
        more: dict[str, Any] = {}
        while True:
            page = self.client.call("list_multipart_uploads", Prefix=self.client.prefix, **more)
            yield from page.get("Uploads", [])
            if not page.get("IsTruncated"):
                return
            more = {
                "KeyMarker": page["NextKeyMarker"],
                "UploadIdMarker": page.get("NextUploadIdMarker", ""),
            }

    def direct_url(
        self, key: str, content_type: str | None = None, version: str | None = None
    ) -> str:
        """An address that gives the object to whoever has it, for five minutes."""
        said = {"ResponseContentType": content_type} if content_type else {}
        return self.client.presigned("get_object", key, URL_SECONDS, **said, **of_version(version))

    def direct_upload(self, key: str, size: int, seconds: int) -> SignedRequest:
        """As the Store says; another size is refused, because its header is signed."""
        address = self.client.presigned("put_object", key, seconds, ContentLength=size)
        return SignedRequest("PUT", address, {"Content-Length": str(size)})

    def locking(self) -> str:
        return self.client.locking()


async def _next_block(body: Any) -> bytes:
    """Up to BLOCK_SIZE bytes: what arrives comes in smaller pieces."""
    block = bytearray()
    while len(block) < BLOCK_SIZE and (piece := await body.read(BLOCK_SIZE - len(block))):
        block += piece
    return bytes(block)


async def _close(body: Any) -> None:
    body.close()
