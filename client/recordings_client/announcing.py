"""What the portal is told of a recording before its bytes: from its name and its metadata file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from recordings_client.errors import ValidationError

MOST_METADATA = 256 * 1024
"""Bytes; the portal takes no more."""
OURS = {"file_size", "filename", "sha256", "file_hash", "direct"}
"""What follows from the file itself, whatever its metadata say."""


def announcement(video: Path, size: int, metadata: Path | None, direct: bool) -> dict[str, Any]:
    """The body of create-session. Raises ValidationError for metadata that cannot be told."""
    told = _metadata(metadata) if metadata else {}
    said = {name: value for name, value in told.items() if name not in OURS}
    said.setdefault("session_id", _plain(video.stem)[:255])
    said |= {"filename": _plain(video.name), "file_size": size}
    return said | {"direct": True} if direct else said


def _plain(name: str) -> str:
    """Without control characters, which the portal refuses."""
    return re.sub("[\x00-\x1f\x7f-\x9f]", "_", name)


def _metadata(path: Path) -> dict[str, Any]:
    content = _content(path)
    try:
        told = json.loads(content)
        json.dumps(told, allow_nan=False)  # Python reads NaN and Infinity, nobody else does
    except (ValueError, RecursionError) as error:
        raise ValidationError(f"{path.name} is no JSON: {error}.") from error
    if not isinstance(told, dict):
        raise ValidationError(f"{path.name} must hold a JSON object.")
    return told


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_METADATA + 1)
    except OSError as error:
        raise ValidationError(f"{path.name} cannot be read: {error.strerror}.") from error
    if len(content) > MOST_METADATA:
        raise ValidationError(f"{path.name} is larger than 256 KiB; the portal takes no more.")
    return content
