"""Why somebody is served a recording. Some sources are so sensitive that nobody is without saying.

A person says it once on the recording's page, and it holds for twelve hours. A token says it with
each request: what its owner has answered on a page was about that listening, not about a program.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.core.accounts import Caller
from portal.core.errors import InvalidRequest, ReasonMissing
from portal.core.models import PlaySession, Recording
from portal.core.transaction import release, utc_now

REASONS = ("complaint", "incident", "sampling", "legal", "other")
LONGEST_REASON = 500
REASON_HOLDS = timedelta(hours=12)


@dataclass(frozen=True)
class Reason:
    """One of REASONS, and what they add in words."""

    code: str
    text: str = ""

    def __post_init__(self) -> None:
        """Raises InvalidRequest."""
        if self.code not in REASONS:
            raise InvalidRequest(f"Choose one of the reasons: {', '.join(REASONS)}.")
        if len(self.text) > LONGEST_REASON or (self.code == "other" and not self.text):
            raise InvalidRequest(f"Say why in at most {LONGEST_REASON} characters.")

    @property
    def told(self) -> dict[str, str]:
        """What an audit event says of it."""
        return {"reason": self.code} | ({"reason_text": self.text} if self.text else {})


@dataclass(frozen=True)
class Asked:
    """How a recording is asked for. `sources`: those that are served for a reason only; `said`:
    the reason that comes with this request."""

    sources: tuple[str, ...] = ()
    said: Reason | None = None


def given(session: Session, caller: Caller, recording: Recording, asked: Asked) -> Reason | None:
    """Why this caller is served this recording, if they said it. Raises ReasonMissing where that
    is needed."""
    reason = asked.said or last(session, caller, recording.id)
    if reason is None and recording.source in asked.sources:
        raise ReasonMissing(
            "Recordings of this source are served for a reason only. Say it on the recording's "
            "page in the portal; a program with a token sends it as the field reason."
        )
    return reason


def last(session: Session, caller: Caller, recording_id: str) -> Reason | None:
    """The reason that this person gave for this recording, while it still holds."""
    if caller.actor.type == "token":
        return None
    query = select(PlaySession).where(
        PlaySession.recording_id == recording_id,
        PlaySession.user_id == caller.user_id,
        PlaySession.reason.is_not(None),
        PlaySession.started_at > utc_now() - REASON_HOLDS,
    )
    row = session.scalar(query.order_by(PlaySession.id.desc()).limit(1))
    release(session)
    return Reason(row.reason, row.reason_text or "") if row and row.reason else None
