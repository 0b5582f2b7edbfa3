"""What killed workers leave in the folder for temporary files is removed, and nothing else."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Portal
from tests.waiting import wait_for

TWO_DAYS = 2 * 24 * 3600


def folder_of(name: Path, file: str, age: float) -> Path:
    name.mkdir(mode=0o700)
    (name / file).write_text("{}")
    then = time.time() - age
    os.utime(name, (then, then))
    return name


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A short path: the socket of the embedded Valkey may have to lie in this folder."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def test_a_worker_sweeps_what_others_left_behind_long_ago(
    own_portal: Callable[..., Portal], temporary: Path
) -> None:
    left = [folder_of(temporary / f"portal-{n}bcdefgh", "facts.json", TWO_DAYS) for n in range(3)]
    kept = [
        folder_of(temporary / "portal-inusenow", "facts.json", 60),
        folder_of(temporary / "portal-database", "important", TWO_DAYS),
        folder_of(temporary / "portal-0-0123456789abcdef", "facts.json", TWO_DAYS),
        folder_of(temporary / "somebody", "facts.json", TWO_DAYS),
    ]
    if os.getuid() == 0:
        kept.append(folder_of(temporary / "portal-others12", "facts.json", TWO_DAYS))
        os.chown(kept[-1], 65534, 65534)
    own_portal(TMPDIR=str(temporary))
    wait_for(lambda: not any(each.exists() for each in left), what="the old ones are gone")
    assert all(list(each.iterdir()) for each in kept)
