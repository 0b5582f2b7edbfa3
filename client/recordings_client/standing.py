"""Where an upload stands, as the server tells it: the only state that counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Standing:
    """`status`: created, uploading, uploaded, processing, completed, failed, expired, cancelled or
    deleted. `received`: acknowledged bytes. `sha256`: of the stored bytes, once it is completed.
    `parts`: what is to be put straight into the storage, where part `number` begins at `number` ×
    `part_size`; None for an upload that goes through the portal.
    """

    session_id: str
    status: str
    received: int = 0
    sha256: str | None = None
    error_code: str | None = None
    error: str = ""
    part_size: int = 0
    parts: list[dict[str, Any]] | None = field(default=None, repr=False)


def standing_in(answer: dict[str, Any]) -> Standing:
    """The standing in the JSON of an answer; of a session that was just created, too."""
    error, direct = answer.get("error") or {}, answer.get("direct") or {}
    return Standing(
        answer["session_id"],
        answer.get("status", "created"),
        answer.get("bytes_received", 0),
        answer.get("sha256"),
        error.get("code"),
        error.get("message", ""),
        direct.get("part_size", 0),
        direct.get("parts"),
    )
