"""The chain of audit events: each one's hash contains the hash of the one before.

docs/audit.md says it so that anybody can compute it anew. `writing()` calls `append_pending` as the
last thing before its commit: the head, which all writers share, is locked for the commit alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Table, insert, update
from sqlalchemy.orm import Session

from portal.core.models import AuditEvent, AuditHead

GENESIS = "0" * 64
"""What the first event has instead of a hash before it."""

FIELDS = (
    "seq",
    "at",
    "actor_type",
    "actor_id",
    "actor_label",
    "token_id",
    "ip",
    "user_agent",
    "request_id",
    "action",
    "object_type",
    "object_id",
    "result",
    "details",
)
"""What is hashed of an event, in this order."""

PENDING = "audit_events"
_encode = json.JSONEncoder(
    separators=(",", ":"), sort_keys=True, ensure_ascii=True, allow_nan=False
).encode


def stamp(at: datetime) -> str:
    """A time as it is hashed and exported: 2026-01-31T16:00:00.000000Z."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def canonical(values: Sequence[Any]) -> bytes:
    """The values of FIELDS as a JSON array of ASCII without blanks, the names in `details` sorted.

    The time may be a datetime or its stamp already.
    """
    seq, at, *rest = values
    return _encode([seq, stamp(at) if isinstance(at, datetime) else at, *rest]).encode("ascii")


def link(before: str, values: Sequence[Any]) -> str:
    """The hash of an event: SHA-256 over the hash before it and its canonical form."""
    return hashlib.sha256(bytes.fromhex(before) + canonical(values)).hexdigest()


def add(session: Session, event: dict[str, Any]) -> None:
    """Have this event, which has no number yet, written at the end of the transaction."""
    session.info.setdefault(PENDING, []).append(event)


def pending(session: Session) -> bool:
    return bool(session.info.get(PENDING))


def forget(session: Session) -> None:
    """What is undone has not happened."""
    session.info.pop(PENDING, None)


def append_pending(session: Session) -> None:
    """Number and chain what the transaction has collected, and write it.

    Numbers have no gaps: they come from the head, which is undone with everything else.
    """
    events: list[dict[str, Any]] = session.info.pop(PENDING, [])
    if not events:
        return
    session.flush()  # what can fail or wait does so before the head is locked
    head = AuditHead.__table__
    assert isinstance(head, Table)  # noqa: S101
    taken = update(head).values(seq=head.c.seq + len(events)).returning(head.c.seq, head.c.hash)
    last, before = session.execute(taken).one()
    for seq, event in enumerate(events, start=last - len(events) + 1):
        event["seq"] = seq
        event["hash"] = before = link(before, [event[name] for name in FIELDS])
    session.execute(insert(AuditEvent), events)
    session.execute(update(head).values(hash=before))
