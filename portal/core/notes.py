"""Notes: what people write about a moment or a stretch of a recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, or_, select, tuple_
from sqlalchemy.orm import Session

from portal.core import audit, recordings, search
from portal.core.accounts import Caller
from portal.core.deletion import locked
from portal.core.errors import InvalidRequest, NotFound
from portal.core.models import Note, Recording
from portal.core.transaction import release, utc_now, writing

LONGEST = 4000
MOST = 500
"""Notes beside the player, which is more than its lane can show."""


@dataclass(frozen=True)
class Written:
    """A note's content. Times are in milliseconds; without an end it is about one moment."""

    text: str
    start_ms: int
    end_ms: int | None
    shared: bool

    def __post_init__(self) -> None:
        """Raises InvalidRequest."""
        if not 0 < len(self.text) <= LONGEST:
            raise InvalidRequest(f"A note has 1 to {LONGEST} characters.")
        if self.start_ms < 0 or (self.end_ms is not None and self.end_ms <= self.start_ms):
            raise InvalidRequest("A note's end comes after its start.")


def readable(caller: Caller) -> ColumnElement[bool]:
    """Which notes a caller may read: shared ones, and their own."""
    return or_(Note.shared, Note.user_id == caller.user_id)


def of_recording(
    session: Session,
    caller: Caller,
    recording_id: str,
    limit: int = MOST,
    start: str | None = None,
) -> Sequence[Note]:
    """The notes that the caller may read, in the recording's order; none for who writes none.
    `start`: from the note with this id on."""
    if "note" not in caller.rights:
        return []
    found = recordings.find(session, caller, recording_id).id
    query = select(Note).where(Note.recording_id == found, readable(caller))
    here = start and session.scalar(query.where(Note.id == start))
    if here:
        query = query.where(tuple_(Note.start_ms, Note.id) >= (here.start_ms, here.id))
    rows = session.scalars(query.order_by(Note.start_ms, Note.id).limit(limit)).all()
    release(session)
    return rows


def add(session: Session, caller: Caller, recording_id: str, written: Written) -> Note:
    """A new note. Raises NotAllowed, NotFound, and InvalidRequest beyond the recording's end."""
    caller.must("note")
    recording = recordings.find(session, caller, recording_id)
    _refuse_beyond(recording, written)
    note = Note(recording_id=recording.id, user_id=caller.user_id, user_label=caller.label)
    note.created_at = utc_now()
    with writing(session):
        locked(session, recording.id)
        _fill(note, written)
        session.add(note)
        session.flush()
        search.index(session, note.recording_id)
        _record(session, caller, "recording.note_added", note)
    return note


def change(
    session: Session, caller: Caller, recording_id: str, note_id: str, written: Written
) -> Note:
    """Other words, another time. Raises the same, and NotFound for somebody else's."""
    caller.must("note")
    recording = recordings.find(session, caller, recording_id)
    _refuse_beyond(recording, written)
    with writing(session):
        locked(session, recording.id)
        note = _own(session, caller, recording.id, note_id)
        _fill(note, written)
        note.changed_at = utc_now()
        session.flush()
        search.index(session, note.recording_id)
        _record(session, caller, "recording.note_changed", note)
        return note


def remove(session: Session, caller: Caller, recording_id: str, note_id: str) -> None:
    """Take one's own note away. Raises NotAllowed, NotFound."""
    caller.must("note")
    found = recordings.find(session, caller, recording_id).id
    with writing(session):
        locked(session, found)
        note = _own(session, caller, found, note_id)
        _record(session, caller, "recording.note_removed", note)
        session.delete(note)
        session.flush()
        search.index(session, found)


def _own(session: Session, caller: Caller, recording_id: str, note_id: str) -> Note:
    mine = Note.user_id == caller.user_id, Note.recording_id == recording_id
    note = session.scalar(select(Note).where(Note.id == note_id, *mine))
    if note is None:
        if strange := session.get(Note, note_id):
            subject = ("recording", strange.recording_id)
            audit.denied(session, caller.actor, subject, right="note", note=note_id)
        raise NotFound("There is no such note, or it is not yours.")
    return note


def _refuse_beyond(recording: Recording, written: Written) -> None:
    last = max(written.start_ms, written.end_ms or 0)
    if recording.duration_ms is not None and last > recording.duration_ms + 1000:
        raise InvalidRequest("The recording is not that long.")


def _fill(note: Note, written: Written) -> None:
    note.text, note.shared = written.text, written.shared
    note.start_ms, note.end_ms = written.start_ms, written.end_ms


def _record(session: Session, caller: Caller, action: str, note: Note) -> None:
    """What it says is content, and stays out of the audit log."""
    subject = ("recording", note.recording_id)
    about: dict[str, Any] = {"note": note.id, "start_ms": note.start_ms, "end_ms": note.end_ms}
    audit.record(session, caller.actor, action, subject, shared=note.shared, **about)
