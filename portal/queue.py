"""The doorbell of the workers: the only module on the web's side that knows RQ.

What has to be done stands in the database. A ring that is lost is rung again by `reconcile`.
"""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from flask import current_app
from redis import Redis, RedisError
from rq import Queue
from rq.exceptions import DuplicateJobError
from rq.serializers import JSONSerializer

NAME = "portal"
JOB_SECONDS = 6 * 3600
log = logging.getLogger(__name__)


def connect(url: str) -> Redis:
    """A connection that gives up after seconds: a frozen Redis must not freeze an upload."""
    return Redis.from_url(url, socket_connect_timeout=2, socket_timeout=5)


def ring(task: str, object_id: str, epoch: int = 0, delay: timedelta | None = None) -> bool:
    """Ask a worker to run jobs.tasks.<task>(object_id), now or later. False if Redis is away.

    Rings for one attempt that come at once make one job. One that comes later makes another:
    RQ may hold a job that a killed worker had taken and not begun. The lease sorts them out.
    """
    moment = int(time.time() / current_app.config["SETTINGS"].reconcile_seconds)
    queue = Queue(NAME, connection=current_app.extensions["redis"], serializer=JSONSerializer)
    options = {
        "job_id": f"{task}-{object_id}-{epoch}-{moment}",
        "unique": True,
        "job_timeout": JOB_SECONDS,
        "result_ttl": 0,
        "failure_ttl": 24 * 3600,
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


def length() -> int | None:
    """How many rings no worker has heard yet; None if Redis is away."""
    try:
        return int(current_app.extensions["redis"].llen(Queue.redis_queue_namespace_prefix + NAME))
    except RedisError:
        return None
