"""One multipart upload of S3: its requests, and their end as an object or as nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from storage_backends.base import StorageError, StorageUnavailable
from storage_backends.flight import IN_FLIGHT, PATIENT, PROMPT, Request, run, run_all
from storage_backends.network_client import MARK
from storage_backends.part_plan import LEAST, MOST_PARTS, Piece
from storage_backends.parts_upload import CannotCopy, PartsUpload
from storage_backends.s3_client import S3Client
from storage_backends.s3_errors import UNSUPPORTED, code_of

CANNOT_COPY = {"MethodNotAllowed", "405", *UNSUPPORTED}
Part = dict[str, Any]


class Multipart(PartsUpload[Part, S3Client]):
    """A multipart upload, begun at once."""

    most_parts = MOST_PARTS
    least_copied = LEAST

    def __init__(self, client: S3Client, key: str, part_size: int) -> None:
        super().__init__(client, key, part_size)
        begun = client.call("create_multipart_upload", key, Metadata={MARK: self.token})
        self.id = str(begun["UploadId"])

    def keep(self, requests: Iterable[Request[Part]]) -> str | None:
        """As said above; what fails is aborted."""
        try:
            parts = run_all(requests, self.patience, IN_FLIGHT)
            self.client.refuse_taken(self.key)  # not every server's completion is conditional
            return self.client.publish(self.key, self.token, lambda: self._complete(parts))
        except BaseException as error:
            self._abort(error)
            raise

    async def _send(self, number: int, body: bytearray) -> Part:
        answer = await self._ask("upload_part", PartNumber=number, Body=body)
        return _part(number, answer)

    async def _copy(self, number: int, source: S3Client, key: str, piece: Piece) -> Part:
        span = f"bytes={piece.start}-{piece.stop - 1}"
        which = {"Bucket": source.place, "Key": source.prefix + key}
        asked = {"PartNumber": number, "CopySource": which, "CopySourceRange": span}
        try:
            answer = await self._ask("upload_part_copy", **asked)
        except StorageUnavailable as error:
            if code_of(error) in CANNOT_COPY:
                raise CannotCopy from error
            raise
        return _part(number, answer["CopyPartResult"])

    async def _read(self, source: S3Client, key: str, piece: Piece) -> bytes:
        span = f"bytes={piece.start}-{piece.stop - 1}"
        answer = await source.ask("get_object", key, Range=span)
        with source.errors(key):
            found: bytes = await answer["Body"].read()
        return found

    def _ask(self, method: str, **more: Any) -> Request[Part]:
        return self.client.ask(method, self.key, UploadId=self.id, **more)

    def _complete(self, parts: Sequence[Part]) -> str | None:
        made = {"UploadId": self.id, "MultipartUpload": {"Parts": parts}}
        return self.client.create("complete_multipart_upload", self.key, PATIENT, **made)

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
