"""SIGKILL, again and again, of whatever works: nothing acknowledged is lost, nothing doubled."""

from __future__ import annotations

import hashlib
import random
import secrets
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import requests

from portal.config import Settings
from tests.conftest import Portal, Tus, upload_id, wait_for

ROUNDS = 20


def kill(pids: list[int]) -> None:
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            psutil.Process(pid).send_signal(signal.SIGKILL)


def web_workers(portal: Portal) -> list[int]:
    """gunicorn's forked processes, without their master."""
    return portal.children("gunicorn")[1:]


def send_and_be_killed(portal: Portal, tus: Tus, path: str, content: bytes) -> int:
    """Send a little, note what was acknowledged, send more, and kill the web processes."""
    cut = secrets.randbelow(len(content) // 2) + 1
    acknowledged = int(tus.patch(path, 0, content[:cut]).headers["Upload-Offset"])
    with tus.raw(path, acknowledged, len(content) - acknowledged) as connection:
        connection.sendall(content[acknowledged : acknowledged + 100_000])
        kill(web_workers(portal))
    wait_for(portal.answers)
    return acknowledged


def finish(tus: Tus, path: str, content: bytes) -> None:
    """Resume as a client does: ask, send the rest, and ask again when that fails."""
    for _ in range(50):
        with suppress(requests.ConnectionError):
            offset = tus.offset(path)
            if offset == len(content):
                return
            tus.patch(path, offset, content[offset:])
    raise AssertionError("the upload cannot be finished")


def kill_the_assembly(portal: Portal, upload: str) -> bool:
    """Kill the worker that is assembling, with all that it started, at some moment of its work.

    True if the upload was indeed not finished then.
    """
    query = "SELECT 1 FROM job WHERE object_id = ?"
    wait_for(lambda: portal.rows(query, upload), what="a worker has begun")
    time.sleep(random.random() * 0.4)  # a moment of the assembly, another one each round
    kill(busy_workers(portal))
    return not portal.rows("SELECT 1 FROM recording WHERE id = ?", upload)


def busy_workers(portal: Portal) -> list[int]:
    """Those that work on a job, with all that they have started."""
    busy = [pid for pid in portal.children("jobs.worker") if _children(pid) > 1]
    return [*busy, *(child for pid in busy for child in _descendants(pid))]


def _children(pid: int) -> int:
    """A worker's first child is its scheduler; a second one works on a job."""
    return len(psutil.Process(pid).children()) if psutil.pid_exists(pid) else 0


def _descendants(pid: int) -> list[int]:
    with suppress(psutil.NoSuchProcess):
        return [each.pid for each in psutil.Process(pid).children(recursive=True)]
    return []


def test_acceptance_8_twenty_rounds_of_kills_lose_and_double_nothing(
    own_portal: Callable[..., Portal], media: Callable[[str, int], Path]
) -> None:
    portal = own_portal(PORTAL_WEB_PROCESSES="1")
    tus = Tus(portal, portal.token())
    original = media("call-sales-0815.wav", 60).read_bytes()
    sent, hits = {}, 0
    for number in range(ROUNDS):
        content = original + number.to_bytes(4, "big")  # WAV readers ignore what follows the sound
        path = tus.begin(len(content))
        acknowledged = send_and_be_killed(portal, tus, path, content)
        assert tus.offset(path) >= acknowledged
        finish(tus, path, content)
        hits += kill_the_assembly(portal, upload_id(path))
        sent[upload_id(path)] = hashlib.sha256(content).hexdigest()
    assert hits >= ROUNDS // 4, "too few assemblies were interrupted to mean something"
    for upload, digest in sent.items():
        recording = portal.recording(upload, seconds=60)
        stored = portal.data / "store" / recording["key"]
        assert recording["state"] == "ready"
        assert recording["sha256"] == digest == hashlib.sha256(stored.read_bytes()).hexdigest()
    assert portal.rows("SELECT count(*) AS n FROM recording")[0]["n"] == ROUNDS
    originals = [each for each in portal.stored_files("recordings") if each.name == "original"]
    assert len(originals) == ROUNDS
    wait_for(lambda: not portal.rows("SELECT 1 FROM part"), what="all parts are tidied up")


def test_by_default_a_dead_workers_job_is_taken_over_within_two_minutes() -> None:
    """The lease runs out, the next look finds it, and both may just have missed each other."""
    settings = Settings.from_env({})
    assert settings.lease_seconds + 2 * settings.reconcile_seconds <= 110


def test_a_worker_killed_before_it_has_begun_is_replaced_too(
    own_portal: Callable[..., Portal],
) -> None:
    """RQ then holds a job that nobody runs, and would refuse another of the same name."""
    portal = own_portal(PORTAL_WEB_PROCESSES="1")
    tus = Tus(portal, portal.token())
    paths = []
    for _ in range(3):
        paths.append(tus.begin(4))
        tus.patch(paths[-1], 0, b"four")
        time.sleep(random.random() * 0.015)  # between taking the job and claiming the lease
        kill(portal.children("jobs.worker"))
        wait_for(lambda: len(portal.children("jobs.worker")) >= 2, what="workers are back")
    for path in paths:
        assert portal.recording(upload_id(path), seconds=60)
