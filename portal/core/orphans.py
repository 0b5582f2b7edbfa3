"""Comparing what the database says with what the storages hold, and naming every difference.

Bytes that were never acknowledged are swept. An object or a row that stands alone is reported, and
touched only by `repair`, which somebody has to ask for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.audit import Actor
from portal.core.errors import Conflict
from portal.core.held import is_held
from portal.core.models import Part, Recording, Upload, is_id
from portal.core.reconcile import BATCH, recordings
from portal.core.storages import Stores
from portal.core.transaction import release, utc_now, writing
from storage_backends import ObjectNotFound, StorageUnavailable, Store, StoredObject

SWEEP_AFTER = timedelta(days=1)


@dataclass(frozen=True)
class Orphan:
    """A row without its object, or an object without a row."""

    storage_id: str
    key: str
    recording_id: str


@dataclass
class Place:
    """What was looked at in one storage, and what stands alone there."""

    recordings: int = 0
    objects: int = 0
    missing: list[Orphan] = field(default_factory=list)
    strays: list[Orphan] = field(default_factory=list)

    @property
    def doubtful(self) -> bool:
        """So many are no orphans: the storage or the database is another one than it should be."""
        too_many = 2 * len(self.missing) > self.recordings
        return too_many or 2 * len(self.strays) > self.objects


@dataclass
class Differences:
    """By storage; `silent` says why a storage was not compared. `swept`: how many objects that
    were never acknowledged were removed."""

    swept: int = 0
    places: dict[str, Place] = field(default_factory=dict)
    silent: dict[str, str] = field(default_factory=dict)

    @property
    def missing(self) -> list[Orphan]:
        return [each for place in self.places.values() for each in place.missing]

    @property
    def strays(self) -> list[Orphan]:
        return [each for place in self.places.values() for each in place.strays]


def compare(session: Session, stores: Stores, now: datetime) -> Differences:
    """Look at every object and every recording once, in places that carry the right mark."""
    found = Differences()
    for storage_id in stores.ids(session):
        try:
            store = stores.checked(session, storage_id)
            place = _compare(session, store, storage_id, now - SWEEP_AFTER)
            # The rest rests on the database being the right one, too.
            swept = 0 if place.doubtful else _sweep(session, store, now - SWEEP_AFTER)
        except StorageUnavailable as error:
            found.silent[storage_id] = str(error)
        else:
            found.places[storage_id] = place
            found.swept += swept
    return found


def _compare(session: Session, store: Store, storage_id: str, older_than: datetime) -> Place:
    place = Place()
    _look_for_missing(session, store, storage_id, place)
    _look_for_strays(session, store, storage_id, older_than, place)
    return place


def _sweep(session: Session, store: Store, older_than: datetime) -> int:
    """Parts without a row were never acknowledged: their writer died before it could count them.
    What is left on a desk is a copy whose maker died."""
    lost: list[str] = []
    for folder in ("parts", "assembling"):
        old = (each for each in store.find(folder) if each.modified < older_than)
        lost += [key for batch in _batches(old) for key in _unneeded(session, batch)]
    for key in lost:
        store.delete(key)
    return len(lost) + store.sweep_abandoned(older_than)


def _unneeded(session: Session, batch: list[StoredObject]) -> Iterator[str]:
    """Those keys of parts and desks that nobody may come back for."""
    keys = [each.key for each in batch if is_id(_owner(each.key))]
    owners = {_owner(key) for key in keys}
    known = set(session.scalars(select(Part.key).where(Part.key.in_(keys))))
    # A worker may be at the desk; what clients put in place themselves has no rows before the end.
    busy = (Upload.state == "finishing") | (Upload.direct & (Upload.state == "open"))
    growing = set(session.scalars(select(Upload.id).where(Upload.id.in_(owners), busy)))
    release(session)
    return (key for key in keys if key not in known and _owner(key) not in growing)


def _owner(key: str) -> str:
    """The upload's id in the key of a part or of a desk: parts/<id>/…"""
    return "".join(key.split("/")[1:2])


def _look_for_missing(session: Session, store: Store, storage_id: str, found: Place) -> None:
    here = Recording.storage_id == storage_id
    for each in recordings(session, here):
        found.recordings += 1
        # The second look: it may have been deleted since we read its row.
        if not _stands(store, each) and any(recordings(session, Recording.id == each.id)):
            found.missing.append(Orphan(storage_id, each.key, each.id))


def _stands(store: Store, recording: Recording) -> bool:
    try:
        store.stat(recording.key, recording.version_id)
    except ObjectNotFound:
        return False
    return True


def _look_for_strays(
    session: Session, store: Store, storage_id: str, older_than: datetime, found: Place
) -> None:
    """Objects among the recordings that no row knows."""
    for batch in _batches(store.find("recordings")):
        found.objects += len(batch)
        old = [each.key for each in batch if each.modified < older_than]
        known = _known_keys(session, old)
        strays = (key for key in old if key not in known)
        found.strays += [Orphan(storage_id, key, _recording_of(key)) for key in strays]


def _recording_of(key: str) -> str:
    """The id in the key of a recording's object (see assembly.recording_folder)."""
    return "".join(key.split("/")[2:3])


def _known_keys(session: Session, keys: list[str]) -> set[str | None]:
    """The keys of all objects of the recordings whose folders these keys are in, wherever they
    are: a key is used once."""
    # By the id in the key: not every column of keys has an index.
    ids = {_recording_of(key) for key in keys}
    derived = (Recording.thumbnail_key, Recording.sprite_key, Recording.peaks_key)
    columns = (Recording.key, *derived, Recording.playback_key)
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


def repair(session: Session, stores: Stores, actor: Actor, found: Differences) -> int:
    """Remove the strays and mark the recordings without bytes, as somebody has approved; returns
    how many of both. What is under a legal hold stays as it is.

    Raises Conflict, before anything is touched, if more than half of either would go in one place.
    """
    for storage_id, place in found.places.items():
        if place.doubtful:
            raise Conflict(
                f"In {storage_id}, {len(place.missing)} of {place.recordings} recordings have no "
                f"bytes, and {len(place.strays)} of {place.objects} objects no recording. So many "
                "are no orphans: is this the right storage, and the right database? Nothing was "
                "changed."
            )
    marked = sum(_mark(session, stores, actor, each) for each in found.missing)
    return marked + sum(_remove(session, stores, actor, each) for each in found.strays)


def _mark(session: Session, stores: Stores, actor: Actor, lost: Orphan) -> bool:
    recording = session.get(Recording, lost.recording_id)
    release(session)
    if recording is None or _stands(stores.checked(session, lost.storage_id), recording):
        return False
    with writing(session):
        recording = session.get(Recording, lost.recording_id, with_for_update=True)
        if recording is None or recording.deleted_at or is_held(session, lost.recording_id):
            return False
        recording.integrity, recording.verified_at = "missing", utc_now()
        subject = ("recording", recording.id)
        audit.record(session, actor, "integrity.mismatch", subject, "failed", found="missing")
    return True


def _remove(session: Session, stores: Stores, actor: Actor, stray: Orphan) -> bool:
    """Whether the object went: not if it has become somebody's since, or is a held recording's."""
    if stray.key in _known_keys(session, [stray.key]):
        return False
    with writing(session):
        if is_held(session, stray.recording_id):
            return False
        subject = ("storage", stray.storage_id)
        audit.record(session, actor, "storage.orphan_removed", subject, key=stray.key)
    stores.of(session, stray.storage_id).delete(stray.key)
    return True
