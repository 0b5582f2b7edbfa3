"""Two people for what cannot be undone: one asks, another one decides (portal/core/deciding.py).

What is asked for is frozen when it is asked: the exact things, and a SHA-256 over them. Whoever
decides sends back the hash that they saw, so that nothing can be added behind their back.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.accounts import Caller
from portal.core.audit import SYSTEM
from portal.core.errors import Conflict, InvalidRequest, NotFound
from portal.core.models import Approval
from portal.core.transaction import release, utc_now, writing

DELETION, DELETING_TOKEN = "deletion", "deleting_token"
HOLD, HOLD_RELEASE = "hold", "hold_release"
RETENTION_SHORTENING = "retention_shortening"

DECIDES: dict[str, str] = {
    DELETION: "approve_deletion",
    DELETING_TOKEN: "approve_change",
    HOLD: "hold",
    HOLD_RELEASE: "approve_deletion",
    RETENTION_SHORTENING: "approve_change",
}
"""The right that it takes to decide, by the kind of what was asked for."""

LIFETIME = timedelta(days=7)
"""So long a request waits; then it has to be asked anew."""

LONGEST_REASON = 2000
OPEN = "waiting"


def digest(terms: dict[str, Any]) -> str:
    """The SHA-256 of what is asked for, as JSON with sorted names, in ASCII and without blanks."""
    text = json.dumps(terms, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def ask(
    session: Session,
    caller: Caller,
    kind: str,
    terms: dict[str, Any],
    reason: str,
    items: int = 1,
) -> Approval:
    """Write a request down, in the caller's transaction. Raises InvalidRequest without a reason."""
    reason, now = said(reason), utc_now()
    made = Approval(kind=kind, terms=terms, sha256=digest(terms), items=items, reason=reason)
    made.asked_by_id, made.asked_by, made.asked_at = caller.user_id, caller.label, now
    made.expires_at, made.state = now + LIFETIME, OPEN
    session.add(made)
    session.flush()
    note(session, caller.actor, "approval.requested", made, reason=reason)
    return made


def said(reason: str) -> str:
    """A reason as it is kept. Raises InvalidRequest for none, for a novel, and for what no database
    takes as text."""
    kept = reason.strip().replace("\r\n", "\n")  # forms send two characters for a line's end
    if any(unicodedata.category(each) in ("Cc", "Cs") and each not in "\r\n\t" for each in kept):
        raise InvalidRequest("The reason holds control characters; write it as plain text.")
    if not 0 < len(kept) <= LONGEST_REASON:
        raise InvalidRequest(f"Say why, in {LONGEST_REASON} characters at most.")
    return kept


def note(session: Session, actor: audit.Actor, action: str, about: Approval, **more: Any) -> None:
    """An event about a request, in the caller's transaction."""
    facts: dict[str, Any] = {"kind": about.kind, "sha256": about.sha256, "items": about.items}
    audit.record(session, actor, action, ("approval", about.id), **facts, **more)


def visible(caller: Caller) -> ColumnElement[bool]:
    """The requests that somebody may know of: their own, and those that they could decide."""
    mine = Approval.asked_by_id == caller.user_id
    return or_(mine, Approval.kind.in_(decidable(caller)))


def decidable(caller: Caller) -> list[str]:
    return [kind for kind, right in DECIDES.items() if right in caller.rights]


def find(session: Session, caller: Caller, approval_id: str) -> Approval:
    """One request. Raises NotFound, also for one that the caller may not know of."""
    found = session.scalar(select(Approval).where(visible(caller), Approval.id == approval_id))
    there = found is not None or session.get(Approval, approval_id) is not None
    release(session)
    if found is None:
        if there:
            audit.denied(session, caller.actor, ("approval", approval_id))
        raise NotFound("There is no such request, or it is not yours to see.")
    return found


def page(
    session: Session, caller: Caller, limit: int, waiting: bool, before: str | None = None
) -> tuple[Sequence[Approval], str | None]:
    """The newest requests that wait, or those that are over, and where the next page begins."""
    over = Approval.state == OPEN if waiting else Approval.state != OPEN
    query = select(Approval).where(visible(caller), over).order_by(Approval.id.desc())
    if before is not None:
        query = query.where(Approval.id < before)
    rows = session.scalars(query.limit(limit + 1)).all()
    release(session)
    return rows[:limit], rows[limit - 1].id if len(rows) > limit else None


def to_decide(session: Session, caller: Caller) -> int:
    """How many requests of others wait for a decision that the caller could take."""
    theirs = (Approval.kind.in_(decidable(caller)), Approval.asked_by_id != caller.user_id)
    open_now = (Approval.state == OPEN, Approval.expires_at > utc_now())
    count = session.scalar(select(func.count()).where(*open_now, *theirs))
    release(session)
    return count or 0


def withdraw(session: Session, caller: Caller, approval_id: str) -> Approval:
    """Whoever asked takes it back. Raises NotFound, Conflict once it is decided."""
    find(session, caller, approval_id)
    with writing(session):
        mine = Approval.asked_by_id == caller.user_id
        found = locked(session, approval_id, mine)
        found.state, found.decided_at = "withdrawn", utc_now()
        note(session, caller.actor, "approval.withdrawn", found)
        return found


def locked(session: Session, approval_id: str, *only: ColumnElement[bool]) -> Approval:
    """A request that still waits, for the caller's transaction. Raises NotFound, Conflict."""
    query = select(Approval).where(Approval.id == approval_id, *only).with_for_update()
    found = session.scalar(query)
    if found is None:
        raise NotFound("There is no such request, or it is not yours.")
    if found.state != OPEN or found.expires_at <= utc_now():
        raise Conflict("This request is over: it was decided, taken back, or has expired.")
    return found


def expire(session: Session, now: datetime) -> int:
    """End the requests that nobody decided in time, and return how many there were."""
    with writing(session):
        late = (Approval.state == OPEN, Approval.expires_at <= now)
        found = session.scalars(select(Approval).where(*late).with_for_update()).all()
        for each in found:
            each.state, each.decided_at = "expired", now
            note(session, SYSTEM, "approval.expired", each)
        return len(found)
