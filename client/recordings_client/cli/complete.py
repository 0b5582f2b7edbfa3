"""Which recordings of a folder are complete: nothing has changed for a while, nobody writes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from recordings_client.errors import ValidationError
from recordings_client.finding import metadata_of, recordings_in
from recordings_client.reading import Fingerprint, fingerprint

PROC = Path("/proc")


@dataclass
class Seen:
    """A recording and its metadata file, as they were `since`, on a clock that only grows."""

    video: Fingerprint
    metadata: tuple[Path, Fingerprint] | None
    since: float
    handed_over: bool = False

    def is_like(self, other: Seen) -> bool:
        return (self.video, self.metadata) == (other.video, other.metadata)


class Complete:
    """Looks at a folder again and again. `still`: seconds without a change. `known`: recordings
    that somebody has seen to already."""

    def __init__(
        self,
        folder: Path,
        still: float,
        known: set[tuple[Path, Fingerprint]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder, self._still, self._known, self._clock = folder, still, known, clock
        self._seen: dict[Path, Seen] = {}

    def look(self) -> Iterator[tuple[Path, Path | None]]:
        """Recordings that have become complete, each once, with their metadata files."""
        now = self._clock()
        found = {video: each for video in self._videos() if (each := self._see(video, now))}
        self._seen = found
        for video, each in found.items():
            still = now - each.since >= self._still
            if still and not each.handed_over and not is_open_for_writing(video):
                each.handed_over = True
                yield video, each.metadata[0] if each.metadata else None

    def _videos(self) -> list[Path]:
        return [video for _, video in sorted(recordings_in(self.folder))]

    def _see(self, video: Path, now: float) -> Seen | None:
        """None for what is empty, or gone meanwhile."""
        with suppress(ValidationError):
            described = metadata_of(video)
            metadata = (described, fingerprint(described)) if described else None
            seen = Seen(fingerprint(video), metadata, now)
            seen.handed_over = (video, seen.video) in self._known
            before = self._seen.get(video)
            return before if before and before.is_like(seen) else seen
        return None


def is_open_for_writing(path: Path) -> bool:
    """Whether a process has it open for writing, where the system tells: Windows always, Linux
    for processes that we may look at, others never."""
    if sys.platform == "win32":
        return _is_in_use(path)
    return PROC.is_dir() and any(_writes(each, path) for each in PROC.glob("[0-9]*/fd"))


def _is_in_use(path: Path) -> bool:
    """Windows lets nobody rename a file that another program has open."""
    try:
        path.rename(path)
    except PermissionError:
        return True
    return False


def _writes(descriptors: Path, path: Path) -> bool:
    """A process that ends, or that is not ours to look at, writes nothing that we could see."""
    try:
        return any(_is_written(each, path) for each in descriptors.iterdir())
    except OSError:
        return False


def _is_written(descriptor: Path, path: Path) -> bool:
    with suppress(OSError):
        if descriptor.samefile(path):
            info = descriptor.parent.with_name("fdinfo") / descriptor.name
            flags = next(line for line in info.read_text().splitlines() if line[:5] == "flags")
            return int(flags.split()[1], 8) & os.O_ACCMODE != os.O_RDONLY
    return False
