"""Background work as people look at it: what runs, what waits, why, and having it tried again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, literal, not_, or_, select, true, tuple_
from sqlalchemy.orm import Session

from portal.core import assembly, audit, deletion, recordings, rolling
from portal.core.accounts import Caller
from portal.core.models import Job, Recording, Upload
from portal.core.transaction import release, utc_now, writing

STATES = ("running", "waiting", "failed", "done", "stuck")
"""What a list can be asked for. `stuck` is no state of a row: see `_is_stuck`."""
KINDS = (
    "assemble_upload",
    "purge_recording",
    "verify_recording",
    "check_storage",
    "check_storages",
    "run_retention",
    "plan_retention",
    "watch_disks",
    "look_at_the_clock",
    "roll_up_metrics",
    "expire_uploads",
    "expire_approvals",
    "fill_legal_cases",
    "end_play_sessions",
    "reconcile_uploads",
    "reconcile_objects",
    "seal_audit",
    "verify_audit",
    "verify_oldest",
)
MOST = 1000
"""So many jobs are tried again in one go."""
OVERDUE = timedelta(minutes=5)
"""So long after its lease has ended a job should be taken over: reconcile rings every 30 s."""

PUT_OFF = and_(Job.state == "waiting", Job.attempts > 0)
"""It failed and waits for its next attempt. Periodic work rests in the same state, but nothing of
it was tried in vain."""

KEPT_OFF = and_(PUT_OFF, Job.waits > 0)
"""It waits for a storage that did not answer, or was full."""

Place = tuple[datetime, str]
"""Where a page of the list begins: before the job that started then."""


@dataclass(frozen=True)
class Asked:
    """What a list is asked for; None is all."""

    state: str | None = None
    kind: str | None = None


def page(
    session: Session, caller: Caller, limit: int, asked: Asked, before: Place | None = None
) -> tuple[Sequence[Job], Place | None]:
    """Jobs, the last started first, and where the next page begins. Raises NotAllowed."""
    query = select(Job).where(*_fits(caller, asked))
    if before is not None:
        query = query.where(tuple_(Job.started_at, Job.id) < tuple_(*map(literal, before)))
    query = query.order_by(Job.started_at.desc(), Job.id.desc()).limit(limit + 1)
    rows = session.scalars(query).all()
    release(session)
    last = rows[limit - 1] if len(rows) > limit else None
    return rows[:limit], (last.started_at, last.id) if last and last.started_at else None


def _fits(caller: Caller, asked: Asked) -> list[ColumnElement[bool]]:
    found = [Job.started_at.is_not(None), _in_reach(caller)]
    if asked.kind is not None:
        found.append(Job.kind == asked.kind)
    if asked.state == "stuck":
        found.append(_is_stuck(utc_now()))
    elif asked.state is not None:
        found.append(Job.state == asked.state)
    return found


def _in_reach(caller: Caller) -> ColumnElement[bool]:
    """All jobs but those whose upload or recording is beyond the caller's scope. Raises
    NotAllowed."""
    caller.must("see_work")
    if "operate" in caller.rights:
        return true()
    known = select(Recording.id).where(recordings.visible(caller))
    coming = select(Upload.id).where(recordings.uploads_visible(caller))
    about_one = Job.kind.in_((assembly.KIND, deletion.KIND, rolling.KIND))
    return or_(not_(about_one), Job.object_id.in_(known), Job.object_id.in_(coming))


def _is_stuck(now: datetime) -> ColumnElement[bool]:
    """Begun and never ended, or put off and never tried again, although its time has come."""
    over = Job.lease_until < now - OVERDUE
    return and_(over, or_(Job.state == "running", PUT_OFF))


def count_stuck(session: Session) -> int:
    found = session.scalar(select(func.count()).select_from(Job).where(_is_stuck(utc_now())))
    release(session)
    return found or 0


def said_by_storage(session: Session) -> str | None:
    """What the storage said to the latest job that waits for one; None if none does."""
    latest = select(Job.error).where(KEPT_OFF).order_by(Job.started_at.desc()).limit(1)
    found = session.scalar(latest)
    release(session)
    return found


def find(session: Session, caller: Caller, ids: Sequence[str]) -> Sequence[Job]:
    """These jobs, as far as they are there, and can be tried again. Raises NotAllowed."""
    caller.must("operate")
    found = session.scalars(select(Job).where(Job.id.in_(ids), can_retry())).all()
    release(session)
    return found


def matching(session: Session, caller: Caller, asked: Asked) -> Sequence[Job]:
    """The first that fit and can be tried again. Raises NotAllowed."""
    caller.must("operate")
    query = select(Job).where(*_fits(caller, asked), can_retry())
    found = session.scalars(query.order_by(Job.started_at.desc()).limit(MOST)).all()
    release(session)
    return found


def can_retry() -> ColumnElement[bool]:
    """Whether it makes sense: it waits for its next attempt, is stuck, or failed and its bytes are
    still there."""
    kept = select(Upload.id).where(
        Upload.id == Job.object_id, Upload.state == "failed", Upload.expires_at > utc_now()
    )
    failed = and_(Job.state == "failed", Job.kind == assembly.KIND, kept.exists())
    return or_(PUT_OFF, failed, _is_stuck(utc_now()))


def retry(session: Session, caller: Caller, ids: Sequence[str]) -> list[Job]:
    """Have jobs tried again at once; the caller rings for them. Those that cannot are left out.

    Each in a commit of its own, with its event. Raises NotAllowed.
    """
    caller.must("operate")
    done = []
    for job_id in ids[:MOST]:
        with writing(session):
            query = select(Job).where(Job.id == job_id, can_retry()).with_for_update()
            job = session.scalar(query)
            if job is not None:
                _begin_again(session, job)
                subject = ("job", job.id[:255])
                audit.record(session, caller.actor, "job.retried", subject, error=job.error)
                done.append(job)
    return done


def _begin_again(session: Session, job: Job) -> None:
    """Nothing holds the next attempt up; a failed upload waits for its assembly once more."""
    if job.state == "failed":
        upload = session.get_one(Upload, job.object_id, with_for_update=True)
        upload.state, upload.error_code, upload.error_text = "finishing", None, None
    job.state, job.lease_until = "waiting", None
    job.attempts = job.waits = 0
