"""The periodic jobs, as one list, and the process that enqueues them: `python -m jobs.schedule`.

It is RQ's cron with the JSON serializer. One per installation is enough; a second one does no
harm, since each job takes a lease.
"""

from __future__ import annotations

from collections.abc import Callable

from redis import Redis
from rq import Queue
from rq.cron import CronJob, CronScheduler
from rq.job import Job
from rq.serializers import JSONSerializer

from jobs import tasks
from portal import logs, queue
from portal.config import Settings
from portal.core import rolling
from portal.core.retention import clock


def periodic(settings: Settings) -> list[CronJob]:
    return [
        every(settings.reconcile_seconds, tasks.reconcile_uploads),
        every(300, tasks.expire_uploads),
        every(300, tasks.expire_approvals),
        every(60, tasks.end_play_sessions),
        every(clock.SECONDS, tasks.look_at_the_clock),
        every(60, tasks.watch_disks),
        every(3600, tasks.run_retention),
        every(300, tasks.roll_up_metrics),
        every(6 * 3600, tasks.reconcile_objects),
        every(3600, tasks.fill_legal_cases),
        every(settings.seal_seconds, tasks.seal_audit),
        every(24 * 3600, tasks.verify_audit_nightly),
        every(24 * 3600, tasks.check_storages),
        every(rolling.SLICE, tasks.verify_oldest),
    ]


class JsonCronJob(CronJob):
    """RQ's own enqueues with pickle, which our workers refuse to read."""

    def enqueue(self, connection: Redis) -> Job:
        target = Queue(self.queue_name, connection=connection, serializer=JSONSerializer)
        return target.enqueue(self.func, **self.job_options)


def every(seconds: int, task: Callable[[], None]) -> CronJob:
    """A job that nobody has begun by the time of the next one is dropped."""
    return JsonCronJob(
        queue.NAME,
        task,
        interval=seconds,
        ttl=seconds,
        result_ttl=0,
        failure_ttl=24 * 3600,
        job_timeout=queue.JOB_SECONDS,
    )


def main() -> None:
    settings = Settings.from_env()
    logs.begin(settings.log_format, "schedule")
    scheduler = CronScheduler(queue.connect(settings.redis_address), logging_level="WARNING")
    scheduler.get_jobs().extend(periodic(settings))
    scheduler.start()


if __name__ == "__main__":
    main()
