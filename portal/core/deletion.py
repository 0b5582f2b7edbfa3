"""Deleting a recording, and what stands in the way: legal holds and how long it must be kept.

ready → deleting (asked for) → purging (begun, cannot be undone) → deleted. The row stays as the
tombstone. Whoever holds a recording before the purge begins, keeps it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from portal.core import audit, leases, recordings
from portal.core.accounts import Caller
from portal.core.audit import SYSTEM
from portal.core.errors import Held, NotFound
from portal.core.held import held_of
from portal.core.leases import Lease
from portal.core.models import Recording, Upload
from portal.core.retention import marking, planning
from portal.core.retention.deciding import Decision
from portal.core.storages import Stores
from portal.core.transaction import release, utc_now, writing

KIND = "purge_recording"
GONE = ("purging", "deleted")
GOING = ("deleting", *GONE)
NOT_THERE = "There is no such recording, or it is not yours."


def assert_deletable(
    session: Session, recording: Recording, keep: timedelta, now: datetime
) -> None:
    """The one question before every deletion, in the transaction that deletes. Raises Held.

    `keep`: the minimum time, whatever the rules say. What retention itself deletes has to be due
    by the rules of this moment, too.
    """
    why = obstacles(session, [recording], keep, now)[recording.id]
    if why is not None:
        raise Held(why)


def obstacles(
    session: Session, found: Sequence[Recording], keep: timedelta, now: datetime
) -> dict[str, str | None]:
    """The sentence that says why each of these cannot be deleted, by id; None if it can."""
    held = held_of(session, [each.id for each in found])
    said = planning.standings(session, found, (), keep, now)
    return {each.id: _obstacle(each, each.id in held, said[each.id], now) for each in found}


def _obstacle(recording: Recording, held: bool, said: Decision, now: datetime) -> str | None:
    if held:
        return "The recording is under a legal hold and cannot be deleted."
    by_rules = recording.state == "deleting" and recording.deleted_by == marking.ACTOR
    until = said.delete_at if by_rules else said.keep_until
    if until is None:
        return "By the retention rules of today the recording is never deleted."
    return f"The recording must be kept until {until:%Y-%m-%d %H:%M} UTC." if until > now else None


def ask(
    session: Session, caller: Caller, recording_id: str, reason: str, keep: timedelta
) -> Recording:
    """Mark a recording for deletion; harmless to repeat. Raises NotFound, NotAllowed, Held."""
    recordings.find(session, caller, recording_id, "delete")
    with writing(session):
        recording = locked(session, recording_id, recordings.visible(caller, "delete"))
        if recording.state not in GOING:
            assert_deletable(session, recording, keep, utc_now())
            recording.state, recording.deletion_reason = "deleting", reason
            recording.deleted_by = caller.label
            subject = ("recording", recording_id)
            audit.record(session, caller.actor, "deletion.requested", subject, reason=reason)
        return recording


def locked(session: Session, recording_id: str, *only: ColumnElement[bool]) -> Recording:
    """One recording for the caller's transaction; nobody else changes it. Raises NotFound."""
    query = select(Recording).where(Recording.id == recording_id, *only).with_for_update()
    recording = session.scalar(query)
    if recording is None:
        raise NotFound(NOT_THERE)
    return recording


def purge(
    session: Session, stores: Stores, recording_id: str, keep: timedelta, lease: Lease
) -> None:
    """Remove the objects of a recording that is marked, look that they are gone, and say so.

    Cut off anywhere, it just runs again.
    """
    going = _begin_purge(session, recording_id, keep)
    if going is not None:
        _remove_bytes(session, stores, going)
    with writing(session):
        leases.close(session, lease, "done")
        if going is not None:
            _bury(session, recording_id)


def _remove_bytes(session: Session, stores: Stores, recording: Recording) -> None:
    """The recording, and what a worker that was killed may have left where it was assembled."""
    upload = session.get_one(Upload, recording.id)
    release(session)
    staging = stores.checked(session, upload.storage_id)
    staging.delete_folder(f"assembling/{recording.id}")
    staging.delete_folder(f"parts/{recording.id}")
    folder = recording.key.rpartition("/")[0].rpartition("/")[0]
    stores.checked(session, recording.storage_id).delete_folder(folder)


def _begin_purge(session: Session, recording_id: str, keep: timedelta) -> Recording | None:
    """The recording whose objects go; None if a hold came in between, or it is done."""
    with writing(session):
        recording = locked(session, recording_id)
        if recording.state == "deleting":
            try:
                assert_deletable(session, recording, keep, utc_now())
            except Held as held:
                give_back(session, recording, str(held))
                return None
            recording.state = "purging"
            audit.record(session, SYSTEM, "deletion.begun", ("recording", recording_id))
        return recording if recording.state == "purging" else None


def give_back(session: Session, recording: Recording, why: str) -> None:
    """Undo the mark of a recording that is not to go after all, in the caller's transaction."""
    recording.state = "quarantined" if recording.error_code else "ready"
    recording.deletion_reason = recording.deleted_by = None
    marking.unmark(session, recording, "refused")
    subject = ("recording", recording.id)
    audit.record(session, SYSTEM, "deletion.denied", subject, "denied", reason=why)


def _bury(session: Session, recording_id: str) -> None:
    recording = locked(session, recording_id)
    recording.state, recording.deleted_at = "deleted", utc_now()
    recording.thumbnail_key = recording.sprite_key = None
    recording.peaks_key = recording.playback_key = None
    subject = ("recording", recording_id)
    audit.record(session, SYSTEM, "deletion.completed", subject, sha256=recording.sha256)


def waiting(session: Session, limit: int = 500) -> list[str]:
    """The recordings that are marked and not yet purged."""
    query = select(Recording.id).where(Recording.state.in_(("deleting", "purging")))
    found = list(session.scalars(query.limit(limit)))
    release(session)
    return found
