"""Deletion certificates: a signed statement of what was deleted, why, when and on whose word.

It is made from the tombstone and the audit log whenever somebody asks, and is the same each time.
docs/retention.md says how to check one without the portal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.core import recordings
from portal.core.accounts import Caller
from portal.core.audit.seals import SealKey
from portal.core.chain import stamp
from portal.core.errors import NotFound
from portal.core.models import Approval, AuditEvent, Recording, RetentionPolicy
from portal.core.retention import marking
from portal.core.transaction import release

KIND = b"portal deletion certificate 1\n"
"""What is signed begins with it."""


def certificate(
    session: Session, caller: Caller, key: SealKey, recording_id: str
) -> dict[str, Any]:
    """`{"certificate": …, "signature": …}`, as JSON. Raises NotAllowed; NotFound for what is not
    deleted, too."""
    recording = recordings.find(session, caller, recording_id, "verify")
    if recording.state != "deleted" or recording.deleted_at is None:
        raise NotFound("This recording is not deleted, so nothing certifies it.")
    said = _of_tombstone(recording) | _of_rule(session, recording)
    said |= {"event": _last_event(session, recording_id), "key": key.public}
    release(session)
    return {"certificate": said, "signature": key.sign(KIND, said)}


def _of_tombstone(recording: Recording) -> dict[str, Any]:
    assert recording.deleted_at is not None  # noqa: S101
    return {
        "recording": recording.id,
        "filename": recording.filename,
        "source": recording.source,
        "sent_by": recording.owner_label,
        "size": recording.size,
        "sha256": recording.sha256,
        "received_at": stamp(recording.received_at),
        "storage": recording.storage_id,
        "deleted_at": stamp(recording.deleted_at),
        "deleted_by": recording.deleted_by,
        "reason": recording.deletion_reason,
    }


def _of_rule(session: Session, recording: Recording) -> dict[str, Any]:
    """The rule and its policy, if it was retention that deleted; and who approved."""
    by_rule = recording.deleted_by == marking.ACTOR
    marked, graced = recording.marked_at, recording.purge_at
    policy = session.get(RetentionPolicy, recording.marked_policy or 0) if by_rule else None
    approval_id = policy.approval_id if policy else _approval_of(session, recording.id)
    return {
        "rule": recording.marked_rule if by_rule else None,
        "policy": policy.number if policy else None,
        "marked_at": stamp(marked) if by_rule and marked else None,
        "grace_until": stamp(graced) if by_rule and graced else None,
        "approval": _of_approval(session, approval_id),
    }


def _approval_of(session: Session, recording_id: str) -> str | None:
    """The request that somebody approved, for a deletion that people asked for."""
    mine = (AuditEvent.object_id == recording_id, AuditEvent.action == "deletion.approved")
    details = session.scalar(
        select(AuditEvent.details).where(*mine).order_by(AuditEvent.seq.desc()).limit(1)
    )
    return details["approval"] if details else None


def _of_approval(session: Session, approval_id: str | None) -> dict[str, Any] | None:
    found = session.get(Approval, approval_id) if approval_id else None
    if found is None:
        return None
    return {
        "id": found.id,
        "sha256": found.sha256,
        "asked_by": found.asked_by,
        "asked_at": stamp(found.asked_at),
        "approved_by": found.decided_by,
        "approved_at": stamp(found.decided_at) if found.decided_at else None,
    }


def _last_event(session: Session, recording_id: str) -> dict[str, Any] | None:
    """The link of the audit log that says that it is gone."""
    mine = (AuditEvent.object_id == recording_id, AuditEvent.action == "deletion.completed")
    row = session.scalar(select(AuditEvent).where(*mine).order_by(AuditEvent.seq.desc()).limit(1))
    return {"seq": row.seq, "hash": row.hash} if row else None


def deleted(
    session: Session, caller: Caller, limit: int, before: int | None = None
) -> tuple[Sequence[Recording], int | None]:
    """The tombstones, received last first, from a place in the list on, and where the next page
    begins. Raises NotAllowed."""
    gone = (
        recordings.visible(caller, "verify"),
        Recording.state == "deleted",
        Recording.deleted_at.is_not(None),
    )
    query = select(Recording).where(*gone).order_by(Recording.place.desc()).limit(limit + 1)
    if before is not None:
        query = query.where(Recording.place < before)
    rows = session.scalars(query).all()
    release(session)
    return rows[:limit], rows[limit - 1].place if len(rows) > limit else None
