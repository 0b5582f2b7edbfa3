"""What the portal is told of a recording before its bytes: from its name and its metadata file."""

from __future__ import annotations

import json
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
    said.setdefault("session_id", video.stem[:255])
    said |= {"filename": video.name, "file_size": size}
    return said | {"direct": True} if direct else said


def _metadata(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
        told = json.loads(content)
    except OSError as error:
        raise ValidationError(f"{path.name} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise ValidationError(f"{path.name} is no JSON: {error}.") from error
    if not isinstance(told, dict):
        raise ValidationError(f"{path.name} must hold a JSON object.")
    if len(content) > MOST_METADATA:
        raise ValidationError(f"{path.name} is larger than 256 KiB; the portal takes no more.")
    return told
