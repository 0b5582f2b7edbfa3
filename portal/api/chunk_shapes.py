"""The JSON of portal/api/chunks.py: what its requests hold, and the answers made of uploads."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from portal.api.describing import Answer
from portal.api.direct_shapes import MaybeDirect, direct
from portal.core.direct import DirectPart
from portal.core.finishing import Outcome
from portal.core.models import Recording, Upload
from portal.core.uploads import Progress
from portal.parsing import BIGGEST, Sha256, Size, Text, Told, clean

STATUS = {"open": "active", "ready": "completed", "quarantined": "failed"}
"""The protocol's words, where they are not those of portal.core.finishing.Outcome."""
EXPIRED = "Session expired: nothing arrived for too long. Begin a new one and send the file again."
MISMATCH = (
    "Hash mismatch: the file that arrived does not have the SHA-256 that `file_hash` declared."
    " Begin a new upload and send the file again."
)


class Init(Told):
    filename: Text
    total_size: Annotated[int, Field(ge=1, le=BIGGEST)]
    mime_type: Annotated[str, Field(max_length=255), AfterValidator(clean)] = ""
    file_hash: Annotated[str, Field(pattern=r"^[\x20-\x7e]{0,64}$")] = ""
    direct: bool = False


class Named(Told):
    upload_id: Text


class Whole(Named):
    """`file_hash`: where `init` did not tell it, because it was summed up while sending."""

    file_hash: Sha256 | None = None


class Labelled(Named):
    """What is said of a chunk's bytes: in the JSON beside them, or in headers."""

    chunk_index: Size
    checksum: Sha256 | None = None


class Chunk(Labelled):
    chunk_data: str


class Said(Answer):
    upload_id: str
    status: str


class Begun(Said):
    chunk_size: int
    total_chunks: int
    total_size: int
    expires_at: datetime
    direct: MaybeDirect = None


class Received(Answer):
    received_chunks: int
    total_chunks: int
    percentage: float
    received_bytes: int
    total_bytes: int


class Taken(Said):
    chunk_index: int
    progress: Received
    expires_at: datetime


class Missing(Received):
    missing_chunks: list[int]


class Problem(Answer):
    code: str
    message: str


class Standing(Said):
    filename: str
    total_size: int
    chunk_size: int
    progress: Missing
    created_at: datetime
    expires_at: datetime
    is_expired: bool
    recording_id: str | None
    error: Problem | None
    direct: MaybeDirect = None


class Completed(Said):
    recording_id: str
    filename: str
    size: int
    file_hash: str
    mime_type: str | None


class Processing(Said):
    status_url: str


def begun(progress: Progress, parts: list[DirectPart] | None) -> Begun:
    total, size = progress.length or 0, progress.chunk_size or 1
    return Begun(
        upload_id=progress.upload_id,
        status="processing" if progress.finished else "active",
        chunk_size=size,
        total_chunks=-(-total // size),
        total_size=total,
        expires_at=progress.expires_at,
        direct=direct(progress.chunk_size, parts),
    )


def taken(progress: Progress, number: int) -> Taken:
    return Taken(
        upload_id=progress.upload_id,
        status="processing" if progress.finished else "active",
        chunk_index=number,
        progress=received(progress),
        expires_at=progress.expires_at,
    )


def received(upload: Progress | Upload) -> Received:
    """Counted from the bytes: all chunks have one size, but the last, which is smaller."""
    total, size = upload.length or 0, upload.chunk_size or 1
    return Received(
        received_chunks=-(-upload.offset // size),
        total_chunks=-(-total // size),
        percentage=upload.offset * 1000 // max(total, 1) / 10,
        received_bytes=upload.offset,
        total_bytes=total,
    )


def standing(
    upload: Upload, found: Outcome, missing: list[int], parts: list[DirectPart] | None
) -> Standing:
    counted = received(upload)
    return Standing(
        upload_id=upload.id,
        status=STATUS.get(found.state, found.state),
        filename=upload.filename,
        total_size=counted.total_bytes,
        chunk_size=upload.chunk_size or 0,
        progress=Missing(missing_chunks=missing, **counted.model_dump()),
        created_at=upload.created_at,
        expires_at=upload.expires_at,
        is_expired=found.state == "expired",
        recording_id=found.recording.id if found.recording else None,
        error=problem(found),
        direct=direct(upload.chunk_size, parts),
    )


def completed(recording: Recording) -> Completed:
    return Completed(
        upload_id=recording.id,
        status="completed",
        recording_id=recording.id,
        filename=recording.filename,
        size=recording.size,
        file_hash=recording.sha256,
        mime_type=recording.content_type,
    )


def problem(found: Outcome) -> Problem | None:
    """Why nothing comes of the upload, if its client did not say so itself."""
    if found.state == "expired":
        return Problem(code="session_expired", message=EXPIRED)
    if found.code is None:
        return None
    message = MISMATCH if found.code == "checksum_mismatch" else found.reason
    return Problem(code=found.code, message=message or "The file was not accepted.")
