"""The start page of people who play: what waits, what is new, where they stopped.

Every number is that of a list that the person may open, by the list's own predicate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session

from portal.core import finding, login_sessions
from portal.core.accounts import Caller
from portal.core.filtering import conditions
from portal.core.models import AuditEvent, LegalHold, PlaySession, Recording, place_at
from portal.core.ranges import percent
from portal.core.recordings import visible
from portal.core.transaction import release, utc_now
from portal.core.wanted import Wanted

DAYS = 14
"""So many days of arrivals are counted when the page is asked for: 20,000 rows take 15 ms."""
SHOWN = 5
LOOKED_THROUGH = 50
"""A person's last viewings, among which the recordings are looked for."""
NEARLY_ALL = 98
"""Percent. Whoever has heard that much has not stopped in between."""
_MICROSECONDS = 24 * 60 * 60 * 10**6


def anything(session: Session, caller: Caller) -> bool:
    """Whether there is any recording that the caller may know of."""
    return finding.count(session, caller, finding.ANY, most=0) > 0


def waiting(session: Session, caller: Caller) -> int:
    """How many recordings nobody has reviewed, up to finding.COUNTED + 1. Raises NotAllowed."""
    return finding.count(session, caller, Wanted(reviewed=False))


def held(session: Session, caller: Caller) -> int:
    """How many are under an open legal hold, likewise."""
    query = select(LegalHold.recording_id).where(LegalHold.released_at.is_(None)).distinct()
    holds = query.subquery()
    fits = (visible(caller), *conditions(session, finding.ANY, Recording.place))
    # Each hold is followed to its recording: as a join of any kind, 500 holds made SQLite walk
    # through all calls in 1.4 s, and PostgreSQL through everything in 0.3 s.
    followed = select(Recording.id).where(Recording.id == holds.c.recording_id, *fits)
    mine = followed.scalar_subquery().is_not(None)
    some = select(literal(1)).select_from(holds).where(mine).limit(finding.COUNTED + 1).subquery()
    found = session.scalar(select(func.count()).select_from(some)) or 0
    release(session)
    return found


@dataclass(frozen=True)
class Fresh:
    """How many recordings were received since then, up to finding.COUNTED + 1."""

    since: datetime
    count: int


def fresh(session: Session, caller: Caller, session_id: str) -> Fresh | None:
    """What is new since the person signed in before this browser session; None the first time."""
    since = login_sessions.before(session, caller.user_id, session_id)
    if since is None:
        return None
    return Fresh(since, finding.count(session, caller, Wanted(received_from=since)))


@dataclass(frozen=True)
class Day:
    """How many recordings were received on a day of UTC."""

    day: date
    count: int


def received(session: Session, caller: Caller) -> list[Day]:
    """The last DAYS days, today included, the oldest first."""
    today = utc_now().replace(hour=0, minute=0, second=0, microsecond=0)
    begin = today - timedelta(days=DAYS - 1)
    number = (Recording.place - place_at(begin)) // _MICROSECONDS
    wanted = Wanted(received_from=begin, received_to=today + timedelta(days=1))
    fits = conditions(session, wanted, Recording.place)
    query = select(number, func.count()).where(visible(caller), *fits).group_by(number)
    counts = {int(day): count for day, count in session.execute(query)}
    release(session)
    return [Day((begin + timedelta(days=n)).date(), counts.get(n, 0)) for n in range(DAYS)]


@dataclass(frozen=True)
class Viewing:
    """A recording that the person has played, when, and how far: `stopped_ms` is where to go on,
    None at the beginning and where all was heard."""

    recording: Recording
    at: datetime
    percent: int | None
    stopped_ms: int | None


def viewings(session: Session, caller: Caller) -> list[Viewing]:
    """The recordings that the person has played last, each once, the latest first."""
    query = (
        select(PlaySession, Recording)
        .join(Recording, Recording.id == PlaySession.recording_id)
        .where(PlaySession.user_id == caller.user_id, visible(caller, "play"))
        .where(*conditions(session, finding.ANY, Recording.place))
        .order_by(PlaySession.id.desc())
        .limit(LOOKED_THROUGH)
    )
    last: dict[str, Viewing] = {}
    for play, recording in session.execute(query):
        last.setdefault(recording.id, _viewing(play, recording))
    release(session)
    return list(last.values())[:SHOWN]


def _viewing(play: PlaySession, recording: Recording) -> Viewing:
    part = percent(play.heard, play.length_ms)
    stopped = play.heard[-1][1] if play.heard and (part or 0) < NEARLY_ALL else None
    if stopped is not None and play.length_ms and stopped >= play.length_ms:
        stopped = None
    return Viewing(recording, play.started_at, part, stopped)


@dataclass(frozen=True)
class Export:
    """A list that the person has saved as a file: when, as what, how many, by which filters."""

    at: datetime
    form: str
    count: int
    filters: dict[str, list[str]]


def exports(session: Session, caller: Caller) -> list[Export]:
    """The person's own exports, the latest first: nobody's log is read for it but one's own."""
    mine = (AuditEvent.actor_label == caller.label, AuditEvent.actor_id == caller.user_id)
    query = select(AuditEvent).where(*mine, AuditEvent.action == "export.created")
    newest = query.order_by(AuditEvent.at.desc(), AuditEvent.seq.desc())
    rows: Sequence[AuditEvent] = session.scalars(newest.limit(SHOWN)).all()
    release(session)
    return [_export(row.at, row.details) for row in rows]


def _export(at: datetime, said: dict[str, Any]) -> Export:
    return Export(at, said["format"], said["count"], said["filters"])
