"""When each recording is to be deleted, written down beside it: `delete_at` by `planned_policy`.

The date is what lists and the calendar show, and where the nightly run looks; it decides nothing.
Rows whose `planned_policy` is not the one in force are what is still to do after a change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy.orm import Session

from portal.core.models import Recording, RecordingTag, Tag
from portal.core.retention import policies
from portal.core.retention.deciding import Decision, Facts, Rule, decide
from portal.core.transaction import release, utc_now, writing

KIND = "plan_retention"
BATCH = 1000
NONE = timedelta(0)


def facts_of(session: Session, recordings: Sequence[Recording]) -> dict[str, Facts]:
    """What the rules look at, by id, in the caller's transaction."""
    tags = _tags(session, [each.id for each in recordings])
    return {
        each.id: Facts(
            each.source,
            each.kind,
            each.department,
            tags.get(each.id, frozenset()),
            each.size,
            each.received_at,
            each.purge_at,
        )
        for each in recordings
    }


def _tags(session: Session, ids: Sequence[str]) -> Mapping[str, frozenset[str]]:
    given = select(RecordingTag.recording_id, Tag.name).join(Tag, Tag.id == RecordingTag.tag_id)
    found: dict[str, set[str]] = {}
    for recording_id, name in session.execute(given.where(RecordingTag.recording_id.in_(ids))):
        found.setdefault(recording_id, set()).add(name)
    return {recording_id: frozenset(names) for recording_id, names in found.items()}


def standing(
    session: Session, recording: Recording, held: bool, floor: timedelta, now: datetime
) -> Decision:
    """What the rules in force say of one recording, in the caller's transaction."""
    held_ids = {recording.id} if held else set[str]()
    return standings(session, [recording], held_ids, floor, now)[recording.id]


def standings(
    session: Session,
    recordings: Sequence[Recording],
    held: Collection[str],
    floor: timedelta,
    now: datetime,
) -> dict[str, Decision]:
    """The same of several, by id. `held`: those that a legal hold stands on."""
    _, rules = policies.in_force(session)
    facts = facts_of(session, recordings)
    return {each: decide(facts[each], rules, each in held, floor, now) for each in facts}


def plan(session: Session, recording: Recording) -> None:
    """Set the dates of one that is new or was changed, in the transaction that did it."""
    session.flush()
    session.refresh(recording, with_for_update=True)  # two may change tag and department at once
    number, rules = policies.in_force(session)
    [(_, delete_at)] = _dates(session, [recording], rules)
    recording.delete_at, recording.planned_policy = delete_at, number


def _dates(
    session: Session, recordings: Sequence[Recording], rules: Sequence[Rule]
) -> Iterable[tuple[str, datetime | None]]:
    now = utc_now()
    for recording_id, facts in facts_of(session, recordings).items():
        yield recording_id, decide(facts, rules, False, NONE, now).delete_at


def _stale(number: int) -> ColumnElement[bool]:
    return and_(Recording.deleted_at.is_(None), Recording.planned_policy < number)


def plan_all(session: Session) -> int:
    """Set the dates of all that an older version of the rules has planned; how many there were.

    Cut off anywhere, it goes on where it stopped.
    """
    count = 0
    while planned := _plan_batch(session):
        count += planned
    return count


def _plan_batch(session: Session) -> int:
    with writing(session):
        number, rules = policies.in_force(session)
        query = select(Recording).where(_stale(number)).limit(BATCH).with_for_update()
        rows = session.scalars(query).all()
        dates = [
            {"id": recording_id, "delete_at": delete_at, "planned_policy": number}
            for recording_id, delete_at in _dates(session, rows, rules)
        ]
        if dates:
            session.execute(update(Recording), dates)
        return len(dates)


def left(session: Session, most: int) -> int:
    """How many recordings are still to be planned, counted up to so many."""
    number = policies.number_in_force(session)
    some = select(Recording.id).where(_stale(number)).limit(most).subquery()
    found = session.scalar(select(func.count()).select_from(some)) or 0
    release(session)
    return found


def waiting(session: Session) -> list[str]:
    """The number of the policy in force, if recordings are still to be planned by it."""
    number = policies.number_in_force(session)
    return [str(number)] if left(session, 1) else []
