"""`recordings status` and `recordings retry`: what is in the queue. Neither asks the portal."""

from __future__ import annotations

import argparse
from pathlib import Path

from recordings_client.cli.configuring import settings_for
from recordings_client.cli.exits import DONE, FAILED, Quit
from recordings_client.cli.happening import SENDING, sentence_for, told_of, word_for
from recordings_client.cli.progress import how_far
from recordings_client.cli.screen import Screen
from recordings_client.lock import SenderLock
from recordings_client.queue_file import Queue
from recordings_client.reading import place_of
from recordings_client.tasks import COMPLETED, ENDED, Task
from recordings_client.tasks import FAILED as TASK_FAILED
from recordings_client.upload_manager import SENDER_LOCK

NOBODY = "Nobody sends at this moment: start «recordings watch», or «recordings upload»."


def status(args: argparse.Namespace, screen: Screen) -> int:
    folder = settings_for(args).state_dir
    queue = Queue(folder / "queue.sqlite3")
    tasks, counts, sending = queue.tasks(), queue.counts(), is_sent_from(folder)
    queue.close()
    shown = [each for each in tasks if args.all or each.status != COMPLETED]
    for task in shown:
        screen.result(line_for(task))
    screen.result(_counted(counts))
    if not sending and any(each.status not in ENDED for each in tasks):
        screen.note(NOBODY)
    code = FAILED if counts.get(TASK_FAILED) else DONE
    told = {"counts": counts, "sending": sending, "tasks": [told_of(each) for each in shown]}
    screen.json(told | {"exit": code})
    return code


def retry(args: argparse.Namespace, screen: Screen) -> int:
    folder = settings_for(args).state_dir
    queue = Queue(folder / "queue.sqlite3")
    failed = queue.tasks(TASK_FAILED)
    chosen = [each for each in failed if not args.tasks or _is_named(each, args.tasks)]
    again = [task for each in chosen if (task := queue.try_again(each.id))]
    queue.close()
    if args.tasks and not again:
        raise Quit("None of these has failed; «recordings status» shows what has.", FAILED)
    for task in again:
        screen.result(sentence_for(word_for(task), task))
    screen.result(f"{len(again)} file(s) to try again.")
    sending = is_sent_from(folder)
    if again and not sending:
        screen.note(NOBODY)
    screen.json({"tasks": [told_of(each) for each in again], "sending": sending, "exit": DONE})
    return DONE


def is_sent_from(folder: Path) -> bool:
    """Whether some process sends from the queue in this folder."""
    lock = SenderLock(folder / SENDER_LOCK)
    if not lock.path.exists():  # made by another account, it would keep the sender out
        return False
    free = lock.take()
    lock.give_back()
    return not free


def line_for(task: Task) -> str:
    word = word_for(task)
    if word != SENDING:
        return sentence_for(word, task)
    return f"{task.path.name}: {how_far(task.sent, task.known.size)}"


def _is_named(task: Task, names: list[str]) -> bool:
    """By its id, its path or its file's name."""
    paths = [place_of(Path(each)) for each in names]
    return task.id in names or task.path.name in names or task.path in paths


def _counted(counts: dict[str, int]) -> str:
    """«3 completed, 1 failed»."""
    parts = [f"{count} {status}" for status, count in sorted(counts.items())]
    return ", ".join(parts) or "The queue is empty."
