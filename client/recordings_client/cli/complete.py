"""Which recordings of a folder are complete: nothing has changed for a while, nobody writes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from recordings_client.errors import ValidationError
from recordings_client.finding import Closed, metadata_of, recordings_in
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
    that somebody has seen to already. `closed` is told of folders that cannot be looked into."""

    def __init__(
        self,
        folder: Path,
        still: float,
        known: set[tuple[Path, Fingerprint]],
        closed: Closed,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder, self._still, self._known, self._clock = folder, still, known, clock
        self._closed = closed
        self._seen: dict[Path, Seen] = {}

    def look(self) -> Iterator[tuple[Path, Path | None]]:
        """Recordings that have become complete, each once, with their metadata files."""
        now = self._clock()
        videos = [video for _, video in sorted(recordings_in(self.folder, self._closed))]
        self._seen = {video: each for video in videos if (each := self._see(video, now))}
        still = [video for video, each in self._seen.items() if self._is_still(each, now)]
        written = being_written(still)
        for video in still:
            if video not in written:
                seen = self._seen[video]
                seen.handed_over = True
                yield video, seen.metadata[0] if seen.metadata else None

    def again(self, video: Path) -> None:
        """It could not be handed over: the next look brings it once more."""
        self._seen[video].handed_over = False

    def _is_still(self, seen: Seen, now: float) -> bool:
        return now - seen.since >= self._still and not seen.handed_over

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


def being_written(paths: list[Path]) -> set[Path]:
    """Those that a process has open for writing, where the system tells: Windows always, Linux
    for processes that we may look at, others never."""
    if sys.platform == "win32":
        return {each for each in paths if _is_in_use(each)}
    written = set(_written()) if paths and PROC.is_dir() else set()
    return {each for each in paths if _identity(each) in written}


def _is_in_use(path: Path) -> bool:
    """Windows lets nobody rename a file that another program has open."""
    try:
        path.rename(path)
    except PermissionError:
        return True
    return False


def _written() -> Iterable[tuple[int, int] | None]:
    """What all processes write. One that ends meanwhile, or that is not ours to look at, writes
    nothing that we could see."""
    for process in PROC.glob("[0-9]*/fdinfo"):
        with suppress(OSError):
            for about in process.iterdir():
                if _writes(about):
                    yield _identity(process.with_name("fd") / about.name)


def _writes(about: Path) -> bool:
    """Whether a descriptor is open for writing, by its file in `fdinfo`."""
    with suppress(OSError):
        flags = next(line for line in about.read_text().splitlines() if line[:5] == "flags")
        return int(flags.split()[1], 8) & os.O_ACCMODE != os.O_RDONLY
    return False


def _identity(path: Path) -> tuple[int, int] | None:
    """By what a file is the same under each of its names; None for one that is gone."""
    with suppress(OSError):
        found = path.stat()
        return found.st_dev, found.st_ino
    return None
