"""Can the clock be believed? A clock that jumps ahead must not delete what is not due.

A job looks at the clock every minute. Between two looks lies a minute; where it is more than an
hour, or where time goes back by more than that, the clock was set or nobody looked. Then retention
waits until it has gone steadily for a day.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from portal.core.models import Heartbeat
from portal.core.transaction import release, writing

SECONDS = 60
"""From one look to the next."""
JUMP = timedelta(hours=1)
STEADY = timedelta(hours=24)


def beat(session: Session, now: datetime) -> None:
    """Look at the clock."""
    with writing(session):
        row = session.get(Heartbeat, 1, with_for_update=True)
        if row is None:
            session.add(Heartbeat(id=1, seen_at=now, steady_since=now))
            return
        if abs(now - row.seen_at) > JUMP:
            row.steady_since = now
        row.seen_at = now


def steady_since(session: Session, now: datetime) -> datetime | None:
    """Since when the clock has gone steadily; None if it does not just now."""
    row = session.get(Heartbeat, 1)
    release(session)
    return None if row is None or abs(now - row.seen_at) > JUMP else row.steady_since


def trusted_from(session: Session, now: datetime, steady: timedelta = STEADY) -> datetime:
    """From when on retention may act; not after `now` if it may already."""
    since = steady_since(session, now)
    return now + steady if since is None else since + steady
