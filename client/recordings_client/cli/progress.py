"""How far it is: bars on a terminal, now and then a line elsewhere, nothing for machines."""

from __future__ import annotations

import sys
import time
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from recordings_client.cli.screen import Screen, clock_of, printable, size_of

LINE_SECONDS = 5.0
NAME = 32
"""Characters of a name beside its bar."""


class Display(Protocol):
    """Used in a `with` block."""

    def moved(self, key: str, name: str, done: int, size: int) -> None:
        """So many bytes of this file have moved."""

    def over(self, key: str) -> None:
        """This file moves no more."""

    def __enter__(self) -> Display: ...

    def __exit__(self, *_: object) -> None: ...


def display_for(screen: Screen) -> Display:
    return Bars() if screen.has_bars else Lines(screen)


class Rate(ProgressColumn):
    """In the same units as the sizes beside it."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{size_of(speed)}/s" if speed else "")


class Bars:
    """One for each file that moves, with its rate and the time that is left."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._bars: dict[str, TaskID] = {}
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            DownloadColumn(binary_units=True),
            Rate(),
            TimeRemainingColumn(),
            console=console,
            redirect_stdout=sys.stdout.isatty(),  # else results would land among the bars
            transient=True,
        )

    def moved(self, key: str, name: str, done: int, size: int) -> None:
        if key not in self._bars:
            name = short(printable(name))
            self._bars[key] = self._progress.add_task(name, total=size, completed=done)
        self._progress.update(self._bars[key], completed=done, total=size)

    def over(self, key: str) -> None:
        if key in self._bars:
            self._progress.remove_task(self._bars.pop(key))

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


class Lines:
    """A line for each file that moves, every few seconds."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._last: dict[str, tuple[float, int]] = {}

    def moved(self, key: str, name: str, done: int, size: int) -> None:
        now = time.monotonic()
        since, before = self._last.setdefault(key, (now, done))
        if now - since < LINE_SECONDS:
            return
        self._last[key] = (now, done)
        self._screen.note(f"{name}: {how_far(done, size, (done - before) / (now - since))}")

    def over(self, key: str) -> None:
        self._last.pop(key, None)

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        return


def how_far(done: int, size: int, rate: float | None = None) -> str:
    """`rate`: bytes a second; None if nobody has measured it."""
    part = f"{100 * done // max(1, size)} % of {size_of(size)}"
    if rate is None:
        return part
    if rate <= 0:
        return f"{part}, nothing moves"
    return f"{part}, {size_of(rate)}/s, {clock_of((size - done) / rate)} left"


def short(name: str) -> str:
    return name if len(name) <= NAME else f"{name[: NAME - 1]}…"
