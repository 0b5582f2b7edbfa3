"""What people are shown: the coming deletions, those that are marked, and the runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from portal.core.accounts import Caller
from portal.core.held import is_held
from portal.core.models import Recording, RetentionRun
from portal.core.recordings import visible
from portal.core.retention import clock, planning, running
from portal.core.retention.deciding import Decision
from portal.core.retention.measuring import held
from portal.core.transaction import release

MONTHS = 24


@dataclass(frozen=True)
class Span:
    """A month or a day, and what the rules have deleted in it: how many, their bytes, and how many
    of them stay because of legal holds. Marked ones are no longer among them."""

    begin: datetime
    end: datetime
    count: int
    size: int
    held: int


@dataclass(frozen=True)
class Marked:
    """Marked and not yet purged: how many, their bytes, and when the first grace ends."""

    count: int
    size: int
    next_purge: datetime | None


@dataclass(frozen=True)
class Tile:
    """What is marked, and when the next run may begin. `waits`: the clock was set, or the portal
    stood still."""

    marked: Marked
    next_run: datetime
    waits: bool


def of_recording(
    session: Session, recording: Recording, floor: timedelta, now: datetime
) -> Decision:
    """What becomes of one recording as things stand, and why."""
    held = is_held(session, recording.id)
    found = planning.standing(session, recording, held, floor, now)
    release(session)
    return found


def tile(session: Session, caller: Caller, now: datetime) -> Tile:
    """That of the recordings in the caller's reach. Raises NotAllowed."""
    found = _marked(session, visible(caller, "verify"))
    waits = clock.trusted_from(session, now) > now
    return Tile(found, running.next_run(session, now), waits)


def marked(session: Session) -> Marked:
    """That of all recordings, for monitoring."""
    return _marked(session)


def _marked(session: Session, *fits: ColumnElement[bool]) -> Marked:
    sums = (func.count(), func.coalesce(func.sum(Recording.size), 0), func.min(Recording.purge_at))
    query = select(*sums).where(running.OPEN, Recording.purge_at.is_not(None), *fits)
    count, size, first = session.execute(query).one()
    release(session)
    return Marked(count, int(size), first)


def months(session: Session, caller: Caller, now: datetime) -> list[Span]:
    """The coming deletions by month, from this one on; first, what is due by now. Raises
    NotAllowed."""
    bounds = [_month(now, ahead) for ahead in range(MONTHS + 1)]
    return _spans(session, caller, [datetime(1970, 1, 1, tzinfo=UTC), now, *bounds[1:]])


def days(session: Session, caller: Caller, month: datetime) -> list[Span]:
    """Those of one month by day, as far as there are any. Raises NotAllowed."""
    begin, end = _month(month, 0), _month(month, 1)
    bounds = [begin + timedelta(days=each) for each in range((end - begin).days + 1)]
    return [each for each in _spans(session, caller, bounds) if each.count]


def _month(moment: datetime, ahead: int) -> datetime:
    """The beginning of the month so many months after this one's."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + ahead, 12)
    return datetime(year, month + 1, 1, tzinfo=UTC)


def _spans(session: Session, caller: Caller, bounds: Sequence[datetime]) -> list[Span]:
    mine = (visible(caller, "verify"), running.OPEN, running.UNMARKED)
    size = func.coalesce(func.sum(Recording.size), 0)
    blocked = func.coalesce(func.sum(case((held(), 1), else_=0)), 0)
    found = []
    for begin, end in pairwise(bounds):
        when = (Recording.delete_at >= begin, Recording.delete_at < end)
        row = session.execute(select(func.count(), size, blocked).where(*mine, *when)).one()
        found.append(Span(begin, end, row[0], int(row[1]), int(row[2])))
    release(session)
    return found


def runs(session: Session, limit: int, before: str | None = None) -> Sequence[RetentionRun]:
    """The newest runs, or those before one of them."""
    query = select(RetentionRun).order_by(RetentionRun.id.desc()).limit(limit)
    if before is not None:
        query = query.where(RetentionRun.id < before)
    found = session.scalars(query).all()
    release(session)
    return found
