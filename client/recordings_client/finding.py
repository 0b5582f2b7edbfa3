"""Recordings in a folder, and the metadata file that belongs to each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from os import walk
from pathlib import Path
from stat import S_ISREG

from recordings_client.errors import ApiError, ValidationError

SUFFIXES = {".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4a", ".mp3", ".wav", ".aac", ".ogg"}
METADATA = "_metadata.json"
SETTLED_SECONDS = 60.0
"""A file that was written to more recently may still be recorded."""
DAY = 86_400.0
Closed = Callable[[Path, ApiError], None]
"""Is told of a folder that cannot be looked into, and why."""


def older_recordings(
    folder: Path, max_age_days: float, now: float, closed: Closed
) -> Iterator[tuple[Path, Path | None]]:
    """Recordings with their metadata files, oldest first; `now`: seconds since 1970."""
    for changed, video in sorted(recordings_in(folder, closed)):
        if SETTLED_SECONDS <= now - changed <= max_age_days * DAY:
            yield video, metadata_of(video)


def recordings_in(folder: Path, closed: Closed) -> Iterator[tuple[float, Path]]:
    """Of the folder and those below: when each was changed, in seconds since 1970, and its path.
    Links to files count, links to folders do not."""

    def tell(error: OSError) -> None:
        reason = f"{error.filename} cannot be looked into: {error.strerror}."
        closed(Path(error.filename), ValidationError(reason))

    for here, _, names in walk(folder, onerror=tell):
        for each in (Path(here, name) for name in names):
            if each.suffix.lower() in SUFFIXES:
                with suppress(OSError):  # deleted meanwhile, or a link that leads nowhere
                    found = each.stat()
                    if S_ISREG(found.st_mode):
                        yield found.st_mtime, each


def metadata_of(video: Path) -> Path | None:
    """`session_123_metadata.json` belongs to `session_123_Server_20241026.mp4`, and
    `session_123_Server_20241026.json` too; the longest name that fits counts."""
    words = video.stem.split("_")
    names = ("_".join(words[:count]) + METADATA for count in range(len(words), 0, -1))
    candidates = (video.with_suffix(".json"), *map(video.with_name, names))
    return next(filter(_is_file, candidates), None)


def _is_file(path: Path) -> bool:
    """A name may be too long for there to be such a file."""
    with suppress(OSError):
        return path.is_file()
    return False
