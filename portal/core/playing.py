"""Play sessions: who heard which recording, when, and which stretches of it.

The row, and its audit event, stand before the first byte leaves; bytes without a row are refused.
`sent` is what the person's machine has acknowledged of the bytes; `heard` is what the player says
that it has played. It cannot say more than the time allows, and what the bytes do not account for
is marked as unproven wherever it is shown.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from portal.core import audit, reasons, recordings
from portal.core.accounts import Caller
from portal.core.audit import Actor
from portal.core.errors import NotAllowed
from portal.core.models import PlaySession, Recording
from portal.core.ranges import Ranges, clipped, merged, percent, total
from portal.core.reasons import Asked
from portal.core.transaction import release, utc_now, writing

IDLE = timedelta(minutes=10)
SETTLED = timedelta(minutes=1)
"""How long after it is over a session may still learn which bytes had arrived. Answers of it are
cut off within 6 s, and what the kernel had taken by then is followed for 30 s (delivery.py)."""
FASTEST = 3
"""The highest speed of our player."""
MOST_TOLD = 50
"""The stretches that an audit event names; the row has them all."""


def begin(
    session: Session, caller: Caller, recording_id: str, size: int, asked: Asked
) -> tuple[PlaySession, str]:
    """A new play session, and the secret that its bytes are asked for with.

    `size`: of the bytes that will be played. Raises what recordings.find_playable raises.
    """
    recording = recordings.find_playable(session, caller, recording_id, asked)
    reason = reasons.given(session, caller, recording, asked)
    secret, now = secrets.token_urlsafe(32), utc_now()
    row = _row(caller.actor, recording, now)
    row.secret_hash, row.user_id, row.user_label = _hash(secret), caller.user_id, caller.label
    row.size = size
    with writing(session):
        if reason is not None:
            row.reason, row.reason_text = reason.code, reason.text or None
        session.add(row)
        session.flush()
        subject, said = ("recording", recording_id), {"play": row.id} | _reason_of(row)
        audit.record(session, caller.actor, "recording.play.start", subject, **said)
    return row, secret


def _row(actor: Actor, recording: Recording, now: datetime) -> PlaySession:
    return PlaySession(
        recording_id=recording.id,
        token_id=actor.token_id,
        login_session_id=actor.session_id,
        ip=actor.ip,
        user_agent=(actor.user_agent or "")[:255] or None,
        started_at=now,
        seen_at=now,
        told_at=now,
        length_ms=recording.duration_ms,
        sent=[],
        heard=[],
    )


def _reason_of(row: PlaySession) -> dict[str, Any]:
    said = (("reason", row.reason), ("reason_text", row.reason_text))
    return {name: value for name, value in said if value}


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def find_open(session: Session, caller: Caller, recording_id: str, secret: str) -> PlaySession:
    """The session that this secret opens, for this person and recording. Raises NotAllowed."""
    row = session.scalar(
        select(PlaySession).where(
            PlaySession.secret_hash == _hash(secret),
            PlaySession.recording_id == recording_id,
            PlaySession.user_id == caller.user_id,
            PlaySession.closed_at.is_(None),
            PlaySession.ended_at.is_(None),
            PlaySession.seen_at > utc_now() - IDLE,
        )
    )
    release(session)
    if row is None:
        _note_denial(session, caller, secret)
        raise NotAllowed("Open the recording's page first; what is played is logged.")
    return row


def find_playing(
    session: Session, caller: Caller, recording_id: str, secret: str, asked: Asked
) -> tuple[Recording, PlaySession]:
    """What is served for this secret, as long as both may be. Raises the same, and what
    recordings.find_playable raises."""
    recording = recordings.find_playable(session, caller, recording_id, asked)
    return recording, find_open(session, caller, recording_id, secret)


def _note_denial(session: Session, caller: Caller, secret: str) -> None:
    """An address that somebody else was given has been passed on."""
    whose = (PlaySession.secret_hash == _hash(secret), PlaySession.user_id != caller.user_id)
    strange = session.scalar(select(PlaySession).where(*whose))
    release(session)
    if strange is not None:
        subject = ("recording", strange.recording_id)
        audit.denied(session, caller.actor, subject, right="play", play=strange.id)


def hear(
    session: Session,
    caller: Caller,
    recording_id: str,
    secret: str,
    ranges: Sequence[Sequence[int]],
    closing: bool = False,
) -> PlaySession:
    """What the player has played since it last told, in milliseconds of the recording.

    Only what is possible counts: within the recording, and no more than three times the time that
    has passed. `closing`: the page is being left. Raises NotAllowed.
    """
    found = find_open(session, caller, recording_id, secret).id
    with writing(session):
        row = session.scalars(
            select(PlaySession).where(PlaySession.id == found).with_for_update()
        ).one()
        now = utc_now()
        passed = (now - row.told_at) / timedelta(milliseconds=1)
        possible = clipped(ranges, row.length_ms, int(passed * FASTEST))
        row.heard = merged(row.heard, possible)
        row.told_at = row.seen_at = now
        row.closed_at = now if closing else None
        return row


def add_sent(session: Session, sent: Mapping[str, Ranges]) -> None:
    """The bytes that have arrived, by session: one transaction for all of them. What comes after
    a session's end has an audit event of its own, so that the log never tells of too little."""
    with writing(session):
        query = select(PlaySession).where(PlaySession.id.in_(sent)).with_for_update()
        for row in session.scalars(query.order_by(PlaySession.id)):
            row.sent = merged(row.sent, sent[row.id])
            row.seen_at = utc_now()
            if row.ended_at is not None:
                _tell(session, row, "recording.play.late")


def end_left(session: Session, now: datetime) -> int:
    """End the sessions that were closed, or that nothing was heard of for ten minutes, once their
    bytes are counted; returns how many."""
    over = now - SETTLED
    left = or_(PlaySession.closed_at <= over, PlaySession.seen_at <= over - IDLE)
    query = select(PlaySession).where(PlaySession.ended_at.is_(None), left)
    with writing(session):
        rows = session.scalars(query.with_for_update().limit(1000)).all()
        for row in rows:
            row.ended_at = row.closed_at or row.seen_at
            _tell(session, row, "recording.play.end")
    return len(rows)


def _tell(session: Session, row: PlaySession, action: str) -> None:
    actor = Actor("user", row.user_id, row.user_label, row.token_id, row.ip, row.user_agent)
    audit.record(session, actor, action, ("recording", row.recording_id), **_account(row))


def _account(row: PlaySession) -> dict[str, Any]:
    """What the audit log keeps of a session. Times are in milliseconds of the recording."""
    account: dict[str, Any] = {
        "play": row.id,
        "heard": row.heard[:MOST_TOLD],
        "heard_percent": percent(row.heard, row.length_ms),
        "sent": row.sent[:MOST_TOLD],
        "sent_bytes": total(row.sent),
        "sent_percent": percent(row.sent, row.size),
        "unproven_ms": unproven(row),
        "closed": row.closed_at is not None,
    }
    return account | _reason_of(row)


def unproven(row: PlaySession) -> int:
    """Milliseconds of `heard` that the bytes received do not account for. Up to a tenth of the
    whole more than their share may be right: no format has the same bytes for each second."""
    heard, whole = total(row.heard), row.length_ms
    if not row.sent or not whole or not row.size:
        return 0 if row.sent else heard
    possible = whole * total(row.sent) // row.size
    return max(0, heard - possible) if heard > possible + whole // 10 else 0


def of_recording(
    session: Session, caller: Caller, recording_id: str, limit: int, before: str | None = None
) -> Sequence[PlaySession]:
    """Who has played a recording, the latest first; nothing for whoever may not know it.
    `before`: older than this session."""
    if "history" not in caller.rights:
        return []
    found = recordings.find(session, caller, recording_id).id
    query = select(PlaySession).where(PlaySession.recording_id == found)
    if before is not None:
        query = query.where(PlaySession.id < before)
    rows = session.scalars(query.order_by(PlaySession.id.desc()).limit(limit)).all()
    release(session)
    return rows
