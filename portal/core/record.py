"""The record of one recording's history: everything that is known of what happened to it.

It is made for whoever gets the recording handed over, and to be printed. Nothing is cut off: what
may be long comes in batches, and no transaction is open while they are on their way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select, tuple_
from sqlalchemy.orm import Session

from portal.core import audit, finding, recordings
from portal.core.accounts import Caller
from portal.core.audit import seals
from portal.core.models import AuditEvent, LegalHold, Note, PlaySession, Recording, Token, Upload
from portal.core.transaction import release, utc_now

BATCH = 500
VERIFICATIONS = ("upload.completed", "integrity.verified", "integrity.mismatch")
HANDED_OUT = ("recording.download",)


@dataclass(frozen=True)
class Record:
    """What stands at the top of the page. `seq` and `hash`: the end of the audit chain when it was
    made; its own opening is the last event of this recording up to there."""

    recording: Recording
    upload: Upload
    token: Token | None
    tags: Sequence[str]
    holds: Sequence[LegalHold]
    notes: Sequence[Note]
    at: datetime
    seq: int
    hash: str


def begin(session: Session, caller: Caller, recording_id: str) -> Record:
    """Write down that somebody opens the record, and gather what is short of it.

    Raises NotAllowed, NotFound.
    """
    found = recordings.find(session, caller, recording_id, "history").id
    audit.record_alone(session, caller.actor, "recording.record_viewed", ("recording", found))
    head, at = seals.head(session), utc_now()
    recording = session.get_one(Recording, found)
    upload = session.get_one(Upload, found)
    token = session.get(Token, upload.token_id) if upload.token_id else None
    holds = _all(
        session, select(LegalHold).where(LegalHold.recording_id == found), LegalHold.placed_at
    )
    shared = select(Note).where(Note.recording_id == found, Note.shared)
    notes = _all(session, shared, Note.start_ms, Note.id) if "note" in caller.rights else []
    tags = finding.beside(session, [found])[found].tags
    release(session)
    return Record(recording, upload, token, tags, holds, notes, at, head.seq, head.hash)


def _all(session: Session, query: Select[Any], *order: Any) -> Sequence[Any]:
    return session.scalars(query.order_by(*order)).all()


def events(session: Session, record: Record, *actions: str) -> Iterator[AuditEvent]:
    """What the audit log has of the recording and its upload up to the record's making, or only
    these actions of it; the oldest first."""
    query = select(AuditEvent).where(
        AuditEvent.object_id == record.recording.id, AuditEvent.seq <= record.seq
    )
    if actions:
        query = query.where(AuditEvent.action.in_(actions))
    return _batches(session, query, AuditEvent.at, AuditEvent.seq)


def plays(session: Session, record: Record) -> Iterator[PlaySession]:
    """Who has played it, when, and which stretches; the oldest first."""
    query = select(PlaySession).where(
        PlaySession.recording_id == record.recording.id, PlaySession.started_at <= record.at
    )
    return _batches(session, query, PlaySession.id)


def _batches(session: Session, query: Select[Any], *keys: Any) -> Iterator[Any]:
    """All rows of a query in the order of these columns, which together are unique."""
    query = query.order_by(*keys).limit(BATCH)
    here = query
    while rows := session.scalars(here).all():
        release(session)
        yield from rows
        last = tuple(getattr(rows[-1], key.key) for key in keys)
        here = query.where(tuple_(*keys) > last)
    release(session)
