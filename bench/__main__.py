"""`make bench`: uploads over the real route beside what the disk gives, in one run.

Ratios are what counts: times differ from machine to machine and from hour to hour. Prints a table
and writes docs/bench/latest.json. Other servers are not compared yet.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import Portal, Tus

ROUNDS = 5
MIB = 1024 * 1024
BIG = 512 * MIB
SMALL_REQUESTS = 300
BLOCK = bytes(MIB)
OUT = Path(__file__).parents[1] / "docs/bench/latest.json"


def disk(folder: Path) -> float:
    """MiB/s of writing a file and syncing it, as `dd bs=1M conv=fdatasync` does."""
    path = folder / "disk"
    begun = time.perf_counter()
    with path.open("wb", buffering=0) as file:
        for _ in range(BIG // MIB):
            file.write(BLOCK)
        os.fdatasync(file.fileno())
    rate = BIG / MIB / (time.perf_counter() - begun)
    path.unlink()
    return rate


def one_request(tus: Tus) -> float:
    """MiB/s of one upload in one PATCH."""
    path = tus.begin(BIG)
    begun = time.perf_counter()
    with tus.raw(path, 0, BIG) as connection:
        for _ in range(BIG // MIB):
            connection.sendall(BLOCK)
        assert connection.recv(1000).split()[1] == b"204"
    return BIG / MIB / (time.perf_counter() - begun)


def requests_of(size: int, count: int) -> Callable[[Tus], float]:
    """PATCHes of this size a second, over one kept-alive connection."""

    def run(tus: Tus) -> float:
        path, body = tus.begin(size * count), bytes(size)
        begun = time.perf_counter()
        for number in range(count):
            assert tus.patch(path, number * size, body).status_code == 204
        return count / (time.perf_counter() - begun)

    return run


@contextmanager
def portal(folder: Path, durability: str) -> Iterator[Tus]:
    """A portal as in production, but for the jobs: they would measure something else."""
    place = folder / durability
    place.mkdir()
    running = Portal(place, PORTAL_DURABILITY=durability, PORTAL_JOB_WORKERS="0").start()
    try:
        yield Tus(running, running.token())
    finally:
        running.stop()


def measure(folder: Path) -> dict[str, list[float]]:
    """Name → results of each round; the rounds are interleaved, so that a slow minute hits all."""
    found: dict[str, list[float]] = {}
    with portal(folder, "strict") as strict, portal(folder, "relaxed") as relaxed:
        for _ in range(ROUNDS):
            found.setdefault("disk, write + fdatasync, MiB/s", []).append(disk(folder))
            for name, tus in (("strict", strict), ("relaxed", relaxed)):
                for what, act in (
                    ("one request of 512 MiB, MiB/s", one_request),
                    ("requests of 8 MiB, /s", requests_of(8 * MIB, 32)),
                    ("requests of 4 KiB, /s", requests_of(4096, SMALL_REQUESTS)),
                ):
                    found.setdefault(f"{name}: {what}", []).append(act(tus))
    return found


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="portal-bench-", dir=".") as folder:
        found = measure(Path(folder).absolute())
    print(f"{'':45} {'median':>9} {'low':>9} {'high':>9}")
    for name, values in found.items():
        print(f"{name:45} {statistics.median(values):9.0f} {min(values):9.0f} {max(values):9.0f}")
    medians = {name: round(statistics.median(values), 1) for name, values in found.items()}
    disk_rate = medians["disk, write + fdatasync, MiB/s"]
    ratio = round(medians["strict: one request of 512 MiB, MiB/s"] / disk_rate, 2)
    print(f"\nstrict, one request : disk = {ratio}")
    machine = {"cores": os.cpu_count(), "system": platform.platform(terse=True)}
    OUT.parent.mkdir(exist_ok=True)
    result = {"machine": machine, "medians": medians, "strict_to_disk": ratio, "rounds": found}
    OUT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
