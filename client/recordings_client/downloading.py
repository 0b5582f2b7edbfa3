"""A recording's bytes back on the disk, compared with its SHA-256, and continued after a cut."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from recordings_client import reading, retrying
from recordings_client.errors import ApiError, NetworkError, UploadError
from recordings_client.reading import BLOCK
from recordings_client.upload_client import RecordingUploadClient


def download(
    client: RecordingUploadClient,
    file_id: str,
    target: Path,
    on_progress: Callable[[int, int], None] = lambda received, size: None,
) -> Path:
    """Fetch a recording into `target`, or into this folder under its own name. What has arrived
    waits beside it, in `<file_id>.part`. Raises ApiError, after the client's tries
    without progress, and FileExistsError."""
    about = client.get_recording(file_id)
    path = target / Path(about["filename"]).name if target.is_dir() else target
    if path.exists():
        raise FileExistsError(f"{path} is there already; choose another name.")
    part = path.with_name(f"{Path(about['file_id']).name}.part")
    _fetch_all(client, about, part, on_progress)
    if reading.sha256_of(part) != about["sha256"]:
        part.unlink()
        raise UploadError("What arrived is not what the portal has; fetch it again.")
    part.rename(path)
    return path


def _fetch_all(
    client: RecordingUploadClient,
    about: dict[str, Any],
    part: Path,
    on_progress: Callable[[int, int], None],
) -> None:
    tries, size = 0, about["size"]
    while (at := part.stat().st_size if part.exists() else 0) < size:
        try:
            _fetch(client, about["file_id"], part, at, lambda now: on_progress(now, size))
        except ApiError as error:
            tries = 0 if part.exists() and part.stat().st_size > at else tries + 1
            if not error.retriable or tries > client.max_retries:
                raise
            time.sleep(retrying.delay(tries, error.retry_after))


def _fetch(
    client: RecordingUploadClient, file_id: str, part: Path, at: int, told: Callable[[int], None]
) -> None:
    with client.open_content(file_id, at) as answer, part.open("ab") as file:
        if at and answer.status_code != 206:
            file.truncate(0)
        for block in blocks(answer):
            file.write(block)
            told(file.tell())


def blocks(answer: Any) -> Any:
    """The body's bytes as they come. Raises NetworkError when it breaks off."""
    try:
        yield from answer.iter_content(BLOCK)
    except OSError as error:  # requests' errors are of this kind
        raise NetworkError("The connection broke while the recording came.") from error
