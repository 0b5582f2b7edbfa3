"""`python -m bench.client [MIB]`: the Python client against curl, on the same upload over loopback.

Two contests, in turns, each as a ratio of the two in the same round: the bytes alone, from the
first one to the last answer; and the whole errand, from the file to the available recording, for
which curl needs `sha256sum` before. On a machine that does other things too, the seconds of a core
that each of them takes say more than the clock.
"""

from __future__ import annotations

import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from portal import sample_media
from recordings_client import ClientSettings, RecordingUploadClient
from recordings_client.announcing import announcement
from recordings_client.option_types import KIB
from recordings_client.queue_file import Queue
from recordings_client.reading import fingerprint, sha256_of
from recordings_client.walk import SENDING, Walk
from tests.conftest import Portal

MIB = 1024 * 1024
ROUNDS = 11
Act = Callable[[], None]


def film(folder: Path, size: int) -> Path:
    """Most of it is what players skip."""
    path = sample_media.make_sample("rdp-finance-server-2026.mp4", folder / "film.mp4", 4)
    with path.open("ab") as file:
        file.write(struct.pack(">I4s", (size + 1) * MIB + 8, b"free"))
        for _ in range(size + 1):
            file.write(os.urandom(MIB))
    return path


class Contest:
    """Both ways to send one file to one portal."""

    def __init__(self, portal: Portal, path: Path) -> None:
        self.path, self.token = path, portal.token()
        self.url = f"{portal.url}/api"
        self.client = RecordingUploadClient(self.url, self.token)
        self.number = 0

    def begin(self) -> str:
        said = announcement(self.path, self.path.stat().st_size, None, direct=False)
        self.number += 1
        return self.client.create_session(said, f"bench-{self.number}").session_id

    def curl(self, session_id: str) -> None:
        url = f"{self.url}/uploads/{session_id}/video"
        header = f"Authorization: Bearer {self.token}"
        command = ["curl", "-sSf", "-o", os.devnull, "-H", header, "-T", str(self.path), url]
        subprocess.run(command, check=True)

    def ours(self, session_id: str) -> None:
        """The bytes as a walk sends them, without the SHA-256 beside them."""
        queue, known = Queue(), fingerprint(self.path)
        task, _ = queue.add(
            self.path, known, None, announcement(self.path, known.size, None, False)
        )
        queue.note(task.id, session_id=session_id)
        walk = Walk(self.client, queue, 0, ClientSettings().chunk_size_mb * KIB * KIB)
        standing = self.client.status(session_id)
        while standing.status in SENDING:
            standing = walk.send_next(task, standing)
        queue.close()

    def curl_whole(self) -> None:
        found = subprocess.run(
            ["sha256sum", str(self.path)], check=True, capture_output=True, text=True
        )
        session_id = self.begin()
        self.curl(session_id)
        self.client.finalize(session_id, found.stdout[:64])

    def ours_whole(self) -> None:
        self.client.upload_recording(self.path)


@dataclass(frozen=True)
class Cost:
    """Seconds by the clock, and of a core: of this process and of those that it started."""

    clock: float
    core: float


def cost(act: Act) -> Cost:
    os.sync()  # what the one before has left to write is not this one's
    begun, used = time.perf_counter(), _core()
    act()
    return Cost(time.perf_counter() - begun, _core() - used)


def _core() -> float:
    """Ended children count, the portal does not: it runs on."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def compare(name: str, size: int, rounds: list[tuple[Cost, Cost]]) -> None:
    ratios = sorted(curl.clock / ours.clock for curl, ours in rounds)
    rates = [statistics.median(size / each[side].clock for each in rounds) for side in (0, 1)]
    cores = [sum(each[side].core for each in rounds) / len(rounds) for side in (0, 1)]
    best = min(each[0].clock for each in rounds) / min(each[1].clock for each in rounds)
    print(
        f"{name}: curl {rates[0]:.0f}, client {rates[1]:.0f} MiB/s; "
        f"{statistics.median(ratios):.2f} × ({ratios[0]:.2f} to {ratios[-1]:.2f}), "
        f"the best of each {best:.2f} ×; of a core {cores[0]:.3f} s and {cores[1]:.3f} s"
    )


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 256
    with tempfile.TemporaryDirectory() as folder:
        path = film(Path(folder), size)
        portal = Portal(Path(folder)).start()
        try:
            race(Contest(portal, path), size)
        finally:
            portal.stop()


def race(contest: Contest, size: int) -> None:
    contest.curl_whole()  # fills the caches
    sha256_of(contest.path)
    bytes_alone: list[tuple[Cost, Cost]] = []
    whole: list[tuple[Cost, Cost]] = []
    for _ in range(ROUNDS):
        one, two = contest.begin(), contest.begin()
        bytes_alone.append(
            (cost(lambda: contest.curl(one)), cost(lambda: contest.ours(two)))  # noqa: B023
        )
        whole.append((cost(contest.curl_whole), cost(contest.ours_whole)))
    compare("bytes alone", size, bytes_alone)
    compare("whole errand", size, whole)


if __name__ == "__main__":
    main()
