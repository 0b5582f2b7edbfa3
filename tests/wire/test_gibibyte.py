"""A gibibyte through each kind of storage, and how little memory that takes."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread

import psutil

from tests.backends import Backend, azurite, backend, seaweed
from tests.conftest import Portal, Tus, upload_id
from tests.sounds import GIB, MIB, silence

__all__ = ["azurite", "backend", "seaweed"]

MOST = 256 * MIB


class Watch:
    """The largest memory that one process of ours was seen with, by its program."""

    def __init__(self, portal: Portal, *programs: str) -> None:
        self.portal, self.done = portal, Event()
        self.peaks = dict.fromkeys(programs, 0)
        self.thread = Thread(target=self._look)

    def __enter__(self) -> Watch:
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.done.set()
        self.thread.join()

    def _look(self) -> None:
        while not self.done.wait(0.25):
            for program in self.peaks:
                for pid in self.portal.children(program):
                    self.peaks[program] = max(self.peaks[program], _memory_of(pid))


def _memory_of(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_full_info().uss)
    except psutil.NoSuchProcess:
        return 0


def test_neither_server_nor_worker_needs_a_quarter_of_it(
    backend: Backend, own_portal: Callable[..., Portal]
) -> None:
    """What one request brings is stored in parts of 256 MiB: there are four to join."""
    portal = own_portal(**backend.settings, PORTAL_DURABILITY="relaxed")
    tus = Tus(portal, portal.token())
    path = tus.begin(GIB, "filename c2lsZW5jZS53YXY=")
    with Watch(portal, "gunicorn", "jobs.worker") as watch:
        with tus.raw(path, 0, GIB) as connection:
            connection.settimeout(120)
            for block in silence(GIB):
                connection.sendall(block)
            assert connection.recv(12) == b"HTTP/1.1 204"
        row = portal.recording(upload_id(path), seconds=240)
    assert (row["state"], row["size"]) == ("ready", GIB)
    assert {name: peak for name, peak in watch.peaks.items() if peak >= MOST} == {}
    for each in portal.stored_files("recordings"):
        each.unlink()  # room for the other tests
