"""What /api/recordings says of a recording, in JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from portal.api.describing import Answer
from portal.core.models import Recording
from portal.parsing import Told


class Listed(Answer):
    """One recording. The last three fields are those of a deleted one."""

    file_id: str
    filename: str
    status: str
    error_code: str | None
    error: str | None
    source: str
    sent_by: str
    size: int
    sha256: str
    content_type: str | None
    duration_ms: int | None
    width: int | None
    height: int | None
    integrity: str
    received_at: datetime
    available_at: datetime
    details: dict[str, Any]
    deleted_at: datetime | None
    deleted_by: str | None
    deletion_reason: str | None


class Listing(Answer):
    recordings: list[Listed]
    next_cursor: str | None


class Deleted(Answer):
    file_id: str
    status: str


class Why(Told):
    reason: str | None = None


def listed(recording: Recording) -> Listed:
    return Listed(
        file_id=recording.id,
        filename=recording.filename,
        status="deleting" if recording.state == "purging" else recording.state,
        error_code=recording.error_code,
        error=recording.error_text,
        source=recording.source,
        sent_by=recording.owner_label,
        size=recording.size,
        sha256=recording.sha256,
        content_type=recording.content_type,
        duration_ms=recording.duration_ms,
        width=recording.width,
        height=recording.height,
        integrity=recording.integrity,
        received_at=recording.received_at,
        available_at=recording.available_at,
        details=recording.details,
        deleted_at=recording.deleted_at,
        deleted_by=recording.deleted_by,
        deletion_reason=recording.deletion_reason,
    )
