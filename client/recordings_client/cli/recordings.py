"""`recordings list`, `download` and `verify`: what the portal has."""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path
from typing import Any

from recordings_client.cli.configuring import client_of, settings_for
from recordings_client.cli.exits import DIFFERS, DONE, FAILED, USAGE, Quit
from recordings_client.cli.progress import display_for
from recordings_client.cli.screen import Screen, size_of
from recordings_client.downloading import download as fetch
from recordings_client.errors import ApiError
from recordings_client.options import ClientSettings
from recordings_client.queue_file import Queue
from recordings_client.reading import fingerprint, place_of, sha256_of
from recordings_client.upload_client import RecordingUploadClient

FILTERS = ("state", "source", "session_id", "wats_user", "received_from", "received_to")


def listing(args: argparse.Namespace, screen: Screen) -> int:
    client = client_of(settings_for(args))
    wanted = {name: value for name in FILTERS if (value := getattr(args, name))}
    found = list(islice(client.list_recordings(**wanted), args.limit))
    for each in found:
        words = (each["file_id"], each["received_at"], each["status"], size_of(each["size"]))
        screen.result("  ".join((*words, each["filename"])))
    screen.note(f"{len(found)} recording(s).")
    screen.json({"recordings": found, "exit": DONE})
    return DONE


def download(args: argparse.Namespace, screen: Screen) -> int:
    client, target = client_of(settings_for(args)), Path(args.to)
    if len(args.file_ids) > 1 and not target.is_dir():
        raise Quit(f"{target} is no folder; several recordings need one.", USAGE)
    done = []
    try:
        with display_for(screen) as display:
            for file_id in args.file_ids:
                path = fetch(client, file_id, target, _moved(display, file_id))
                display.over(file_id)
                done.append({"file_id": file_id, "path": str(path)})
                screen.result(f"{path}: fetched, and its SHA-256 is that of the portal")
    except KeyboardInterrupt:
        said = "Stopped; what has arrived waits in a file .part. The same command goes on."
        screen.note("", said)  # a terminal has written ^C before
        raise
    screen.json({"downloaded": done, "exit": DONE})
    return DONE


def _moved(display: Any, file_id: str) -> Any:
    return lambda received, size: display.moved(file_id, file_id, received, size)


def verify(args: argparse.Namespace, screen: Screen) -> int:
    settings = settings_for(args)
    client, path = client_of(settings), place_of(Path(args.file))
    fingerprint(path)  # refuses what is no file with a sentence
    file_id = args.id or _sent_as(settings, path)
    theirs, ours = _sha256_at(client, file_id), sha256_of(path)
    same = ours == theirs
    word = "the same bytes as" if same else "other bytes than"
    screen.result(f"{path.name}: {word} {file_id}", f"  here   {ours}", f"  portal {theirs}")
    code = DONE if same else DIFFERS
    told = {"path": str(path), "file_id": file_id, "sha256": ours, "portal_sha256": theirs}
    screen.json(told | {"same": same, "exit": code})
    return code


def _sent_as(settings: ClientSettings, path: Path) -> str:
    """What the queue says that this file became. Raises Quit if it was not sent from here."""
    queue = Queue(settings.state_dir / "queue.sqlite3")
    sent = [each for each in queue.tasks() if each.path == path and each.session_id]
    queue.close()
    if not sent:
        reason = f"{path.name} was not sent from this queue"
        raise Quit(f"{reason}; name its recording: --id FILE_ID.", FAILED)
    return str(sent[-1].session_id)


def _sha256_at(client: RecordingUploadClient, file_id: str) -> str:
    """Of the stored bytes. The sender's token may ask for its upload, a reader's for the
    recording. Raises Quit if it does not stand yet, ApiError for what is not to be seen."""
    try:
        standing = client.status(file_id)
    except ApiError as error:
        if error.status not in (403, 404):
            raise
        return str(client.get_recording(file_id)["sha256"])
    if standing.sha256 is None:
        reason = standing.error or "It becomes a recording when all bytes are there and checked."
        raise Quit(f"The upload {file_id} is {standing.status} on the portal. {reason}", FAILED)
    return standing.sha256
