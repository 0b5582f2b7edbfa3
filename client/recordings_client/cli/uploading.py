"""`recordings upload`: queue files and send them, until their bytes have arrived or longer."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from recordings_client.cli import exits
from recordings_client.cli.configuring import client_of, settings_for
from recordings_client.cli.exits import USAGE, Quit
from recordings_client.cli.happening import (
    AVAILABLE,
    CHECKING,
    GIVEN_UP,
    SENDING,
    Happening,
    sentence_for,
    told_of,
    word_for,
)
from recordings_client.cli.progress import Display, display_for
from recordings_client.cli.screen import Screen
from recordings_client.errors import ApiError
from recordings_client.finding import Closed, metadata_of, recordings_in
from recordings_client.hours import seconds_until_open
from recordings_client.tasks import ENDED, FAILED, Task
from recordings_client.upload_manager import TICK, UploadManager

OURS = ("filename", "file_size", "sha256", "file_hash", "direct", "connection_info", "metadata")
"""What --set does not say: it follows from the file, or is no text."""
GO_ON = "«recordings upload» without a file, or «recordings watch», goes on where the portal is."


def run(args: argparse.Namespace, screen: Screen) -> int:
    settings = settings_for(args)
    if args.parallel:
        settings = replace(settings, max_concurrent_uploads=args.parallel)
    manager = UploadManager(client_of(settings), settings)
    try:
        refused: list[dict[str, str]] = []
        wanted = list(_queued(args, manager, screen, refused))
        _say_when(manager, screen)
        manager.start()
        happening = Happening(manager.queue)
        with display_for(screen) as display:
            _follow(manager, happening, wanted, args.wait, screen, display)
        return _told(manager, wanted, refused, screen)
    except KeyboardInterrupt:
        screen.note("", _stopped(manager))  # a terminal has written ^C before
        raise
    finally:
        manager.stop()


def _queued(
    args: argparse.Namespace, manager: UploadManager, screen: Screen, refused: list[dict[str, str]]
) -> Iterator[str]:
    """The ids of the tasks; without a file, of all that wait."""

    def refuse(path: Path, error: ApiError) -> None:
        screen.note(f"{path.name}: {error.message}")
        refused.append({"path": str(path), "error": error.message})

    details = _details(args)
    if not args.paths:
        manager.retry_hindered()
        yield from (each.id for each in manager.queue.tasks() if each.status not in ENDED)
    for path, metadata in _files(args, refuse):
        try:
            yield manager.queue_upload(path, metadata, details)
        except ApiError as error:
            refuse(path, error)


def _files(args: argparse.Namespace, closed: Closed) -> Iterator[tuple[Path, Path | None]]:
    for path in map(Path, args.paths):
        if path.is_dir():
            found = sorted(recordings_in(path, closed))
            yield from ((video, metadata_of(video)) for _, video in found)
        else:
            yield path, Path(args.metadata) if args.metadata else metadata_of(path)


def _details(args: argparse.Namespace) -> dict[str, str]:
    """Raises Quit for what cannot be said so."""
    if args.metadata and (len(args.paths) != 1 or Path(args.paths[0]).is_dir()):
        raise Quit("--metadata belongs to one file; name one, and no folder.", USAGE)
    said = {"session_id": args.session_id} if args.session_id else {}
    for each in args.set or []:
        name, equals, value = each.partition("=")
        if not (name and equals) or name in OURS:
            raise Quit(f"--set {name}: write NAME=VALUE, with a name of your own.", USAGE)
        said[name] = value
    return said


def _say_when(manager: UploadManager, screen: Screen) -> None:
    wait = seconds_until_open(manager.settings.upload_windows, datetime.now())
    if wait:
        opens = datetime.fromtimestamp(time.time() + wait)
        screen.note(f"upload_windows allow sending from {opens:%a %H:%M} on; until then, we wait.")


def _follow(
    manager: UploadManager,
    happening: Happening,
    wanted: list[str],
    wait: bool,
    screen: Screen,
    display: Display,
) -> None:
    """Show what happens until each of these is where it is to be."""
    known = {each: manager.queue.find(each) for each in wanted}
    while not all(_is_there(task, wait) for task in known.values()):
        time.sleep(TICK / 2)
        for word, task in happening.look():
            if task.id in known:
                known[task.id] = task
                show(word, task, screen, display)


def show(word: str, task: Task, screen: Screen, display: Display) -> None:
    """One look at one task. Its end is a result, and is told with the others."""
    if word_for(task) == SENDING and task.sent < task.known.size:
        display.moved(task.id, task.path.name, task.sent, task.known.size)
    else:
        display.over(task.id)
    if word and word not in (AVAILABLE, GIVEN_UP):
        screen.note(sentence_for(word, task))


def _is_there(task: Task | None, wait: bool) -> bool:
    """A task that another process has dropped is over, too."""
    if task is None or task.status in ENDED:
        return True
    return not wait and word_for(task) == CHECKING


def _told(
    manager: UploadManager, wanted: list[str], refused: list[dict[str, str]], screen: Screen
) -> int:
    """Tell what became of all; returns the exit code."""
    tasks = [task for each in dict.fromkeys(wanted) if (task := manager.queue.find(each))]
    for task in tasks:
        screen.result(sentence_for(word_for(task, CHECKING), task))
    if not tasks and not refused:
        screen.result("There is nothing to send.")
    failed = [each for each in tasks if each.status == FAILED]
    if failed:
        screen.note("What failed stays in the queue: «recordings retry» tries it again.")
    codes = [exits.of_kind(each.error_kind) for each in failed]
    code = exits.worst(codes + [exits.FAILED] * len(refused))
    screen.json({"files": [told_of(each) for each in tasks], "refused": refused, "exit": code})
    return code


def _stopped(manager: UploadManager) -> str:
    open_tasks = [each for each in manager.queue.tasks() if each.status not in ENDED]
    if not manager.is_sender:
        return f"Stopped looking; another process goes on sending {len(open_tasks)} file(s)."
    return f"Stopped; {len(open_tasks)} file(s) stay in the queue, with all that arrived. {GO_ON}"
