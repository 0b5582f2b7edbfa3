"""The second person: looks at what was asked for, and approves or denies it.

Approving does it, in the same transaction; `CARRY_OUT` says how, for each kind of request.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from portal.core import approvals, audit, releasing, requested_deletion, requested_hold, tokens
from portal.core.accounts import Caller
from portal.core.errors import Conflict, NotAllowed
from portal.core.models import Approval
from portal.core.retention import changing
from portal.core.transaction import utc_now, writing

CARRY_OUT: dict[str, Callable[[Session, Caller, Approval, timedelta], dict[str, Any]]] = {
    approvals.DELETION: requested_deletion.carry_out,
    approvals.DELETING_TOKEN: tokens.let_delete,
    approvals.HOLD: requested_hold.carry_out,
    approvals.HOLD_RELEASE: releasing.carry_out,
    approvals.RETENTION_SHORTENING: changing.carry_out,
}
"""What approving does, in the transaction that approves. Takes the decider, the request and the
minimum time to keep; returns the outcome as it is kept."""


def approve(
    session: Session, caller: Caller, approval_id: str, seen: str, keep: timedelta, why: str = ""
) -> Approval:
    """Let it happen. `seen`: the SHA-256 of what the caller was shown; `keep`: the minimum time.

    Raises NotFound, NotAllowed for one's own request, InvalidRequest for a reason that is none,
    Conflict if it is over or differs.
    """
    _may_decide(session, caller, approval_id)
    why = approvals.said(why) if why.strip() else ""
    with writing(session):
        found = approvals.locked(session, approval_id)
        _refuse_other_terms(found, seen)
        _decide(found, caller, "approved", why)
        approvals.note(session, caller.actor, "approval.approved", found, why=why)
        found.outcome = CARRY_OUT[found.kind](session, caller, found, keep)
        return found


def deny(session: Session, caller: Caller, approval_id: str, why: str) -> Approval:
    """Refuse it, with a reason. Raises as `approve`, and InvalidRequest without a reason."""
    _may_decide(session, caller, approval_id)
    why = approvals.said(why)
    with writing(session):
        found = approvals.locked(session, approval_id)
        _decide(found, caller, "denied", why)
        approvals.note(session, caller.actor, "approval.denied", found, why=why)
        return found


def _may_decide(session: Session, caller: Caller, approval_id: str) -> None:
    """Only a person, signed in, with the right, and never whoever asked."""
    found = approvals.find(session, caller, approval_id)
    own = found.asked_by_id == caller.user_id
    if own or caller.actor.type != "user":
        audit.denied(session, caller.actor, ("approval", approval_id), own=own)
        raise NotAllowed("A second person has to decide this, signed in to the portal.")
    caller.must(approvals.DECIDES[found.kind])


def _refuse_other_terms(found: Approval, seen: str) -> None:
    """What was shown, what was asked for and what stands there now are one and the same."""
    same = hmac.compare_digest(found.sha256.encode(), seen.encode())
    if not same or approvals.digest(found.terms) != found.sha256:
        raise Conflict("This is not what you were shown; open the request again and look.")


def _decide(found: Approval, caller: Caller, state: str, why: str) -> None:
    found.state, found.decided_at, found.decided_why = state, utc_now(), why or None
    found.decided_by_id, found.decided_by = caller.user_id, caller.label
