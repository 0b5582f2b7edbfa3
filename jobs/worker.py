"""A worker process: builds the application once, then forks for each job.

`python -m jobs.worker`. Whoever can write to Redis can still not make it run anything but TASKS.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from rq import Worker
from rq.job import Job
from rq.serializers import JSONSerializer

from jobs.left_behind import sweep_left_behind
from jobs.tasks import TASKS
from portal import queue
from portal.app import create_app
from portal.config import Settings


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
