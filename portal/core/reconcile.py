"""Finishing what was cut off: uploads that wait for their assembly, parts that nobody needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from portal.core import assembly, ending
from portal.core.deletion import GONE
from portal.core.models import Job, Part, Recording, Upload
from portal.core.storages import Stores
from portal.core.transaction import release, utc_now

BATCH = 500


@dataclass(frozen=True)
class Waiting:
    """A complete upload that nobody is assembling, and how often that was begun."""

    upload_id: str
    epoch: int


def waiting_uploads(session: Session, now: datetime) -> list[Waiting]:
    """The uploads whose assembly has to be asked for (again)."""
    kind = assembly.KIND
    query = (
        select(Upload.id, Job.epoch)
        .outerjoin(Job, (Job.object_id == Upload.id) & (Job.kind == kind))
        .where(Upload.state == "finishing")
        .where(or_(Job.lease_until.is_(None), Job.lease_until <= now))
        .limit(BATCH)
    )
    found = [Waiting(upload_id, epoch or 0) for upload_id, epoch in session.execute(query)]
    release(session)
    return found


def tidy_ended(session: Session, stores: Stores) -> int:
    """Remove the parts that ended uploads have left behind, and return their number."""
    query = select(Part.upload_id).join(Upload).where(ending.parts_unneeded(utc_now())).distinct()
    ended = session.scalars(query.limit(BATCH)).all()
    release(session)
    return sum(ending.tidy(session, stores, upload_id) for upload_id in ended)


def recordings(session: Session, *only: ColumnElement[bool]) -> Iterator[Recording]:
    """All recordings that have bytes, or only these of them, in the order of their ids; one batch
    in memory at a time."""
    there = Recording.state.not_in(GONE)
    query = select(Recording).where(there, *only).order_by(Recording.id).limit(BATCH)
    last: str | None = ""
    while last is not None:
        batch = session.scalars(query.where(Recording.id > last)).all()
        release(session)
        yield from batch
        last = batch[-1].id if batch else None
