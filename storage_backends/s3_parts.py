"""One multipart upload: parts are sent, copied by the server or merged, then become an object."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from storage_backends.base import StorageError, StorageFull, StorageUnavailable
from storage_backends.flight import (
    IN_FLIGHT,
    MARK,
    PART_SIZE,
    PATIENT,
    PROMPT,
    Request,
    run,
    run_all,
)
from storage_backends.part_plan import LEAST, MOST_PARTS, Piece
from storage_backends.s3_client import Client

READS_AT_ONCE = 8
Part = dict[str, Any]


class Multipart:
    """A multipart upload of the object `key`; nothing of it is visible before `keep` returns."""

    def __init__(self, client: Client, key: str) -> None:
        self.client = client
        self.key = key
        self.token = secrets.token_hex(8)
        begun = client.call("create_multipart_upload", key, Metadata={MARK: self.token})
        self.id = str(begun["UploadId"])

    def keep(self, requests: Iterable[Request[Part]]) -> None:
        """Await the parts and make them an object, or abort. Raises ObjectExists, StorageFull."""
        try:
            parts = run_all(requests, PATIENT, IN_FLIGHT)
            self.client.refuse_taken(self.key)  # not every server's completion is conditional
            self._complete(parts)
        except BaseException as error:
            self._abort(error)
            raise

    def send_all(self, bodies: Iterable[bytearray]) -> Iterator[Request[Part]]:
        """Requests that send these bodies as parts. Raises StorageFull beyond 10 000 of them."""
        for number, body in enumerate(bodies, 1):
            if number > MOST_PARTS:
                raise StorageFull(
                    f"One write holds {MOST_PARTS * PART_SIZE >> 30} GiB; send the rest as another."
                )
            if body or number == 1:
                yield self._send(number, body)

    def join_all(self, plan: Sequence[list[Piece]], keys: Sequence[str]) -> Iterator[Request[Part]]:
        """Requests that make the parts of this plan out of the objects with these keys."""
        for number, pieces in enumerate(plan, 1):
            if len(pieces) == 1 and pieces[0].stop - pieces[0].start >= LEAST:
                yield self._copy(number, keys[pieces[0].source], pieces[0])
            else:
                yield self._merge(number, pieces, keys)

    async def _send(self, number: int, body: bytes | bytearray) -> Part:
        answer = await self._ask("upload_part", PartNumber=number, Body=body)
        return _part(number, answer)

    async def _copy(self, number: int, source: str, piece: Piece) -> Part:
        answer = await self._ask(
            "upload_part_copy",
            PartNumber=number,
            CopySource={"Bucket": self.client.bucket, "Key": self.client.prefix + source},
            CopySourceRange=f"bytes={piece.start}-{piece.stop - 1}",
        )
        return _part(number, answer["CopyPartResult"])

    async def _merge(self, number: int, pieces: Sequence[Piece], keys: Sequence[str]) -> Part:
        body = bytearray()
        for at in range(0, len(pieces), READS_AT_ONCE):
            few = pieces[at : at + READS_AT_ONCE]
            for found in await asyncio.gather(
                *(self._read(keys[each.source], each) for each in few)
            ):
                body += found
        return await self._send(number, body)

    async def _read(self, key: str, piece: Piece) -> bytes:
        span = f"bytes={piece.start}-{piece.stop - 1}"
        answer = await self.client.ask("get_object", key, Range=span)
        with self.client.errors(key):
            found: bytes = await answer["Body"].read()
        if len(found) != piece.stop - piece.start:
            raise StorageUnavailable(f"The storage returned too few bytes of {key!r}.")
        return found

    def _ask(self, method: str, **more: Any) -> Request[Part]:
        return self.client.ask(method, self.key, UploadId=self.id, **more)

    def _complete(self, parts: Sequence[Part]) -> None:
        made = {"UploadId": self.id, "MultipartUpload": {"Parts": parts}}
        self.client.publish("complete_multipart_upload", self.key, self.token, PATIENT, **made)

    def _abort(self, reason: BaseException) -> None:
        try:
            run(self._ask("abort_multipart_upload"), PROMPT)
        except StorageError as error:
            reason.add_note(f"The parts sent so far stay until they are swept: {error}")


def _part(number: int, answer: dict[str, Any]) -> Part:
    """What completing needs to know of a part; S3 compares the checksum once more."""
    part: Part = {"PartNumber": number, "ETag": answer["ETag"]}
    if "ChecksumCRC32" in answer:
        part["ChecksumCRC32"] = answer["ChecksumCRC32"]
    return part
