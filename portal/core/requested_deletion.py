"""Deleting on request: somebody names recordings and a reason, a second person approves.

Retention deletes by its own rules (see docs/decisions); this is for everything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.core import approvals, audit, deletion
from portal.core.accounts import Caller
from portal.core.approvals import DELETION
from portal.core.deletion import GOING
from portal.core.errors import Held, InvalidRequest, NotFound
from portal.core.models import Approval, Recording
from portal.core.recordings import note_denials, visible
from portal.core.transaction import release, utc_now, writing

MOST = 1000
"""So many recordings in one request: who approves it should be able to look at them."""


@dataclass(frozen=True)
class Candidate:
    """One recording of a request, and the sentence that says why it cannot go; None if it can."""

    recording: Recording
    obstacle: str | None


@dataclass(frozen=True)
class Preview:
    """What a request would be about. `missing`: chosen, but not there or not the caller's."""

    candidates: list[Candidate]
    missing: int

    @property
    def going(self) -> list[Recording]:
        return [each.recording for each in self.candidates if each.obstacle is None]

    @property
    def size(self) -> int:
        return sum(each.size for each in self.going)

    @property
    def oldest(self) -> datetime | None:
        return min((each.received_at for each in self.going), default=None)


def preview(session: Session, caller: Caller, ids: Sequence[str], keep: timedelta) -> Preview:
    """What could go of these. Raises NotAllowed, InvalidRequest for none and for too many."""
    unique = set(ids)
    if not 0 < len(unique) <= MOST:
        raise InvalidRequest(f"Choose 1 to {MOST} recordings.")
    looked = _look(session, caller, unique, keep)
    release(session)
    reached = {each.recording.id for each in looked.candidates}
    note_denials(session, caller, unique - reached, "request_deletion")
    return looked


def _look(session: Session, caller: Caller, ids: set[str], keep: timedelta) -> Preview:
    reached = visible(caller, "request_deletion")
    query = select(Recording).where(reached, Recording.id.in_(ids)).order_by(Recording.id)
    found = session.scalars(query).all()
    obstacles = _obstacles(session, found, keep)
    candidates = [Candidate(each, obstacles[each.id]) for each in found]
    return Preview(candidates, len(ids) - len(found))


def _obstacles(
    session: Session, found: Sequence[Recording], keep: timedelta
) -> dict[str, str | None]:
    going = {each.id: "It is being deleted already." for each in found if each.state in GOING}
    return deletion.obstacles(session, found, keep, utc_now()) | going


def ask(
    session: Session, caller: Caller, ids: Sequence[str], reason: str, keep: timedelta
) -> Approval:
    """Ask for the deletion of exactly these.

    Raises NotAllowed, InvalidRequest; NotFound and Held if one of them is gone or held meanwhile.
    """
    preview(session, caller, ids, keep)
    with writing(session):
        looked = _look(session, caller, set(ids), keep)
        if looked.missing:
            raise NotFound(deletion.NOT_THERE)
        if obstacle := next((each.obstacle for each in looked.candidates if each.obstacle), None):
            raise Held(obstacle)
        terms = {"recordings": [[each.id, each.sha256] for each in looked.going]}
        made = approvals.ask(session, caller, DELETION, terms, reason, len(looked.going))
        for each in looked.going:
            subject, why = ("recording", each.id), {"approval": made.id, "reason": made.reason}
            audit.record(session, caller.actor, "deletion.requested", subject, **why)
        return made


def carry_out(
    session: Session, caller: Caller, approval: Approval, keep: timedelta
) -> dict[str, Any]:
    """Mark what was approved, except what is held by now or is not the same bytes any more."""
    marked: list[str] = []
    refused: list[list[str]] = []
    for recording_id, sha256 in approval.terms["recordings"]:
        why = _mark(session, caller, approval, recording_id, sha256, keep)
        if why is None:
            marked.append(recording_id)
        else:
            refused.append([recording_id, why])
    return {"marked": marked, "refused": refused}


def _mark(
    session: Session,
    caller: Caller,
    approval: Approval,
    recording_id: str,
    sha256: str,
    keep: timedelta,
) -> str | None:
    """Mark one for the purge; the sentence that says why not, if not."""
    recording = deletion.locked(session, recording_id)
    other = "It is not what was asked for any more." if recording.sha256 != sha256 else None
    why = other or _obstacles(session, [recording], keep)[recording_id]
    subject = ("recording", recording_id)
    if why is not None:
        audit.record(session, caller.actor, "deletion.denied", subject, "denied", reason=why)
        return why
    recording.state, recording.deletion_reason = "deleting", approval.reason
    recording.deleted_by = f"{approval.asked_by} / {caller.label}"[:255]
    audit.record(session, caller.actor, "deletion.approved", subject, approval=approval.id)
    return None
