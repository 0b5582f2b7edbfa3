"""One recording, sent here and now, without a queue on the disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from recordings_client.announcing import announcement
from recordings_client.option_types import KIB
from recordings_client.options import ClientSettings
from recordings_client.queue_file import Queue
from recordings_client.reading import fingerprint, place_of
from recordings_client.tasks import COMPLETED, ENDED, Task
from recordings_client.walk import Walk

if TYPE_CHECKING:
    from recordings_client.upload_client import RecordingUploadClient


def upload(
    client: RecordingUploadClient,
    video: Path,
    metadata: Path | str | None,
    on_progress: Callable[[int, int], None] | None,
) -> str:
    """The `file_id` of the available recording. Raises ApiError, after `client.max_retries`."""
    queue = Queue()
    video, described = place_of(video), Path(metadata) if metadata else None
    known = fingerprint(video)
    said = announcement(video, known.size, described, direct=False)
    queue.add(video, known, described, said)
    told = on_progress or (lambda sent, size: None)
    chunk = ClientSettings.chunk_size_mb * KIB * KIB
    walk = Walk(client, queue, client.max_retries, chunk, on_progress=told)
    try:
        return _walked(queue, walk)
    finally:
        queue.close()


def _walked(queue: Queue, walk: Walk) -> str:
    while True:
        task = _due(queue)
        error = walk.take(task)
        after = queue.find(task.id)
        if after is not None and after.status in ENDED:
            if error is not None and after.status != COMPLETED:
                raise error
            return str(after.session_id)


def _due(queue: Queue) -> Task:
    """The only task, once it is due."""
    while (task := queue.claim(time.time())) is None:
        time.sleep(max(0.01, queue.tasks()[0].due - time.time()))
    return task
