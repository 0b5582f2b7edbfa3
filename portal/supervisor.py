"""`portal run`: starts everything on one machine, restarts what dies, stops all of it.

Order: Valkey, then the database, then web server, workers and cron. Nothing outlives it: children
get SIGTERM when it is killed, and grandchildren that lost their parent are adopted and ended.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

log = logging.getLogger(__name__)

SET_PDEATHSIG, SET_CHILD_SUBREAPER = 1, 36
FIRST_PAUSE, LAST_PAUSE, HEALTHY_AFTER = 0.2, 5.0, 10.0
LOOK_EVERY = 0.2


@dataclass
class Program:
    """One child process that is to run always. `last` is stopped after all others."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    folder: Path | None = None
    last: bool = False
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = FIRST_PAUSE
    due: float = field(default=0.0)

    def start(self) -> None:
        # A session of its own: Ctrl-C reaches us alone, and we stop the children in order.
        self.process = subprocess.Popen(
            self.command,
            env=dict(self.environment),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )
        self.started = time.monotonic()

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.running():
            self.process.send_signal(number)

    def look_after(self) -> None:
        """Start it again if it has died, later and later if it dies at once each time."""
        if self.running():
            return
        now = time.monotonic()
        if self.process is not None:
            self._plan_restart(self.process.returncode, now)
        if now >= self.due:
            self.start()

    def _plan_restart(self, status: int, now: float) -> None:
        self.pause = FIRST_PAUSE if now - self.started > HEALTHY_AFTER else self.pause * 2
        self.pause = min(self.pause, LAST_PAUSE)
        log.warning("%s ended (%s); starting it again in %.1f s", self.name, status, self.pause)
        self.process, self.due = None, now + self.pause


class Supervisor:
    """Runs programs until SIGTERM or SIGINT. Call from the main thread."""

    def __init__(self) -> None:
        self.programs: list[Program] = []
        self.stopping = threading.Event()
        _adopt_orphans()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping.set()

    def add(self, program: Program) -> None:
        self.programs.append(program)
        program.start()

    def run(self) -> None:
        """Look after the programs until told to stop, then stop them, within ten seconds."""
        try:
            while not self.stopping.wait(LOOK_EVERY):
                for program in self.programs:
                    program.look_after()
                _reap_adopted(self._own_pids())
        finally:
            self.stop()

    def stop(self) -> None:
        first = [program for program in self.programs if not program.last]
        last = [program for program in self.programs if program.last]
        # A worker finishes its job at the first SIGTERM and drops it at the second.
        _ask(first, signal.SIGTERM, 5.0)
        _ask(first, signal.SIGTERM, 2.5)
        _ask(first, signal.SIGKILL, 0.5)
        _kill_adopted({program.process.pid for program in last if program.process})
        _ask(last, signal.SIGTERM, 1.5)
        _ask(last, signal.SIGKILL, 0.5)

    def _own_pids(self) -> set[int]:
        return {program.process.pid for program in self.programs if program.process}


def _ask(programs: list[Program], number: signal.Signals, patience: float) -> None:
    for program in programs:
        program.signal(number)
    deadline = time.monotonic() + patience
    while any(program.running() for program in programs) and time.monotonic() < deadline:
        time.sleep(0.05)


def end_with_parent() -> None:
    """Run in a child before its program: it gets SIGTERM when we are gone, however we went."""
    _prctl(SET_PDEATHSIG, signal.SIGTERM)


def _adopt_orphans() -> None:
    _prctl(SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _adopted(own: set[int]) -> list[int]:
    """Processes that became ours when their parent, one of our programs, was killed."""
    listing = Path(f"/proc/self/task/{os.getpid()}/children")
    with contextlib.suppress(OSError):  # not Linux: nothing is adopted there
        return [pid for pid in map(int, listing.read_text().split()) if pid not in own]
    return []


def _reap_adopted(own: set[int]) -> None:
    for pid in _adopted(own):
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def _kill_adopted(own: set[int]) -> None:
    """Until none is left: the dying may leave children of their own behind."""
    deadline = time.monotonic() + 1.0
    while (pids := _adopted(own)) and time.monotonic() < deadline:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        _reap_adopted(own)
        time.sleep(0.02)
