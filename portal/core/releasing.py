"""Releasing what a case holds: somebody asks, a second person approves (see deciding.py).

The command line releases at once: whoever has the shell has the database, and is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from portal.core import approvals, audit, cases
from portal.core.accounts import Caller
from portal.core.approvals import HOLD_RELEASE
from portal.core.errors import Conflict, InvalidRequest, NotFound
from portal.core.held import standing
from portal.core.holding import MOST, locked
from portal.core.models import Approval, LegalCase, LegalHold, Recording
from portal.core.transaction import utc_now, writing

CHANGED = "What this case holds of these has changed meanwhile; open it and ask again."


def ask(
    session: Session, caller: Caller, case_id: str, ids: Sequence[str], reason: str
) -> Approval:
    """Ask for the release of these recordings of a case; without any, of the whole case.

    Raises NotAllowed, NotFound, InvalidRequest, Conflict for what the case does not hold.
    """
    caller.must("hold")
    if len(set(ids)) > MOST:
        raise InvalidRequest(f"Choose {MOST} recordings at most.")
    with writing(session):
        case = locked(session, case_id)
        terms: dict[str, Any] = {"case": case.id, "name": case.name, "until": utc_now().isoformat()}
        terms |= {"recordings": [[each] for each in sorted(set(ids))]} if ids else {}
        held = sorted(session.scalars(select(LegalHold.recording_id).where(*_meant(terms))))
        if ids and len(held) < len(set(ids)):
            raise Conflict(CHANGED)
        terms["held"] = approvals.digest({"recordings": held})
        made = approvals.ask(session, caller, HOLD_RELEASE, terms, reason, len(held))
        facts = {"approval": made.id, "reason": made.reason}
        cases.tell(session, caller.actor, "hold.release_requested", case, held, **facts)
        return made


def carry_out(
    session: Session, caller: Caller, approval: Approval, keep: timedelta
) -> dict[str, Any]:
    """Release exactly what was asked for. What came into the case since stays held; a whole case
    takes no more in. Raises NotFound, Conflict if the case holds less of it by now."""
    terms = approval.terms
    case = locked(session, terms["case"])
    if "recordings" not in terms:
        case.future = False
    who = f"{approval.asked_by} / {caller.label}"[:255]
    ids = _end(session, caller.actor, case, who, approval, *_meant(terms))
    if approvals.digest({"recordings": ids}) != terms["held"]:
        raise Conflict(CHANGED)
    return {"released": len(ids), "case": case.id}


def end_holds(session: Session, actor: audit.Actor, recording_id: str) -> int:
    """Release the holds of a recording in every case, and return how many there were.

    Raises NotFound.
    """
    with writing(session):
        if session.get(Recording, recording_id) is None:
            raise NotFound("There is no such recording.")
        mine = select(LegalHold.case_id).where(LegalHold.recording_id == recording_id, standing())
        query = select(LegalCase).where(LegalCase.id.in_(mine)).order_by(LegalCase.id)
        found = session.scalars(query.with_for_update()).all()
        for case in found:
            _end(session, actor, case, actor.label, None, LegalHold.recording_id == recording_id)
        return len(found)


def _meant(terms: dict[str, Any]) -> list[ColumnElement[bool]]:
    """What a request is about, as conditions on holds: those named, or all up to its moment."""
    mine = [LegalHold.case_id == terms["case"], standing()]
    if "recordings" in terms:
        return [*mine, LegalHold.recording_id.in_([each[0] for each in terms["recordings"]])]
    return [*mine, LegalHold.placed_at <= datetime.fromisoformat(terms["until"])]


def _end(
    session: Session,
    actor: audit.Actor,
    case: LegalCase,
    who: str,
    approval: Approval | None,
    *which: ColumnElement[bool],
) -> list[str]:
    """Release these holds of a case, and the case with the last one, unless it goes on to take
    recordings in. Their recordings' ids, sorted."""
    now, approved = utc_now(), approval.id if approval else None
    outcome = {"released_at": now, "released_by": who, "approval_id": approved}
    ended = update(LegalHold).where(LegalHold.case_id == case.id, standing(), *which)
    returned = ended.values(outcome).returning(LegalHold.recording_id)
    ids = sorted(session.scalars(returned, execution_options={"synchronize_session": False}))
    left = select(LegalHold.recording_id).where(LegalHold.case_id == case.id, standing()).limit(1)
    over = not case.future and session.scalar(left) is None
    if over:
        case.released_at, case.released_by, case.approval_id = now, who, approved
    cases.tell(session, actor, "hold.released", case, ids, approval=approved, case_over=over)
    return ids
