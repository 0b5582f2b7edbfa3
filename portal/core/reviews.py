"""The mark “I have reviewed this recording”: one per person, with an outcome or without."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from portal.core import audit, recordings
from portal.core.accounts import Caller
from portal.core.deletion import locked
from portal.core.errors import InvalidRequest
from portal.core.models import Review
from portal.core.transaction import release, utc_now, writing

OUTCOMES = ("fine", "finding", "escalated")


def by(user_id: str | None, outcome: str | None = None) -> Select[str]:
    """The ids of the recordings that this person, or anybody, has reviewed with this outcome, or
    with any."""
    query = select(Review.recording_id)
    if user_id is not None:
        query = query.where(Review.user_id == user_id)
    return query if outcome is None else query.where(Review.outcome == outcome)


def own(session: Session, caller: Caller, ids: Sequence[str]) -> set[str]:
    """Which of these recordings the caller has reviewed."""
    mine = by(caller.user_id).where(Review.recording_id.in_(ids))
    found = set(session.scalars(mine))
    release(session)
    return found


def mark(
    session: Session, caller: Caller, recording_id: str, outcome: str | None, keep: bool = False
) -> Review:
    """Reviewed, by this person; a second time changes the outcome, unless they `keep` what they
    said before. Raises NotAllowed, NotFound."""
    caller.must("note")
    if outcome is not None and outcome not in OUTCOMES:
        raise InvalidRequest("Choose one of the outcomes.")
    found = recordings.find(session, caller, recording_id).id
    with writing(session):
        locked(session, found).reviewed = True  # locked: a double click is two at once
        row = session.get(Review, (found, caller.user_id))
        if row is None:
            row = Review(recording_id=found, user_id=caller.user_id)
            session.add(row)
        before, outcome = row.outcome, row.outcome if keep else outcome
        row.outcome, row.at = outcome, utc_now()
        row.user_label = caller.label
        subject = ("recording", found)
        act = (caller.actor, "recording.reviewed", subject)
        audit.record(session, *act, before=before, outcome=outcome)
        return row


def unmark(session: Session, caller: Caller, recording_id: str) -> None:
    """Not reviewed after all; harmless to repeat. Raises NotAllowed, NotFound."""
    caller.must("note")
    found = recordings.find(session, caller, recording_id).id
    with writing(session):
        recording = locked(session, found)
        row = session.get(Review, (found, caller.user_id))
        if row is not None:
            session.delete(row)
            others = by(None).where(Review.recording_id == found, Review.user_id != row.user_id)
            recording.reviewed = session.scalar(others.limit(1)) is not None
            audit.record(session, caller.actor, "recording.review_withdrawn", ("recording", found))


def of_recording(session: Session, caller: Caller, recording_id: str) -> Sequence[Review]:
    """Who has reviewed it, the first first; nothing for whoever does not review."""
    if "note" not in caller.rights:
        return []
    found = recordings.find(session, caller, recording_id).id
    query = select(Review).where(Review.recording_id == found).order_by(Review.at)
    rows = session.scalars(query).all()
    release(session)
    return rows
