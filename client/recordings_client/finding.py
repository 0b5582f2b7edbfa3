"""Recordings in a folder, and the metadata file that belongs to each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

SUFFIXES = {".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4a", ".mp3", ".wav", ".aac", ".ogg"}
METADATA = "_metadata.json"
SETTLED_SECONDS = 60.0
"""A file that was written to more recently may still be recorded."""
DAY = 86_400.0


def older_recordings(
    folder: Path, max_age_days: float, now: float
) -> Iterator[tuple[Path, Path | None]]:
    """Recordings with their metadata files, oldest first; `now`: seconds since 1970."""
    for changed, video in sorted(recordings_in(folder)):
        if SETTLED_SECONDS <= now - changed <= max_age_days * DAY:
            yield video, metadata_of(video)


def recordings_in(folder: Path) -> Iterator[tuple[float, Path]]:
    """Of the folder and those below: when each was changed, in seconds since 1970, and its path."""
    for each in folder.rglob("*"):
        if each.suffix.lower() in SUFFIXES and each.is_file():
            with suppress(FileNotFoundError):  # deleted since the line before
                yield each.stat().st_mtime, each


def metadata_of(video: Path) -> Path | None:
    """`session_123_metadata.json` belongs to `session_123_Server_20241026.mp4`, and
    `session_123_Server_20241026.json` too; the longest name that fits counts."""
    same = video.with_suffix(".json")
    if same.is_file():
        return same
    words = video.stem.split("_")
    for count in range(len(words), 0, -1):
        candidate = video.with_name("_".join(words[:count]) + METADATA)
        if candidate.is_file():
            return candidate
    return None
