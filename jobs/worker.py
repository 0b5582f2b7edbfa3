"""A worker process: builds the application once, then forks for each job.

`python -m jobs.worker`. Whoever can write to Redis can still not make it run anything but TASKS.
"""

from __future__ import annotations

import logging
import re
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
from portal import logs, queue
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

    def perform(self) -> Any:
        """Its lines say which job it is, and which request has rung for it."""
        logs.carry(request_id=_request_of(self.meta), job=str(self.id))
        return super().perform()

    def send_webhooks(self, *args: Any, **options: Any) -> None:
        """Nothing read from Redis may make us call an address."""


def _request_of(meta: Any) -> str:
    """Whatever stands in Redis: only what looks like a number of ours comes into the log."""
    found = meta.get("request_id") if isinstance(meta, dict) else None
    return found if isinstance(found, str) and re.fullmatch("[0-9a-f]{32}", found) else ""


def main() -> None:
    settings = Settings.from_env()
    logs.begin(settings.log_format, "worker", logging.INFO)
    sweep_left_behind(Path(tempfile.gettempdir()))
    # What workers finish is final: it survives a power cut under any setting.
    app = create_app(replace(settings, durability="strict"))
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
