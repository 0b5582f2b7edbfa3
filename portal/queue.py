"""The doorbell of the workers: the only module on the web's side that knows RQ.

What has to be done stands in the database. A ring that is lost is rung again by `reconcile`.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import current_app
from redis import Redis, RedisError
from rq import Queue, Worker
from rq.exceptions import DuplicateJobError
from rq.serializers import JSONSerializer

from portal import logs

NAME = "portal"
JOB_SECONDS = 6 * 3600
SILENT = timedelta(seconds=120)
"""A worker beats every 90 seconds or more often; after this it is gone."""
log = logging.getLogger(__name__)


def connect(url: str) -> Redis:
    """A connection that gives up after seconds: a frozen Redis must not freeze an upload."""
    return Redis.from_url(url, socket_connect_timeout=2, socket_timeout=5)


@dataclass(frozen=True)
class WorkerSeen:
    """A worker process: its name, what it does, and when it was last heard of."""

    name: str
    state: str
    seen_at: datetime | None

    @property
    def alive(self) -> bool:
        return self.seen_at is not None and self.seen_at > datetime.now(UTC) - SILENT


def workers() -> list[WorkerSeen] | None:
    """The workers that Redis knows of; None if it is away."""
    try:
        found = Worker.all(connection=_redis(), serializer=JSONSerializer)
    except RedisError as error:
        log.warning("The workers cannot be asked for: %s", error)
        return None
    return [_seen(each) for each in found]


def _seen(worker: Worker) -> WorkerSeen:
    beat = worker.last_heartbeat
    return WorkerSeen(worker.name, str(worker.get_state()), beat and beat.replace(tzinfo=UTC))


def waiting() -> int | None:
    """How many rings nobody has answered yet; None if Redis is away."""
    try:
        return Queue(NAME, connection=_redis(), serializer=JSONSerializer).count
    except RedisError as error:
        log.warning("The queue cannot be asked: %s", error)
        return None


def ping() -> float | None:
    """The seconds that Redis takes to answer; None if it is away."""
    begun = time.perf_counter()
    try:
        _redis().ping()
    except RedisError as error:
        log.warning("Redis does not answer: %s", error)
        return None
    return time.perf_counter() - begun


def _redis() -> Redis:
    found: Redis = current_app.extensions["redis"]
    return found


def ring(task: str, object_id: str, epoch: int = 0, delay: timedelta | None = None) -> bool:
    """Ask a worker to run jobs.tasks.<task>(object_id), now or later. False if Redis is away.

    Rings for one attempt that come at once make one job. One that comes later makes another:
    RQ may hold a job that a killed worker had taken and not begun. The lease sorts them out.
    """
    moment = int(time.time() / current_app.config["SETTINGS"].reconcile_seconds)
    queue = Queue(NAME, connection=_redis(), serializer=JSONSerializer)
    options = {
        "job_id": f"{task}-{object_id}-{epoch}-{moment}",
        "unique": True,
        "job_timeout": JOB_SECONDS,
        "result_ttl": 0,
        "failure_ttl": 24 * 3600,
        "meta": {"request_id": logs.request_id()},
    }
    name = f"jobs.tasks.{task}"
    try:
        if delay is None:
            queue.enqueue(name, object_id, **options)
        else:
            queue.enqueue_in(delay, name, object_id, **options)
    except DuplicateJobError:
        return True
    except RedisError as error:
        log.warning("The queue cannot be reached (%s); %s waits for reconcile.", error, name)
        return False
    return True
