"""Giving recordings tags and a department, and taking them away. Scopes are made of both."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from portal.core import audit, holding, recordings, search
from portal.core.accounts import Caller
from portal.core.deletion import locked
from portal.core.errors import InvalidRequest
from portal.core.labels import clean
from portal.core.models import Recording, RecordingTag, Tag
from portal.core.transaction import one_at_a_time, release, writing

NAMING = 7261006  # any number that nothing else in this database locks


def tags_of(session: Session, recording_id: str) -> list[str]:
    """The tags of one recording, in the order of the alphabet."""
    found = _tags(session, recording_id)
    release(session)
    return found


def add_tag(session: Session, caller: Caller, recording_id: str, name: str) -> list[str]:
    """Give a recording a tag; harmless to repeat. All its tags afterwards.

    Raises NotFound, NotAllowed, InvalidRequest.
    """
    label = label_of(name)

    def add() -> None:
        tag = session.scalar(select(Tag).where(Tag.name == label))
        if tag is None:
            tag = Tag(name=label)
            session.add(tag)
            session.flush()
        if session.get(RecordingTag, (recording_id, tag.id)) is None:
            session.add(RecordingTag(recording_id=recording_id, tag_id=tag.id))

    return _changed(session, caller, recording_id, add)


def remove_tag(session: Session, caller: Caller, recording_id: str, name: str) -> list[str]:
    """Take a tag away; harmless to repeat. Raises NotFound, NotAllowed, InvalidRequest."""
    named = select(Tag.id).where(Tag.name == label_of(name))
    gone = delete(RecordingTag).where(
        RecordingTag.recording_id == recording_id, RecordingTag.tag_id.in_(named)
    )
    return _changed(session, caller, recording_id, lambda: session.execute(gone))


def set_department(
    session: Session, caller: Caller, recording_id: str, name: str | None
) -> Recording:
    """Put a recording into another department, or none. Raises as `add_tag`."""
    label = None if name is None else label_of(name)
    _may_label(session, caller, recording_id)
    with writing(session):
        recording = locked(session, recording_id)
        before, recording.department = recording.department, label
        if before != label:
            session.flush()
            search.index(session, recording_id)
            holding.take_in(session, recording_id)
            subject, change = ("recording", recording_id), {"before": before, "after": label}
            act = "recording.metadata_changed"
            audit.record(session, caller.actor, act, subject, department=change)
        return recording


def _may_label(session: Session, caller: Caller, recording_id: str) -> None:
    caller.must("label")
    recordings.find(session, caller, recording_id)


def label_of(name: str) -> str:
    """The label as it is kept. Raises InvalidRequest."""
    label = clean(name)
    if label is None:
        raise InvalidRequest(f"{name!r} is no label; write up to 64 letters, digits and signs.")
    return label


def _tags(session: Session, recording_id: str) -> list[str]:
    given = select(Tag.name).join(RecordingTag, RecordingTag.tag_id == Tag.id)
    mine = given.where(RecordingTag.recording_id == recording_id)
    return sorted(session.scalars(mine))


def _changed(
    session: Session, caller: Caller, recording_id: str, change: Callable[[], object]
) -> list[str]:
    """One change of a recording's tags, and the event that tells it, if there was any."""
    _may_label(session, caller, recording_id)
    with writing(session):
        one_at_a_time(session, NAMING)  # two may give the same new tag at once
        locked(session, recording_id)
        before = _tags(session, recording_id)
        change()
        session.flush()
        after = _tags(session, recording_id)
        if before != after:
            subject = ("recording", recording_id)
            act = "recording.tagged"
            search.index(session, recording_id)
            holding.take_in(session, recording_id)
            audit.record(session, caller.actor, act, subject, before=before, after=after)
        return after
