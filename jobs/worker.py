"""A worker process: builds the application once, then forks for each job.

`python -m jobs.worker`. Whoever can write to Redis can still not make it run anything but TASKS.
"""

from __future__ import annotations

import contextlib
import logging
import os
import stat
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from rq import Worker
from rq.job import Job
from rq.serializers import JSONSerializer

from jobs.tasks import TASKS
from portal import queue
from portal.app import create_app
from portal.config import Settings

LEFT_AFTER = 24 * 3600
"""Seconds, several times as long as a job may take."""

LEFT_BEHIND = ("facts.json", "part.jpg", "thumbnail.jpg", "peaks.json", "playback.m4a")
"""The files in which portal.core.content puts what it found."""


class AllowedJob(Job):
    """A job out of our own list. RQ alone would import and call any dotted name that it reads."""

    success_callback = failure_callback = stopped_callback = None  # type: ignore[assignment]

    @property
    def func(self) -> Callable[..., None]:
        if self.func_name not in TASKS:
            raise PermissionError(f"{self.func_name!r} is no task of this portal.")
        return TASKS[self.func_name]

    def send_webhooks(self, *args: Any, **options: Any) -> None:
        """Nothing read from Redis may make us call an address."""


def sweep_left_behind(folder: Path) -> None:
    """Remove the temporary folders of workers that were killed. The folder they are in is
    everybody's: one that holds anything else stays."""
    for each in folder.glob("portal-????????"):
        with contextlib.suppress(OSError):  # it is not empty, or another worker was faster
            if _is_left_behind(each.lstat()):
                for name in LEFT_BEHIND:
                    (each / name).unlink(missing_ok=True)
                each.rmdir()


def _is_left_behind(about: os.stat_result) -> bool:
    old = about.st_mtime < time.time() - LEFT_AFTER
    return old and stat.S_ISDIR(about.st_mode) and about.st_uid == os.getuid()


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    sweep_left_behind(Path(tempfile.gettempdir()))
    # What workers finish is final: it survives a power cut under any setting.
    app = create_app(replace(Settings.from_env(), durability="strict"))
    with app.app_context():
        worker = Worker(
            [queue.NAME],
            connection=app.extensions["redis"],
            job_class=AllowedJob,
            serializer=JSONSerializer,
            maintenance_interval=30,
            job_monitoring_interval=10,
            worker_ttl=90,
        )
        worker.work(with_scheduler=True, logging_level="WARNING")


if __name__ == "__main__":
    main()
