"""The queue is a doorbell: what happens when it is lost, emptied, or written to by an attacker."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from redis import Redis
from rq import Queue
from rq.job import Job
from rq.serializers import DefaultSerializer, JSONSerializer, Serializer

from portal.config import Settings
from portal.queue import NAME, connect
from tests.conftest import Portal, Tus, upload_id
from tests.waiting import wait_for


@pytest.fixture
def redis(portal: Portal) -> Redis:
    return connect(Settings.from_env(portal.environment).redis_address)


def send(tus: Tus, content: bytes = b"not media at all") -> str:
    path = tus.begin(len(content))
    assert tus.patch(path, 0, content).status_code == 204
    return upload_id(path)


@pytest.mark.parametrize("serializer", [JSONSerializer, DefaultSerializer])
def test_whoever_can_write_to_redis_cannot_run_code(
    portal: Portal, redis: Redis, tmp_path: Path, serializer: Serializer
) -> None:
    proof = tmp_path / "proof"
    queue = Queue(NAME, connection=redis, serializer=serializer)
    job = queue.enqueue("os.system", f"touch {proof}", on_failure=None)
    wait_for(lambda: Job.fetch(job.id, redis, serializer=serializer).is_failed)
    assert not proof.exists()


def test_callbacks_out_of_redis_are_not_run_either(
    portal: Portal, redis: Redis, tmp_path: Path
) -> None:
    queue = Queue(NAME, connection=redis, serializer=JSONSerializer)
    job = queue.prepare_data("jobs.tasks.expire_uploads")
    created = queue.create_job(job.func, args=[])
    created._success_callback_name = "os.system"  # would fail the job if it were called
    created.result_ttl = 60
    queue.enqueue_job(created)
    wait_for(lambda: Job.fetch(created.id, redis, serializer=JSONSerializer).is_finished)


def can_write(portal: Portal) -> bool:
    """Whether no process holds SQLite's one write lock."""
    with closing(sqlite3.connect(portal.data / "portal.sqlite3", timeout=0.2)) as database:
        try:
            database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        return True


def suspend_between_writes(portal: Portal, workers: list[psutil.Process]) -> bool:
    """A worker that is stopped in the middle of a write would keep everybody else from writing."""
    for worker in workers:
        worker.suspend()
    if can_write(portal):
        return True
    for worker in workers:
        worker.resume()
    return False


def test_an_emptied_queue_loses_no_upload(portal: Portal, tus: Tus, redis: Redis) -> None:
    workers = [psutil.Process(pid) for pid in portal.children("jobs.worker")]
    wait_for(lambda: suspend_between_writes(portal, workers))
    try:
        sent = [send(tus) for _ in range(3)]
        redis.flushall()
    finally:
        for worker in workers:
            worker.resume()
    for each in sent:
        assert portal.recording(each)


def test_uploads_are_taken_while_redis_is_being_restarted(portal: Portal, tus: Tus) -> None:
    valkey = psutil.Process(portal.children("valkey-server")[0])
    valkey.send_signal(signal.SIGKILL)
    sent = [send(tus) for _ in range(3)]
    for each in sent:
        assert portal.recording(each, seconds=40)


def test_the_periodic_jobs_run_in_one_cron(portal: Portal) -> None:
    assert len(portal.children("jobs.schedule")) == 1
    query = "SELECT epoch FROM job WHERE kind = 'reconcile_uploads' AND epoch >= 2"
    assert wait_for(lambda: portal.rows(query))
