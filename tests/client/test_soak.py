"""Many files through a bad network, by a client that is killed again and again.

SOAK_FILES and SOAK_KILLS make it longer: 500 and 20 are the full soak.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from recordings_client.queue_file import Queue
from tests.client.conftest import MiB, film_of, sha256
from tests.client.console import SCRIPT
from tests.client.unreliable import Unreliable, at_random
from tests.conftest import Portal
from tests.waiting import wait_for

FILES = int(os.environ.get("SOAK_FILES", "20"))
KILLS = int(os.environ.get("SOAK_KILLS", "3"))
FAULTS = 0.2
"""A fifth of all requests."""
SECONDS = 120 + 4 * FILES


def films(
    media: Callable[..., Path], folder: Path, name: str, dice: random.Random
) -> dict[str, str]:
    """Name and SHA-256 of each: most are small, every twentieth has some MiB."""
    folder.mkdir()
    sizes = [dice.randrange(8 * MiB if n % 20 == 0 else 400_000) for n in range(FILES)]
    made = [
        film_of(media, folder / f"{name}-soak-{n:03}.mp4", size) for n, size in enumerate(sizes)
    ]
    return {each.name: sha256(each) for each in made}


LIBRARY = (sys.executable, "-m", "tests.client.soaking")
WATCH = (str(SCRIPT), "watch", "--still", "0.3", "--look-every", "0.3", "--config")
"""Both are followed by the configuration and the folder."""


@contextmanager
def running(
    program: tuple[str, ...], config: Path, folder: Path, memory: list[int]
) -> Iterator[subprocess.Popen[bytes]]:
    """The client, until SIGKILL."""
    command = [*program, str(config), str(folder)]
    with subprocess.Popen(command) as process:
        try:
            yield process
            memory.append(psutil.Process(process.pid).memory_info().rss)
        finally:
            process.kill()


def completed(queue: Queue, process: subprocess.Popen[bytes]) -> int:
    assert process.poll() is None, "the client has ended by itself"
    return queue.counts().get("completed", 0)


@pytest.mark.parametrize(("name", "program"), [("library", LIBRARY), ("watch", WATCH)])
def test_all_arrive_exactly_once_and_memory_is_flat(
    portal: Portal,
    media: Callable[..., Path],
    tmp_path: Path,
    name: str,
    program: tuple[str, ...],
) -> None:
    dice = random.Random(4711)
    memory: list[int] = []
    expected = films(media, tmp_path / "films", name, dice)
    begun = time.monotonic()
    with Unreliable(portal.port, at_random(4711, FAULTS)) as proxy:
        config = tmp_path / "config.json"
        said = {"enabled": True, "base_url": f"{proxy.url}/api", "api_token": portal.token()}
        said |= {"state_dir": str(tmp_path / "state"), "max_retries": 20, "upload_timeout": 30}
        config.write_text(json.dumps({"api": said | {"max_concurrent_uploads": 4}}))
        queue = Queue(tmp_path / "state" / "queue.sqlite3")
        for number in range(KILLS):
            with running(program, config, tmp_path / "films", memory) as client:
                enough = (number + 1) * FILES // (KILLS + 1)
                wait_for(lambda: completed(queue, client) >= enough, SECONDS)  # noqa: B023
                time.sleep(dice.random() / 2)  # killed at any moment of what it does
        with running(program, config, tmp_path / "films", memory) as client:
            wait_for(lambda: completed(queue, client) == FILES, SECONDS)
    report = f"{name}: {FILES} files, {KILLS} kills, faults {dict(sorted(proxy.done.items()))}, "
    print(report + f"{time.monotonic() - begun:.0f} s, MiB: {[each // MiB for each in memory]}")
    assert queue.counts() == {"completed": FILES}
    ours = f"filename LIKE '{name}-soak-%'"
    rows = portal.rows(f"SELECT filename, sha256 FROM recording WHERE {ours}")
    assert {row["filename"]: row["sha256"] for row in rows} == expected and len(rows) == FILES
    begun_uploads = portal.rows(f"SELECT id FROM upload WHERE {ours}")
    assert len(begun_uploads) == FILES, "nothing was begun twice"
    assert max(memory) - min(memory) < 24 * MiB, memory
    assert all(proxy.done.get(kind) for kind in ("cut", "reset", "500", "503"))
