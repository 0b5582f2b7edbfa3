"""The functions that the queue may call, and nothing else. Each may run twice; none minds."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from flask import current_app

from jobs.left_behind import sweep_left_behind
from portal import queue
from portal.core import (
    approvals,
    assembly,
    deletion,
    disks,
    ending,
    holding,
    leases,
    orphans,
    playing,
    reconcile,
    rolling,
    storage_checks,
)
from portal.core.audit import SYSTEM, checking, seals
from portal.core.leases import Lease, LeaseLost
from portal.core.metrics import rolling_up
from portal.core.retention import clock, planning, running
from portal.core.transaction import utc_now
from portal.db import db, session_maker
from portal.storage import seal_key, seals_outside, stores
from storage_backends import StorageFull, StorageUnavailable

log = logging.getLogger(__name__)


def assemble_upload(upload_id: str) -> None:
    _under_lease(
        assembly.KIND,
        upload_id,
        lambda lease: assembly.assemble(db.session, stores, upload_id, lease),
    )


def purge_recording(recording_id: str) -> None:
    keep = current_app.config["SETTINGS"].keep
    _under_lease(
        deletion.KIND,
        recording_id,
        lambda lease: deletion.purge(db.session, stores, recording_id, keep, lease),
    )


def expire_uploads() -> None:
    _alone("expire_uploads", _expire_uploads)


def expire_approvals() -> None:
    _alone("expire_approvals", lambda: approvals.expire(db.session, utc_now()))


def look_at_the_clock() -> None:
    _alone("look_at_the_clock", _look_at_the_clock)


def watch_disks() -> None:
    _alone("watch_disks", lambda: disks.watch(db.session, stores))


def run_retention() -> None:
    """The nightly run, if it is time; after a jump of the clock it waits."""
    _alone(running.KIND, _run_retention)


def plan_retention(policy: str) -> None:
    """The dates of all recordings by new rules; whichever are in force when it runs."""
    _under_lease(planning.KIND, policy, _plan_retention)


def end_play_sessions() -> None:
    _alone("end_play_sessions", lambda: playing.end_left(db.session, utc_now()))


def reconcile_uploads() -> None:
    _alone("reconcile_uploads", _reconcile_uploads)


def reconcile_objects() -> None:
    _alone("reconcile_objects", _reconcile_objects)


def fill_legal_cases() -> None:
    _alone("fill_legal_cases", lambda: holding.catch_up(db.session))


def seal_audit() -> None:
    _alone("seal_audit", lambda: int(seals.seal(db.session, seals_outside, seal_key)[1]))


def roll_up_metrics() -> None:
    _alone("roll_up_metrics", lambda: rolling_up.run(db.session, utc_now()))


def verify_audit(check_id: str) -> None:
    """One check of the audit log, as somebody has asked for it."""
    _alone(checking.KIND, lambda: _verify_audit(check_id))


def verify_audit_nightly() -> None:
    _alone(checking.KIND, lambda: _verify_audit(checking.ask(db.session, SYSTEM).id))


def verify_recording(recording_id: str) -> None:
    """One recording, as somebody has asked for it."""

    def run(lease: Lease) -> None:
        rolling.verify_asked(db.session, stores, recording_id)
        leases.finish(db.session, lease)

    _under_lease(rolling.KIND, recording_id, run)


def check_storage(check_id: str) -> None:
    """One test of a storage, as somebody has asked for it."""

    def run(lease: Lease) -> None:
        if not storage_checks.run(db.session, stores, check_id):
            log.error("A storage does not work as it should; see the page of storages.")
        leases.finish(db.session, lease)

    _under_lease(storage_checks.KIND, check_id, run)


def check_storages() -> None:
    """Once a day: all of them."""
    _alone("check_storages", _check_storages)


def verify_oldest() -> None:
    """A slice of the rolling verification; after a larger one, the next ones are skipped."""
    settings = current_app.config["SETTINGS"]

    def run(lease: Lease) -> None:
        begun = time.monotonic()
        most = settings.verify_rate * rolling.SLICE
        done = rolling.run(db.session, stores, settings.verify_period, most)
        paid = done.size / settings.verify_rate if done.size > most else 0
        leases.rest(db.session, lease, max(0, paid - (time.monotonic() - begun)))

    _under_lease("verify_oldest", "", run)


TASKS: dict[str, Callable[..., None]] = {
    f"jobs.tasks.{task.__name__}": task
    for task in (
        assemble_upload,
        purge_recording,
        expire_uploads,
        expire_approvals,
        look_at_the_clock,
        watch_disks,
        run_retention,
        plan_retention,
        end_play_sessions,
        reconcile_uploads,
        reconcile_objects,
        fill_legal_cases,
        roll_up_metrics,
        seal_audit,
        verify_audit,
        verify_audit_nightly,
        verify_oldest,
        verify_recording,
        check_storage,
        check_storages,
    )
}


def _expire_uploads() -> int:
    late = ending.expire(db.session, utc_now())
    for upload_id in late:
        ending.tidy(db.session, stores, upload_id)
    return len(late)


def _check_storages() -> int:
    for storage_id in stores.ids(db.session):
        check = storage_checks.ask(db.session, stores, SYSTEM, storage_id)
        queue.ring(storage_checks.KIND, check.id)
    return 0


def _look_at_the_clock() -> int:
    clock.beat(db.session, utc_now())
    return 0


def _run_retention() -> int:
    settings, now = current_app.config["SETTINGS"], utc_now()
    if not running.due(db.session, now):
        return 0
    how = running.How(settings.keep, settings.retention_grace)
    return running.run(db.session, SYSTEM, now, how).looked


def _plan_retention(lease: Lease) -> None:
    planning.plan_all(db.session)
    leases.finish(db.session, lease)


def _verify_audit(check_id: str) -> int:
    verdict = checking.run(db.session, seals_outside, seal_key.public, check_id)
    return verdict.checked if verdict else 0


def _reconcile_uploads() -> int:
    for waiting in reconcile.waiting_uploads(db.session, utc_now()):
        queue.ring(assembly.KIND, waiting.upload_id, waiting.epoch)
    for recording_id in deletion.waiting(db.session):
        queue.ring(deletion.KIND, recording_id)
    for check_id in checking.waiting(db.session):
        queue.ring(checking.KIND, check_id)
    for recording_id in rolling.waiting(db.session):
        queue.ring(rolling.KIND, recording_id)
    for check_id in storage_checks.waiting(db.session):
        queue.ring(storage_checks.KIND, check_id)
    for policy in planning.waiting(db.session):
        queue.ring(planning.KIND, policy)
    return reconcile.tidy_ended(db.session, stores)


def _reconcile_objects() -> int:
    sweep_left_behind(Path(tempfile.gettempdir()))
    found = orphans.compare(db.session, stores, utc_now())
    for lost in found.missing:
        log.error("The object of a recording is missing: %s in %s", lost.key, lost.storage_id)
    for storage_id, why in found.silent.items():
        log.error("The storage %s was not compared: %s", storage_id, why)
    for stray in found.strays:
        log.warning("An object belongs to no recording: %s in %s", stray.key, stray.storage_id)
    return found.swept


def _alone(kind: str, work: Callable[[], int]) -> None:
    """Periodic work, by one worker at a time."""

    def run(lease: Lease) -> None:
        count = work()
        if leases.finish(db.session, lease) and count:
            log.info("%s: %d", kind, count)

    _under_lease(kind, "", run)


def _under_lease(kind: str, object_id: str, work: Callable[[Lease], None]) -> None:
    """Run the work if nobody else does. A failure is kept on the job's row and tried again."""
    seconds = current_app.config["SETTINGS"].lease_seconds
    lease = leases.claim(db.session, kind, object_id, seconds)
    if lease is None:
        return
    with leases.kept_alive(session_maker(), lease, seconds):
        try:
            work(lease)
            if object_id:
                log.info("%s: the worker is through with %s", kind, object_id)
        except LeaseLost as lost:
            log.warning("%s", lost)
        except Exception as error:
            _put_off(kind, object_id, lease, error)
            raise


def _put_off(kind: str, object_id: str, lease: Lease, error: Exception) -> None:
    waits = isinstance(error, StorageUnavailable | StorageFull)
    delay = leases.put_off(db.session, lease, f"{type(error).__name__}: {error}", waits)
    if object_id and delay is not None:
        queue.ring(kind, object_id, lease.epoch, delay + timedelta(seconds=1))
