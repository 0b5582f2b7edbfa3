"""`recordings doctor`: looks at all that sending needs, and says what to do about each."""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

from recordings_client.cli import exits
from recordings_client.cli.configuring import client_of, file_of, settings_for, usual_file
from recordings_client.cli.exits import DONE, FAILED, Quit
from recordings_client.cli.queueing import is_sent_from
from recordings_client.cli.screen import Screen, size_of
from recordings_client.errors import ApiError
from recordings_client.options import ClientSettings
from recordings_client.queue_file import Queue
from recordings_client.tasks import FAILED as TASK_FAILED
from recordings_client.upload_client import HERE
from recordings_client.wire import Wire

CLOCK_SECONDS = 60.0
"""Further off, hours for sending are others than is meant, and certificates may seem invalid."""
LEAST_FREE = 100 * 1024 * 1024
"""Bytes that the queue's disk should have; the queue itself takes about 1 KiB a file."""


@dataclass(frozen=True)
class Finding:
    """`do`: a sentence what to do, empty if nothing is to be done. `exit`: the code if that is
    what is wrong."""

    check: str
    ok: bool
    found: str
    do: str = ""
    exit: int = FAILED


def run(args: argparse.Namespace, screen: Screen) -> int:
    findings = list(_findings(args))
    for each in findings:
        mark = "ok   " if each.ok else "WRONG"
        screen.result(f"{mark}  {each.check}: {each.found}", *[f"       {each.do}"] * bool(each.do))
    code = next((each.exit for each in findings if not each.ok), DONE)
    screen.json({"checks": [_told(each) for each in findings], "exit": code})
    return code


def _told(finding: Finding) -> dict[str, object]:
    return {name: value for name, value in asdict(finding).items() if name != "exit"}


def _findings(args: argparse.Namespace) -> Iterator[Finding]:
    try:
        settings = settings_for(args)
    except Quit as wrong:
        yield Finding("configuration", False, wrong.sentence, "Correct it.", wrong.code)
        return
    except ApiError as error:
        do = "Write the token anew."
        yield Finding("token", False, error.message, do, exits.TOKEN)
        return
    yield _configuration(args, settings)
    if settings.base_url:
        yield from _portal(settings)
        yield _token(settings)
    yield _disk(settings.state_dir)
    yield _queue(settings.state_dir)


def _configuration(args: argparse.Namespace, settings: ClientSettings) -> Finding:
    path = file_of(args)
    place = f"{path} and the environment" if path else "the environment alone"
    if not settings.base_url:
        do = f"Set RECORDINGS_BASE_URL, or api.base_url in {usual_file()}."
        return Finding("configuration", False, f"base_url is missing in {place}.", do, exits.USAGE)
    address = urlsplit(settings.base_url)
    found = f"from {place}; the portal is {settings.base_url}"
    if address.scheme == "http" and address.hostname not in HERE:
        do = "The token travels readable: use https in base_url."
        return Finding("configuration", False, found, do, exits.USAGE)
    return Finding("configuration", True, found)


def _portal(settings: ClientSettings) -> Iterator[Finding]:
    """Whether it answers, and how far apart the clocks are."""
    begun = time.monotonic()
    try:
        answer = Wire(settings.base_url, None, settings.upload_timeout).ask("GET", "/health")
    except ApiError as error:
        do = "Look at the network, the proxy and base_url, which ends with /api."
        if error.code == "tls":
            do = "Let REQUESTS_CA_BUNDLE name the file with your organisation's certificates."
        yield Finding("portal", False, error.message, do, exits.SERVER)
        return
    took = time.monotonic() - begun
    yield Finding("portal", True, f"answers in {1000 * took:.0f} ms")
    if date := answer.headers.get("Date"):
        yield _clock(date)


def _clock(date: str) -> Finding:
    off = (datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds()
    found = f"{abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} the portal's"
    if abs(off) <= CLOCK_SECONDS:
        return Finding("clock", True, found)
    return Finding("clock", False, found, "Set it, and let it be kept by NTP.")


def _token(settings: ClientSettings) -> Finding:
    try:
        client_of(settings).check_connection()
    except Quit as missing:
        return Finding("token", False, missing.sentence, "", missing.code)
    except ApiError as error:
        code = exits.of_kind(type(error).__name__)
        do = "Ask an administrator of the portal for a token with the scope upload."
        other = "It can be looked at once the portal answers."
        return Finding("token", False, error.message, do if code == exits.TOKEN else other, code)
    return Finding("token", True, "accepted")


def _disk(folder: Path) -> Finding:
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    free = shutil.disk_usage(there).free
    found = f"{size_of(free)} free for {folder}"
    if not os.access(there, os.W_OK):
        do = "Let this account write there, or set state_dir."
        return Finding("disk", False, f"{folder} cannot be written to.", do, exits.LOCAL)
    if free < LEAST_FREE:
        return Finding("disk", False, found, "Make room, or set state_dir.", exits.LOCAL)
    return Finding("disk", True, found)


def _queue(folder: Path) -> Finding:
    path = folder / "queue.sqlite3"
    if not path.exists():
        return Finding("queue", True, "empty; nothing was ever queued")
    try:
        queue = Queue(path)
        counts = queue.counts()
        queue.close()
    except (sqlite3.Error, OSError) as error:
        do = f"Move {path} away; then queue the recordings again, which may send some twice."
        if isinstance(error, OSError | sqlite3.OperationalError):
            do = "Keep it: the disk is full, or this account has no right to write there."
        return Finding("queue", False, f"{path} cannot be used: {error}", do, exits.LOCAL)
    told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items())) or "empty"
    sender = "somebody sends" if is_sent_from(folder) else "nobody sends at this moment"
    if counts.get(TASK_FAILED):
        do = "«recordings status» tells why; «recordings retry» tries again."
        return Finding("queue", False, f"{told}; {sender}", do)
    return Finding("queue", True, f"{told}; {sender}")
