"""The audit log: who did what to which thing, written in the transaction of the act itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.core.models import AuditEvent
from portal.core.transaction import utc_now, writing


@dataclass(frozen=True)
class Actor:
    """Whoever acts: a person, a token of theirs, or the system itself, and from where."""

    type: str
    id: str | None
    label: str
    token_id: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    request_id: str | None = None


SYSTEM = Actor(type="system", id=None, label="system")


def record(
    session: Session,
    actor: Actor,
    action: str,
    subject: tuple[str, str] | None = None,
    result: str = "ok",
    **details: Any,
) -> None:
    """Add an event to the caller's transaction. `subject` is (type, id). No secrets, no content."""
    object_type, object_id = subject or (None, None)
    session.add(
        AuditEvent(
            at=utc_now(),
            actor_type=actor.type,
            actor_id=actor.id,
            actor_label=actor.label[:255],
            token_id=actor.token_id,
            ip=actor.ip,
            user_agent=(actor.user_agent or "")[:255] or None,
            request_id=actor.request_id,
            action=action,
            object_type=object_type,
            object_id=object_id,
            result=result,
            details=details,
        )
    )


def record_alone(session: Session, actor: Actor, action: str, *args: Any, **details: Any) -> None:
    """The same in a transaction of its own, for acts that change nothing else."""
    with writing(session):
        record(session, actor, action, *args, **details)


def count_recent(session: Session, action: str, ip: str | None, since: Any) -> int:
    """How many events of this kind came from one address since then."""
    count = select(func.count()).where(
        AuditEvent.action == action, AuditEvent.at >= since, AuditEvent.ip == ip
    )
    return session.scalar(count) or 0
