"""Where words go: results to stdout, as lines or as JSON; what happens meanwhile to stderr."""

from __future__ import annotations

import json
import logging
import sys
from copy import copy
from typing import Any

KIB = 1024
STEPS = ("B", "KiB", "MiB", "GiB", "TiB")


class Screen:
    """`machine`: JSON on stdout and nothing else; warnings still go to stderr."""

    def __init__(self, machine: bool) -> None:
        self.machine = machine

    @property
    def has_bars(self) -> bool:
        """Whether somebody looks at it: bars would be noise in a file."""
        return not self.machine and sys.stderr.isatty()

    def result(self, *lines: str) -> None:
        if not self.machine:
            print(*map(printable, lines), sep="\n", flush=True)

    def note(self, *lines: str) -> None:
        if not self.machine:
            print(*map(printable, lines), sep="\n", file=sys.stderr, flush=True)

    def json(self, document: dict[str, Any]) -> None:
        """One document, on one line."""
        if self.machine:
            print(json.dumps(document, default=str), flush=True)

    def fail(self, sentence: str, code: int) -> int:
        """The last word of a command that ends early; returns its exit code."""
        self.note(f"recordings: {sentence}")
        self.json({"error": {"message": sentence, "exit": code}})
        return code


class ToStderr(logging.Handler):
    """What the client logs, without its time: a journal has its own. `sys.stderr` is looked up
    each time, as bars put themselves in its place."""

    def emit(self, record: logging.LogRecord) -> None:
        told = copy(record)
        told.msg, told.args = printable(record.getMessage()), ()
        print(self.format(told), file=sys.stderr, flush=True)


def printable(text: str) -> str:
    """Names come from elsewhere: without what a terminal would take for a command, or a reader for
    a line of ours."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def size_of(count: float) -> str:
    """«12.0 MiB»."""
    step = 0
    while count >= KIB and step < len(STEPS) - 1:
        count, step = count / KIB, step + 1
    return f"{count:.0f} B" if step == 0 else f"{count:.1f} {STEPS[step]}"


def clock_of(seconds: float) -> str:
    """«1:02:03», «0:00:12»."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
