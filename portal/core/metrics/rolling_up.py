"""Fills the table of hours: the last ones again and again, the past once, from the newest back.

An hour that is counted twice stays the same: its numbers are replaced in one transaction. What no
table remembers, how much waits and how old the oldest check is, is sampled at each run.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from portal.core.metrics.counting import COUNTED, Numbers, count, first_hour, hour_of, late_hours
from portal.core.models import MetricHour, Recording, Upload
from portal.core.retention import looking
from portal.core.transaction import release, writing

AGAIN = 2
"""So many hours before the newest one are counted again: commits may come after their own time."""
SECONDS = 5.0
"""No run begins another hour of the past after this time, so that no upload waits long for the one
worker of a small installation; the next run goes on."""
DONE = "done"
"""The name of the row that every counted hour has, even one in which nothing happened."""
WAITING = "waiting"
"""The most that waited for a worker at one time, by kind of job."""
OLDEST_CHECK = "oldest_check"
"""The age of the oldest verification of a recording that is kept, in seconds."""
MARKED = "marked"
"""How many recordings retention has marked and not yet purged."""


def run(session: Session, now: datetime, seconds: float = SECONDS) -> int:
    """Count what has changed, then the past until `seconds` are over. How many hours of it."""
    until = time.monotonic() + seconds
    sample(session, now)
    for hour in _recent(session, now):
        roll_up(session, hour)
        if time.monotonic() >= until:
            return 0
    past = 0
    for hour in _past(session):
        if time.monotonic() >= until:
            break
        roll_up(session, hour)
        past += 1
    return past


def roll_up(session: Session, hour: int) -> None:
    """Count one hour and keep the numbers instead of those that are there."""
    numbers = count(session, hour, hour + 1)
    with writing(session):
        old = (MetricHour.hour == hour, MetricHour.name.in_((*COUNTED, DONE)))
        session.execute(delete(MetricHour).where(*old))
        session.add_all(_rows(hour, numbers))
        session.add(MetricHour(name=DONE, hour=hour, key="", value=1))


def _rows(hour: int, numbers: Numbers) -> list[MetricHour]:
    return [
        MetricHour(name=name, hour=hour, key=key, value=value)
        for (name, key), value in numbers.items()
        if value
    ]


def counted_hours(session: Session) -> tuple[int, int] | None:
    """The oldest and the newest hour that were counted, as all between them were."""
    ends = select(func.min(MetricHour.hour), func.max(MetricHour.hour))
    oldest, newest = session.execute(ends.where(MetricHour.name == DONE)).one()
    release(session)
    return None if oldest is None else (oldest, newest)


def _recent(session: Session, now: datetime) -> Iterable[int]:
    """The hours that may have changed, the oldest first: a run that ends early leaves no gap. Then
    those to which something was added late."""
    this, known = hour_of(now), counted_hours(session)
    if known is None:
        return [this]
    oldest, newest = known
    again = max(oldest, newest - AGAIN)
    late = {hour for hour in late_hours(session, again) if oldest <= hour < again}
    return [*range(again, this + 1), *sorted(late)]


def _past(session: Session) -> Iterable[int]:
    """The hours before the oldest one that was counted, the newest first."""
    known, first = counted_hours(session), first_hour(session)
    if known is None or first is None:
        return []
    return range(known[0] - 1, first - 1, -1)


def waiting(session: Session) -> dict[str, int]:
    """How much waits for a worker right now, by kind of job: from the rows that say what is to be
    done, since the queue is only the doorbell."""
    kinds = {
        "assemble_upload": select(func.count()).where(Upload.state == "finishing"),
        "purge_recording": select(func.count()).where(Recording.state.in_(("deleting", "purging"))),
        "verify_recording": select(func.count()).where(Recording.verify_asked_at.is_not(None)),
    }
    found = {kind: session.scalar(query) or 0 for kind, query in kinds.items()}
    release(session)
    return found


def oldest_check(session: Session, now: datetime) -> int | None:
    """The age of the oldest verification in seconds; None where nothing is kept."""
    query = select(func.min(Recording.verified_at)).where(Recording.deleted_at.is_(None))
    at = session.scalar(query)
    release(session)
    return None if at is None else max(0, int((now - at).total_seconds()))


def sample(session: Session, now: datetime) -> None:
    """Keep the greatest that was seen in this hour."""
    seen: dict[tuple[str, str], int | None] = {
        (WAITING, kind): number for kind, number in waiting(session).items()
    }
    seen[OLDEST_CHECK, ""] = oldest_check(session, now)
    seen[MARKED, ""] = looking.marked(session).count
    with writing(session):
        for (name, key), value in seen.items():
            if value is not None:
                _keep_greatest(session, (name, hour_of(now), key), value)


def _keep_greatest(session: Session, at: tuple[str, int, str], value: int) -> None:
    row = session.get(MetricHour, at)
    if row is None:
        name, hour, key = at
        session.add(MetricHour(name=name, hour=hour, key=key, value=value))
    else:
        row.value = max(row.value, value)
