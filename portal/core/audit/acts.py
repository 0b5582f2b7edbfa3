"""Writing down that somebody did something. `actions.py` has the names of what can be done."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from portal.core import chain
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
    session_id: str | None = None
    """Of the sign-in, whose `auth.login` names it too."""


SYSTEM = Actor(type="system", id=None, label="system")


def record(
    session: Session,
    actor: Actor,
    action: str,
    subject: tuple[str, str] | None = None,
    result: str = "ok",
    **details: Any,
) -> None:
    """Add an event to the caller's transaction, which `writing()` has begun. `subject` is (type,
    id). `details` are JSON, numbers in it whole; a person's sign-in joins them as `sign_in`. No
    secrets, no content."""
    object_type, object_id = subject or (None, None)
    if actor.session_id is not None:
        details = {"sign_in": actor.session_id} | details
    event = {
        "at": utc_now(),
        "actor_type": actor.type,
        "actor_id": actor.id,
        "actor_label": actor.label[:255],
        "token_id": actor.token_id,
        "ip": actor.ip,
        "user_agent": (actor.user_agent or "")[:255] or None,
        "request_id": actor.request_id,
        "action": action,
        "object_type": object_type,
        "object_id": object_id,
        "result": result,
        # What is hashed is what will be read back: texts as names, lists for tuples.
        "details": json.loads(json.dumps(details, allow_nan=False)),
    }
    chain.add(session, event)


def record_alone(session: Session, actor: Actor, action: str, *args: Any, **details: Any) -> None:
    """The same in a transaction of its own, for acts that change nothing else."""
    with writing(session):
        record(session, actor, action, *args, **details)


def denied(session: Session, actor: Actor, subject: tuple[str, str], **details: Any) -> None:
    """Somebody asked for a thing that is there and is not theirs. To them it is not there.

    What was begun to change it is undone: the caller is going to refuse.
    """
    chain.forget(session)
    session.close()
    record_alone(session, actor, "authz.denied", subject, "denied", **details)


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Details of a change: `before` and `after`, each with only the names whose values differ.

    A name that one of them lacks is left out there: that it was added or removed can be seen.
    """
    names = sorted(before.keys() | after.keys())
    absent = object()
    differ = [name for name in names if before.get(name, absent) != after.get(name, absent)]
    return {
        "before": {name: before[name] for name in differ if name in before},
        "after": {name: after[name] for name in differ if name in after},
    }
