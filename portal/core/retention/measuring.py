"""What would rules delete? Counted by the database: `decide` as a condition of SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, false, func, not_, or_, select, true
from sqlalchemy.orm import Session

from portal.core.accounts import Caller
from portal.core.held import standing
from portal.core.models import LegalHold, Recording, RecordingTag, Tag
from portal.core.recordings import visible
from portal.core.retention import policies
from portal.core.retention.deciding import Rule
from portal.core.transaction import release

AHEAD = timedelta(days=30)
"""What goes within this time is counted: a rule that begins to bite tomorrow is no harmless one."""
SAMPLE = 10
MUCH = 20
"""More than one in so many is much."""


@dataclass(frozen=True)
class Measured:
    """What rules would delete within AHEAD: how many, their bytes, the oldest one's reception, and
    how many more would go if it were not for legal holds. `more` go that stay by the rules in
    force, `more_size` are their bytes; `total` are all that are kept today. `sample`: the oldest
    ones of `more` that the caller may see.
    """

    count: int
    size: int
    oldest: datetime | None
    held: int
    more: int
    more_size: int
    total: int
    sample: Sequence[Recording]

    @property
    def much(self) -> bool:
        """Whether so many more go that it has to be confirmed."""
        return self.more * MUCH > self.total


def measure(
    session: Session, caller: Caller, rules: Sequence[Rule], floor: timedelta, now: datetime
) -> Measured:
    """Raises NotAllowed."""
    caller.must("retention")
    at = now + AHEAD
    kept = and_(Recording.deleted_at.is_(None), Recording.state.in_(("ready", "quarantined")))
    goes = and_(kept, due(rules, floor, at))
    more = and_(goes, not_(held()), not_(due(policies.in_force(session)[1], floor, at)))
    count, size, oldest = _summed(session, and_(goes, not_(held())))
    further, further_size, _ = _summed(session, more)
    query = select(Recording).where(more, visible(caller)).order_by(Recording.place).limit(SAMPLE)
    sample = session.scalars(query).all()
    blocked, total = (_summed(session, which)[0] for which in (and_(goes, held()), kept))
    release(session)
    return Measured(count, size, oldest, blocked, further, further_size, total, sample)


def _summed(session: Session, which: ColumnElement[bool]) -> tuple[int, int, datetime | None]:
    sums = (func.count(), func.coalesce(func.sum(Recording.size), 0))
    row = session.execute(select(*sums, func.min(Recording.received_at)).where(which)).one()
    return row[0], int(row[1]), row[2]


def held() -> ColumnElement[bool]:
    """That a legal hold stands on a recording."""
    return exists().where(LegalHold.recording_id == Recording.id, standing())


def due(rules: Sequence[Rule], floor: timedelta, at: datetime) -> ColumnElement[bool]:
    """That the rules have a recording deleted at this time, were it not held.

    Some rule fits it, and none that fits it keeps it longer: the longest wins.
    """
    fitting = [_fits(rule) for rule in rules]
    stay = [and_(fit, _keeps(rule, at)) for fit, rule in zip(fitting, rules, strict=True)]
    old_enough = Recording.received_at <= at - floor
    return and_(old_enough, or_(false(), *fitting), not_(or_(false(), *stay)))


def _fits(rule: Rule) -> ColumnElement[bool]:
    """`deciding.fits` in SQL, and never NULL."""
    wanted: list[ColumnElement[bool]] = [true()]
    for column, word in (
        (Recording.source, rule.source),
        (Recording.kind, rule.kind),
        (Recording.department, rule.department),
    ):
        if word is not None:
            wanted.append(column.is_not_distinct_from(word))
    if rule.tag is not None:
        tagged = select(RecordingTag.recording_id).join(Tag, Tag.id == RecordingTag.tag_id)
        wanted.append(Recording.id.in_(tagged.where(Tag.name == rule.tag)))
    if rule.min_size is not None:
        wanted.append(Recording.size >= rule.min_size)
    if rule.max_size is not None:
        wanted.append(Recording.size <= rule.max_size)
    return and_(*wanted)


def _keeps(rule: Rule, at: datetime) -> ColumnElement[bool]:
    if rule.keep_days is None or rule.delete_days is None:
        return true()
    return Recording.received_at > at - timedelta(days=max(rule.keep_days, rule.delete_days))
