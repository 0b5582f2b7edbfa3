"""Background work and who owns it: a lease with an epoch, kept in the job table.

The queue may lose a job, or run one twice at once. A lease lets one runner in at a time, and the
epoch, looked at in the transaction of the irreversible step, keeps a runner out that lost it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.core.models import Job
from portal.core.transaction import utc_now, writing

FIRST_RETRY = timedelta(seconds=2)
LAST_RETRY = timedelta(minutes=15)
ENDED = ("done", "failed")
"""States after which more work on the same thing is new work, whose attempts count anew."""


@dataclass(frozen=True)
class Lease:
    """The right to do one piece of work, until another runner raises the epoch."""

    job_id: str
    epoch: int
    attempt: int = 1


class LeaseLost(Exception):
    """Another runner has taken this work over; undo what is not committed and stop."""


def job_id(kind: str, object_id: str = "") -> str:
    return f"{kind}-{object_id}" if object_id else kind


def claim(session: Session, kind: str, object_id: str, seconds: float) -> Lease | None:
    """The lease on this work for so many seconds, or None while somebody else holds it."""
    try:
        return _claim(session, kind, object_id, seconds)
    except IntegrityError:  # somebody else has made the row between our look and our insert
        return None


def _claim(session: Session, kind: str, object_id: str, seconds: float) -> Lease | None:
    with writing(session):
        now = utc_now()  # not before: the write lock may have been waited for
        row = session.get(Job, job_id(kind, object_id), with_for_update=True)
        if row is None:
            row = Job(id=job_id(kind, object_id), kind=kind, object_id=object_id or None)
            row.epoch, row.attempts, row.waits, row.created_at = 0, 0, 0, now
            session.add(row)
        elif row.lease_until is not None and row.lease_until > now:
            return None
        if row.state in ENDED:
            row.attempts = row.waits = 0
        row.epoch += 1
        row.attempts += 1
        row.state, row.error = "running", None
        row.started_at, row.ended_at = now, None
        row.lease_until = now + timedelta(seconds=seconds)
        return Lease(row.id, row.epoch, row.attempts - row.waits)


def extend(session: Session, lease: Lease, seconds: float) -> bool:
    """Keep the lease for so many seconds from now. False once it is lost."""
    with writing(session):
        until = utc_now() + timedelta(seconds=seconds)
        changed = session.execute(
            update(Job)
            .where(Job.id == lease.job_id, Job.epoch == lease.epoch, Job.state == "running")
            .values(lease_until=until)
        )
        return bool(changed.rowcount)  # type: ignore[attr-defined]


def close(session: Session, lease: Lease, state: str, error: str | None = None) -> None:
    """Mark the work `done`, `failed` or `waiting`, inside the transaction of its last step.

    Raises LeaseLost if a newer epoch exists: then nothing of the transaction may be committed.
    """
    changed = session.execute(
        update(Job)
        .where(Job.id == lease.job_id, Job.epoch == lease.epoch, Job.state == "running")
        .values(state=state, error=error, lease_until=None, ended_at=utc_now())
    )
    if not changed.rowcount:  # type: ignore[attr-defined]
        raise LeaseLost(f"{lease.job_id}: another worker has taken over.")


def finish(session: Session, lease: Lease) -> bool:
    """Close work that has no last step of its own. False if the lease was lost meanwhile."""
    try:
        with writing(session):
            close(session, lease, "done")
    except LeaseLost:
        return False
    return True


def rest(session: Session, lease: Lease, seconds: float) -> None:
    """Close work that is done for now, and that nobody may begin again before so many seconds."""
    with writing(session):
        close(session, lease, "waiting")
        until = utc_now() + timedelta(seconds=seconds)
        resting = {"lease_until": until, "attempts": 0, "waits": 0}
        session.execute(update(Job).where(Job.id == lease.job_id).values(resting))


def put_off(session: Session, lease: Lease, error: str, waits: bool = False) -> timedelta | None:
    """After a failure: nobody may try again before this time has passed. None if lost already.

    `waits`: the work itself was not to blame, so this attempt does not count against it.
    """
    with writing(session):
        attempts = session.scalar(select(Job.attempts).where(Job.id == lease.job_id)) or 1
        delay = min(FIRST_RETRY * 2 ** min(attempts - 1, 16), LAST_RETRY)
        changed = session.execute(
            update(Job)
            .where(Job.id == lease.job_id, Job.epoch == lease.epoch, Job.state == "running")
            .values(
                state="waiting",
                error=error,
                lease_until=utc_now() + delay,
                waits=Job.waits + int(waits),
            )
        )
        return delay if changed.rowcount else None  # type: ignore[attr-defined]


@contextmanager
def kept_alive(make_session: Callable[[], Session], lease: Lease, seconds: float) -> Iterator[None]:
    """Extends the lease from a thread of its own, three times as often as needed."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(seconds / 3):
            with make_session() as session:
                if not extend(session, lease, seconds):
                    return

    thread = threading.Thread(target=beat, name=f"lease {lease.job_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
