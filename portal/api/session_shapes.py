"""What the recorder and the portal say to each other in JSON (portal/api/sessions.py)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field

from portal.api.describing import Answer
from portal.api.direct_shapes import MaybeDirect, direct
from portal.core.direct import DirectPart
from portal.core.finishing import Outcome
from portal.core.models import Upload
from portal.core.transaction import utc_now
from portal.parsing import BIGGEST, Sha256, Size, Text, Told, clean, flat

WORDS = {"ready": "completed", "quarantined": "failed"}


def moment(text: str) -> str:
    """The text, if it is a date and time as Python's isoformat() writes it."""
    datetime.fromisoformat(text)
    return clean(text)


Word = Annotated[str, Field(max_length=255), AfterValidator(clean)]
Moment = Annotated[str, Field(max_length=40), AfterValidator(moment)]
Number = Annotated[int, Field(ge=-BIGGEST, le=BIGGEST)]


class Open(Told):
    """Names that are not listed are kept too."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow")


class ConnectionInfo(Open):
    con_codigo: Number | None = None
    ip: Word | None = None
    name: Word | None = None
    user: Word | None = None
    connection_type: Word | None = None
    wats_user: Word | None = None
    wats_user_machine: Word | None = None
    wats_user_ip: Word | None = None


class RecordingMetadata(Open):
    start_time: Moment | None = None
    recorder_settings: dict[str, Any] | None = None


class CreateSession(Open):
    session_id: Text
    connection_info: ConnectionInfo | None = None
    file_size: Size | None = None
    metadata: RecordingMetadata | None = None
    filename: Text | None = None
    sha256: Sha256 | None = None
    file_hash: Sha256 | None = None
    direct: bool | None = None

    def details(self) -> dict[str, str]:
        """Everything that was said of the recording, with short names that can be searched for."""
        apart = {"file_size", "filename", "sha256", "file_hash", "direct"}
        return searchable(self.model_dump(exclude_none=True, exclude=apart))


def searchable(said: dict[str, Any]) -> dict[str, str]:
    """Flat, and without the two outer names: `wats_user`, not `connection_info.wats_user`."""
    inner = [name for name in ("metadata", "connection_info") if isinstance(said.get(name), dict)]
    outer = {name: value for name, value in said.items() if name not in inner}
    for name in inner:
        outer = said[name] | outer
    return flat(outer)


class Finalize(Told):
    sha256: Sha256 | None = None
    checksum: Sha256 | None = None
    file_size: Size | None = None
    metadata: dict[str, Any] | None = None


class Created(Answer):
    session_id: str
    metadata_upload_url: str
    video_upload_url: str
    expires_at: str
    file_id: str
    direct: MaybeDirect = None


class Fault(Answer):
    code: str
    message: str


class Standing(Answer):
    """Where an upload stands."""

    session_id: str
    file_id: str
    status: str
    progress: int
    bytes_received: int
    file_size: int | None
    expires_at: str
    sha256: str | None = None
    error: Fault | None = None
    direct: MaybeDirect = None


class Refused(Answer):
    """The envelope of every refusal; the other fields where there is an upload to speak of."""

    error: Fault
    session_id: str | None = None
    bytes_received: int | None = None
    missing_chunks: list[int] | None = None


def timestamp(at: datetime) -> str:
    """As the recorder's contract writes it: 2024-10-26T16:00:22.123456Z."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def standing(upload: Upload, outcome: Outcome, parts: list[DirectPart] | None = None) -> Standing:
    fault = Fault(code=outcome.code, message=outcome.reason or "") if outcome.code else None
    return Standing(
        session_id=upload.id,
        file_id=upload.id,
        status=_status(upload, outcome),
        progress=_progress(upload, outcome),
        bytes_received=upload.offset,
        file_size=upload.length,
        expires_at=timestamp(upload.expires_at),
        sha256=outcome.recording.sha256 if outcome.recording else None,
        error=fault,
        direct=direct(upload.chunk_size, parts),
    )


def _status(upload: Upload, outcome: Outcome) -> str:
    if outcome.state != "open":
        return WORDS.get(outcome.state, outcome.state)
    if upload.offset and upload.offset == upload.length:
        return "uploaded"
    if upload.expires_at <= utc_now():
        return "expired"
    return "uploading" if upload.offset else "created"


def _progress(upload: Upload, outcome: Outcome) -> int:
    """Percent of the bytes; of an unknown number nothing is known until the end."""
    if outcome.state in ("processing", "ready"):
        return 100
    return 100 * upload.offset // upload.length if upload.length else 0
