"""The nightly run: marks what is due, takes marks back, and hands over what has had its grace.

It goes in batches, each a transaction with its events and its numbers: cut off anywhere, the next
run finds what is left. Two at once do nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, func, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from portal.core import audit
from portal.core.audit import Actor
from portal.core.errors import TryAgainLater
from portal.core.models import Recording, RetentionRun
from portal.core.retention import clock, marking, measuring, planning, policies
from portal.core.retention.deciding import MARK, PURGE, Decision, decide
from portal.core.transaction import release, writing

KIND = "run_retention"
BATCH = 500
NIGHT = timedelta(hours=23)
"""After so long the next run is due; the job asks every hour."""
OPEN = and_(
    Recording.deleted_at.is_(None), func.coalesce(Recording.state, "").in_(("ready", "quarantined"))
)
UNMARKED = Recording.marked_at.is_(None)
"""Both as no index has them. SQLite would read that of states, or of what has no mark, and sort all
of it: a second for each batch where there are a million, while the database waits."""
COUNTED = ("looked", "marked", "unmarked", "purged", "size", "blocked")
Moment = InstrumentedAttribute[datetime | None]


@dataclass(frozen=True)
class How:
    """`keep`: the minimum time for everything; `grace`: from mark to deletion; `steady`: for so
    long the clock must have gone without a jump."""

    keep: timedelta
    grace: timedelta
    steady: timedelta = clock.STEADY


def due(session: Session, now: datetime, steady: timedelta = clock.STEADY) -> bool:
    """Whether it is time for a run, and the clock can be believed."""
    return next_run(session, now, steady) <= now


def next_run(session: Session, now: datetime, steady: timedelta = clock.STEADY) -> datetime:
    """When the next run may begin; not after `now` if it may already."""
    last = session.scalar(
        select(RetentionRun.begun_at)
        .where(RetentionRun.ended_at.is_not(None), RetentionRun.begun_at <= now)
        .order_by(RetentionRun.id.desc())
        .limit(1)
    )
    trusted = clock.trusted_from(session, now, steady)
    return trusted if last is None else max(trusted, last + NIGHT)


def run(session: Session, actor: Actor, now: datetime, how: How) -> RetentionRun:
    """One run, by the time at its beginning. Raises TryAgainLater while the clock is not steady."""
    _refuse_jumpy(session, now, how)
    with writing(session):
        made = RetentionRun(policy=policies.number_in_force(session), begun_at=now)
        session.add(made)
    for column, where in _walks(now):
        _walk(session, made.id, column, where, now, how)
    with writing(session):
        ended = session.get_one(RetentionRun, made.id)
        ended.ended_at = now
        counts = {name: getattr(ended, name) for name in COUNTED}
        audit.record(session, actor, "retention.run", ("retention", str(ended.policy)), **counts)
        return ended


def rehearse(session: Session, now: datetime, how: How) -> RetentionRun:
    """What a run would do: the same numbers, and nothing is changed."""
    made = _nothing_yet(session, now)
    for column, where in _walks(now):
        after: Sequence[object] | None = None
        while rows := session.scalars(_batch(column, where, after)).all():
            after = (getattr(rows[-1], column.key), rows[-1].place)
            for recording, decision in _decided(session, rows, now, how):
                _count(made, recording, decision)
            release(session)
    return made


def _refuse_jumpy(session: Session, now: datetime, how: How) -> None:
    trusted = clock.trusted_from(session, now, how.steady)
    if trusted > now:
        raise TryAgainLater(
            "The clock was set, or the portal stood still: retention waits until it has gone "
            f"steadily for a day, at {trusted:%Y-%m-%d %H:%M} UTC at the earliest."
        )


def _nothing_yet(session: Session, now: datetime) -> RetentionRun:
    made = RetentionRun(policy=policies.number_in_force(session), begun_at=now)
    for name in COUNTED:
        setattr(made, name, 0)
    release(session)
    return made


def _walks(now: datetime) -> Iterator[tuple[Moment, ColumnElement[bool]]]:
    """What to look at, and along which index: first those with a mark, then those that are due."""
    yield Recording.purge_at, and_(OPEN, Recording.purge_at.is_not(None))
    yield Recording.delete_at, and_(OPEN, UNMARKED, Recording.delete_at <= now)


def _batch(
    column: Moment, where: ColumnElement[bool], after: Sequence[object] | None
) -> Select[Recording]:
    query = select(Recording).where(where).order_by(column, Recording.place).limit(BATCH)
    return query if after is None else query.where(tuple_(column, Recording.place) > tuple(after))


def _walk(
    session: Session,
    run_id: str,
    column: Moment,
    where: ColumnElement[bool],
    now: datetime,
    how: How,
) -> None:
    after: Sequence[object] | None = None
    while True:
        with writing(session):
            made = session.get_one(RetentionRun, run_id)
            rows = session.scalars(_batch(column, where, after).with_for_update()).all()
            if not rows:
                return
            after = (getattr(rows[-1], column.key), rows[-1].place)
            number = policies.number_in_force(session)
            for recording, decision in _decided(session, rows, now, how):
                _count(made, recording, decision)
                _act(session, recording, decision, number, now, how)


def _decided(
    session: Session, rows: Sequence[Recording], now: datetime, how: How
) -> Iterator[tuple[Recording, Decision]]:
    """Each with what the rules in force say, in the caller's transaction."""
    _, rules = policies.in_force(session)
    facts = planning.facts_of(session, rows)
    said = {each.id: decide(facts[each.id], rules, False, how.keep, now) for each in rows}
    held = _held(session, [each for each in said if said[each].action in (MARK, PURGE)])
    for each in rows:
        if each.id in held:
            said[each.id] = decide(facts[each.id], rules, True, how.keep, now)
        yield each, said[each.id]


def _held(session: Session, ids: Sequence[str]) -> set[str]:
    """Those of them that a legal hold stands on, asked for at once. Each is asked about once more
    before its bytes go."""
    query = select(Recording.id).where(Recording.id.in_(ids), measuring.held())
    return set(session.scalars(query)) if ids else set()


def _count(made: RetentionRun, recording: Recording, decision: Decision) -> None:
    marked = recording.purge_at is not None
    made.looked += 1
    made.marked += decision.action == MARK and not marked
    made.unmarked += decision.action not in (MARK, PURGE) and marked
    made.purged += decision.action == PURGE
    made.size += recording.size if decision.action == PURGE else 0
    made.blocked += decision.reasons[0] == "held"


def _act(
    session: Session,
    recording: Recording,
    decision: Decision,
    policy: int,
    now: datetime,
    how: How,
) -> None:
    if decision.action == PURGE:
        marking.hand_over(session, recording, decision, policy)
    elif decision.action != MARK:
        marking.unmark(session, recording, decision.reasons[0])
    elif recording.purge_at is None:
        marking.mark(session, recording, decision, policy, now, how.grace)
