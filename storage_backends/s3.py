"""Objects in a bucket of S3, or of a server that speaks its protocol.

s3fs keeps the connections; the requests are S3's own: only these are conditional, can be proven
and stream. What makes an object visible is one request that fails when the key is taken.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from storage_backends.base import (
    BLOCK_SIZE,
    ObjectNotFound,
    Source,
    StorageFull,
    StorageUnavailable,
    Store,
    StoredObject,
)
from storage_backends.flight import MARK, PART_SIZE, PATIENT, PROMPT, cut, run, run_all, submit
from storage_backends.options import S3Options
from storage_backends.part_plan import plan_parts
from storage_backends.s3_client import Client
from storage_backends.s3_errors import UNSUPPORTED, code_of
from storage_backends.s3_parts import Multipart

URL_SECONDS = 300
HEADS_AT_ONCE = 16
PAGE = 1000
"""How many objects a listing has in memory at a time."""
READ_SECONDS = 20.0
"""How long one block may take to arrive."""


class S3Store(Store):
    """Objects below `prefix` of a bucket. Nothing is asked of the server before the first use."""

    def __init__(self, bucket: str, prefix: str, options: S3Options) -> None:
        self.client = Client(bucket, prefix, options)
        self.equal_parts = bool(options.equal_parts)

    def write(self, key: str, source: Source) -> StoredObject:
        parts = cut(source, PART_SIZE)
        first = next(parts)
        if len(first) < PART_SIZE:
            self._put(key, first)
        else:
            upload = Multipart(self.client, key)
            upload.keep(upload.send_all(chain([first], parts)))
        return self.stat(key)

    def _put(self, key: str, body: bytearray) -> None:
        quick = len(body) <= BLOCK_SIZE
        if not quick:  # a server that is frozen or has the object is told by a few bytes
            self.client.refuse_taken(key)
        token = secrets.token_hex(8)
        seconds = PROMPT if quick else PATIENT
        self.client.publish("put_object", key, token, seconds, Body=body, Metadata={MARK: token})

    def join(self, keys: Sequence[str], key: str) -> StoredObject:
        """As the Store says; the server copies what it can. Up to 5 TiB, else StorageFull."""
        sizes = self._sizes(keys)
        if sum(sizes) < PART_SIZE:
            return super().join(keys, key)
        try:
            plan = plan_parts(sizes, equal=self.equal_parts)
        except ValueError as error:
            raise StorageFull(f"S3 cannot keep this: {error}.") from error
        upload = Multipart(self.client, key)
        upload.keep(upload.join_all(plan, keys))
        return self.stat(key)

    def _sizes(self, keys: Sequence[str]) -> list[int]:
        heads = run_all((self.client.head(key) for key in keys), PROMPT, HEADS_AT_ONCE)
        return [int(head["ContentLength"]) for head in heads]

    def read(
        self, key: str, start: int = 0, stop: int | None = None, version: str | None = None
    ) -> Iterator[bytes]:
        if stop is not None and stop <= start:
            self.stat(key)
            return iter(())
        blocks = self._blocks(key, start, stop)
        next(blocks)  # opens the object; from here on the generator closes it, read or not
        return blocks

    def _blocks(self, key: str, start: int, stop: int | None) -> Iterator[bytes]:
        body = self._open(key, start, stop)
        try:
            yield b""
            while body and (block := self._take(key, body)):
                yield block
        finally:
            if body:
                submit(_close(body))

    def _open(self, key: str, start: int, stop: int | None) -> Any:
        """The body of the answer; None when the object ends before `start`."""
        span = f"bytes={start}-{'' if stop is None else stop - 1}"
        asked = {"Range": span} if start or stop is not None else {}
        try:
            return self.client.call("get_object", key, **asked)["Body"]
        except StorageUnavailable as error:
            if code_of(error) not in ("InvalidRange", "416"):
                raise
            return None

    def _take(self, key: str, body: Any) -> bytes:
        with self.client.errors(key):
            return run(_next_block(body), READ_SECONDS)

    def stat(self, key: str, version: str | None = None) -> StoredObject:
        head = run(self.client.head(key), PROMPT)
        return _stored(key, int(head["ContentLength"]), head["LastModified"])

    def delete(self, key: str) -> None:
        """As the Store says; of a bucket that keeps versions, every version is removed."""
        try:
            for _ in range(20):
                versions = self._versions(key)
                if not versions:
                    return
                for version in versions:
                    self.client.call("delete_object", key, VersionId=version)
        except StorageUnavailable as error:
            if code_of(error) not in UNSUPPORTED:
                raise
            if self._is_gone_without_versions(key):
                return
        raise StorageUnavailable(f"The storage still has {key!r} after deleting it.")

    def _versions(self, key: str) -> list[str]:
        """Ids of what is kept under this key, markers of deletion too; not always all at once."""
        name = self.client.prefix + key
        found = self.client.call("list_object_versions", Prefix=name)
        kept = [*found.get("Versions", []), *found.get("DeleteMarkers", [])]
        return [each["VersionId"] for each in kept if each["Key"] == name]

    def _is_gone_without_versions(self, key: str) -> bool:
        self.client.call("delete_object", key)
        try:
            self.stat(key)
        except ObjectNotFound:
            return True
        return False

    def find(self, prefix: str) -> Iterator[StoredObject]:
        folder = self.client.prefix + (f"{prefix}/" if prefix else "")
        more: dict[str, Any] = {"MaxKeys": PAGE}
        while True:
            page = self.client.call("list_objects_v2", Prefix=folder, **more)
            for each in page.get("Contents", []):
                if not each["Key"].endswith("/"):  # a folder that some console has drawn
                    key = each["Key"].removeprefix(self.client.prefix)
                    yield _stored(key, int(each["Size"]), each["LastModified"])
            if not page.get("IsTruncated"):
                return
            more["ContinuationToken"] = page["NextContinuationToken"]

    def sweep_abandoned(self, older_than: datetime) -> int:
        """Abort multipart uploads that were begun before then: their parts are seen nowhere."""
        old = [each for each in self._uploads() if each["Initiated"] < older_than]
        for each in old:
            key = each["Key"].removeprefix(self.client.prefix)
            self.client.call("abort_multipart_upload", key, UploadId=each["UploadId"])
        return len(old)

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
        return self.client.presigned("get_object", key, URL_SECONDS)

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


def _stored(key: str, size: int, modified: datetime) -> StoredObject:
    # HEAD tells whole seconds, some servers' listings parts of them.
    return StoredObject(key, size, modified.astimezone(UTC).replace(microsecond=0))
