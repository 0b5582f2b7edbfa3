"""Legal cases as people look at them, and as the audit log tells what they hold.

holding.py places them and releasing.py ends them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from portal.core import approvals, audit
from portal.core.accounts import Caller
from portal.core.errors import NotFound
from portal.core.held import standing
from portal.core.models import AuditEvent, LegalCase, LegalHold, Recording
from portal.core.recordings import visible
from portal.core.transaction import release

TOLD = 1000
"""Up to so many recordings at once have an event each. Of more, the case's own event has number and
SHA-256: 100,000 events would keep all others from writing for seconds."""
MOST_LISTED = 200


@dataclass(frozen=True)
class Tally:
    """How many recordings a case holds, and their bytes together."""

    items: int = 0
    size: int = 0


def page(
    session: Session, caller: Caller, limit: int, released: bool, before: str | None = None
) -> tuple[Sequence[LegalCase], str | None]:
    """The newest cases that stand, or that are over, and where the next page begins."""
    caller.must("hold")
    over = LegalCase.released_at.is_not(None) if released else LegalCase.released_at.is_(None)
    query = select(LegalCase).where(over).order_by(LegalCase.id.desc())
    if before is not None:
        query = query.where(LegalCase.id < before)
    rows = session.scalars(query.limit(limit + 1)).all()
    release(session)
    return rows[:limit], rows[limit - 1].id if len(rows) > limit else None


def tallies(session: Session, cases: Sequence[LegalCase]) -> dict[str, Tally]:
    """What each of these cases holds right now."""
    sums = func.count(), func.coalesce(func.sum(Recording.size), 0)
    query = select(LegalHold.case_id, *sums).join(Recording, Recording.id == LegalHold.recording_id)
    query = query.where(standing(), LegalHold.case_id.in_([each.id for each in cases]))
    found = session.execute(query.group_by(LegalHold.case_id)).all()
    release(session)
    return {each.id: Tally() for each in cases} | {
        case_id: Tally(items, int(size)) for case_id, items, size in found
    }


def find(session: Session, caller: Caller, case_id: str) -> LegalCase:
    """One case. Raises NotAllowed, NotFound."""
    caller.must("hold")
    found = session.get(LegalCase, case_id)
    release(session)
    if found is None:
        raise NotFound("There is no such case.")
    return found


def items(
    session: Session, caller: Caller, case_id: str, limit: int, before: str | None = None
) -> tuple[Sequence[Row[LegalHold, Recording]], str | None]:
    """The recordings of a case, also those released, the newest first; where the next page begins.
    Raises NotAllowed."""
    query = select(LegalHold, Recording).join(Recording, Recording.id == LegalHold.recording_id)
    query = query.where(LegalHold.case_id == case_id, visible(caller, "hold"))
    if before is not None:
        query = query.where(LegalHold.recording_id < before)
    rows = session.execute(query.order_by(LegalHold.recording_id.desc()).limit(limit + 1)).all()
    release(session)
    return rows[:limit], rows[limit - 1][1].id if len(rows) > limit else None


def events(session: Session, caller: Caller, case_id: str) -> Sequence[AuditEvent]:
    """What happened to a case, the last first. Raises NotAllowed."""
    caller.must("hold")
    query = select(AuditEvent).where(AuditEvent.object_id == case_id)
    found = session.scalars(query.order_by(AuditEvent.seq.desc()).limit(MOST_LISTED)).all()
    release(session)
    return found


def of_recording(
    session: Session, caller: Caller, recording_id: str
) -> Sequence[Row[LegalHold, LegalCase]]:
    """The holds that stand on a recording with their cases, the oldest first. Raises NotAllowed."""
    query = select(LegalHold, LegalCase).join(LegalCase, LegalCase.id == LegalHold.case_id)
    query = query.join(Recording, Recording.id == LegalHold.recording_id)
    query = query.where(visible(caller), Recording.id == recording_id, standing())
    found = session.execute(query.order_by(LegalHold.placed_at)).all()
    release(session)
    return found


def tell(
    session: Session,
    actor: audit.Actor,
    action: str,
    case: LegalCase,
    ids: Sequence[str],
    **facts: Any,
) -> None:
    """Write down what happened to these recordings of a case, in the caller's transaction."""
    facts |= {"items": len(ids), "sha256": approvals.digest({"recordings": sorted(ids)})}
    audit.record(session, actor, action, ("case", case.id), name=case.name, **facts)
    for each in ids if len(ids) <= TOLD else ():
        audit.record(session, actor, action, ("recording", each), case=case.id, reason=case.reason)
