"""Legal holds on request: who may not place them names recordings and a reason, an officer decides.

Officers need nobody for a hold: they place it themselves (holding.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.core import approvals, audit, deletion, holding
from portal.core.accounts import Caller
from portal.core.approvals import HOLD
from portal.core.errors import Held
from portal.core.holding import Chosen, NewCase
from portal.core.models import Approval, Recording
from portal.core.transaction import writing

RIGHT = "request_hold"


def ask(session: Session, caller: Caller, ids: Sequence[str], name: str, reason: str) -> Approval:
    """Ask for a case of this name that holds exactly these; those that are deleted are left out.

    Raises NotAllowed, InvalidRequest, and Held if there is nothing to hold.
    """
    case = holding.new_case(NewCase(name, reason), caller.label)
    with writing(session):
        held = _holdable(session, caller, ids)
        terms = {"name": case.name, "recordings": [[each] for each in held]}
        made = approvals.ask(session, caller, HOLD, terms, reason, len(held))
        for each in held:
            subject, why = ("recording", each), {"approval": made.id, "reason": made.reason}
            audit.record(session, caller.actor, "hold.requested", subject, **why)
        return made


def carry_out(
    session: Session, caller: Caller, approval: Approval, keep: timedelta
) -> dict[str, Any]:
    """Place the case, which is the decider's then and names both. Raises Held if all of it is
    deleted by now."""
    case = holding.new_case(NewCase(approval.terms["name"], approval.reason), caller.label)
    case.owner_id, case.placed_by = caller.user_id, f"{approval.asked_by} / {caller.label}"[:255]
    chosen = Chosen([each[0] for each in approval.terms["recordings"]])
    found = holding.which(session, caller, chosen)
    ids = holding.place_case(session, caller.actor, case, found, approval=approval.id)
    if not ids:
        raise Held(holding.NONE_LEFT)
    return {"held": len(ids), "case": case.id}


def _holdable(session: Session, caller: Caller, ids: Sequence[str]) -> Sequence[str]:
    """Those that the caller reaches and that are not deleted, sorted."""
    found = holding.which(session, caller, Chosen(ids), RIGHT)
    there = Recording.state.not_in(deletion.GONE)
    held = session.scalars(select(Recording.id).where(*found, there).order_by(Recording.id)).all()
    if not held:
        raise Held(holding.NONE_LEFT)
    return held
