"""Comparing what the database says with what there is, and naming every difference.

It finishes what was cut off and sweeps bytes that were never acknowledged. An object or row that
stands alone is only reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from portal.core import assembly, ending
from portal.core.deletion import GONE
from portal.core.models import Job, Part, Recording, Upload
from portal.core.transaction import release, utc_now
from storage_backends import ObjectNotFound, Store, StoredObject

SWEEP_AFTER = timedelta(days=1)
BATCH = 500


@dataclass(frozen=True)
class Waiting:
    """A complete upload that nobody is assembling, and how often that was begun."""

    upload_id: str
    epoch: int


@dataclass(frozen=True)
class Differences:
    """`swept`: how many unacknowledged objects were removed. The others are keys to look into."""

    swept: int
    missing: list[str]
    strays: list[str]


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


def tidy_ended(session: Session, store: Store) -> int:
    """Remove the parts that ended uploads have left behind, and return their number."""
    query = select(Part.upload_id).join(Upload).where(ending.parts_unneeded(utc_now())).distinct()
    ended = session.scalars(query.limit(BATCH)).all()
    release(session)
    return sum(ending.tidy(session, store, upload_id) for upload_id in ended)


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


def compare(session: Session, store: Store, now: datetime) -> Differences:
    """Look at every object and every recording once."""
    return Differences(
        swept=_sweep_parts(session, store, now - SWEEP_AFTER),
        missing=list(_missing(session, store)),
        strays=list(_strays(session, store, now - SWEEP_AFTER)),
    )


def _sweep_parts(session: Session, store: Store, older_than: datetime) -> int:
    """Parts without a row were never acknowledged: their writer died before it could count them."""
    old = (each for each in store.find("parts") if each.modified < older_than)
    lost = [key for batch in _batches(old) for key in _without_row(session, batch)]
    for key in lost:
        store.delete(key)
    return len(lost) + store.sweep_abandoned(older_than)


def _without_row(session: Session, batch: list[StoredObject]) -> Iterator[str]:
    keys = [each.key for each in batch]
    known = set(session.scalars(select(Part.key).where(Part.key.in_(keys))))
    release(session)
    return (key for key in keys if key not in known)


def _missing(session: Session, store: Store) -> Iterator[str]:
    """Keys of recordings whose object is not in the store."""
    for each in recordings(session):
        # The second look: it may have been deleted since we read its row.
        if not _stands(store, each.key) and any(recordings(session, Recording.id == each.id)):
            yield each.key


def _stands(store: Store, key: str) -> bool:
    try:
        store.stat(key)
    except ObjectNotFound:
        return False
    return True


def _strays(session: Session, store: Store, older_than: datetime) -> Iterator[str]:
    """Objects among the recordings that no row knows."""
    old = (each for each in store.find("recordings") if each.modified < older_than)
    for batch in _batches(old):
        keys = [each.key for each in batch]
        known = _keys_of_recordings(session, keys)
        yield from (key for key in keys if key not in known)


def _keys_of_recordings(session: Session, keys: list[str]) -> set[str]:
    """The keys of all objects of the recordings whose folders these keys are in."""
    # By the id in the key (see assembly.recording_folder): not every column of keys has an index.
    ids = {part for key in keys for part in key.split("/")[2:3]}
    columns = (Recording.key, Recording.thumbnail_key, Recording.peaks_key, Recording.playback_key)
    rows = session.execute(select(*columns).where(Recording.id.in_(ids))).all()
    release(session)
    return {key for row in rows for key in row}


def _batches(objects: Iterable[StoredObject]) -> Iterator[list[StoredObject]]:
    batch: list[StoredObject] = []
    for each in objects:
        batch.append(each)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
