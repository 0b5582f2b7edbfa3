"""When a session or a token was last used: written at most once a minute, and for people only."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy import or_, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import InstrumentedAttribute, Session

from portal.core.models import LoginSession, Token
from portal.core.transaction import utc_now, writing

EVERY = timedelta(minutes=1)
log = logging.getLogger(__name__)


def note(
    session: Session,
    row: LoginSession | Token,
    seen: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None],
) -> None:
    """Write the time of this use, unless one less than a minute old is there.

    A disk that is full stops nobody from reading: that the time could not be written is logged.
    """
    now = utc_now()
    last = getattr(row, seen.key)
    if last is not None and last > now - EVERY:
        return
    table = type(row)
    due = or_(seen.is_(None), seen <= now - EVERY)  # other requests of the same may be at it
    try:
        with writing(session):
            session.execute(update(table).where(table.id == row.id, due).values({seen: now}))
    except OperationalError as error:
        log.warning("the time of last use cannot be written: %s", error.orig)
