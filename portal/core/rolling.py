"""Rolling verification: the bytes of every recording are read back once within a period.

Those verified longest ago come first, and somebody's “verify now” before them. How much is read in
one go is bounded, so that players and uploads do not notice. One that cannot be read although its
storage is there is set aside as if somebody had asked for it: its own job tries again and again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, func, literal, select, tuple_, update
from sqlalchemy.orm import Session

from portal.core import audit, fixity, recordings
from portal.core.accounts import Caller
from portal.core.audit import SYSTEM
from portal.core.deletion import GONE
from portal.core.errors import NotFound
from portal.core.filtering import few_of
from portal.core.models import Recording
from portal.core.storages import Stores
from portal.core.transaction import release, utc_now, writing
from portal.core.wanted import INTEGRITY
from storage_backends import StorageUnavailable

KIND = "verify_recording"
SLICE = 60
"""Seconds from one run to the next; none takes longer by its own choice."""
BEGINS = 0.8
"""The part of the period after which a recording's turn comes: the rest is for those before it."""
COUNTED = 1000
"""What there is more of is only called more: to count a million takes up to a second."""
BATCH = 1000
TROUBLE = ("mismatch", "missing", "overdue")
STATES = ("ok", *TROUBLE)
log = logging.getLogger(__name__)


def state(recording: Recording, period: timedelta, now: datetime) -> str:
    """What is known of the bytes: one of STATES. `overdue`: they were right, but longer ago than
    the period."""
    if recording.integrity != "ok":
        return recording.integrity
    return "overdue" if recording.verified_at < now - period else "ok"


def _kept() -> ColumnElement[bool]:
    """That a recording has bytes."""
    return and_(Recording.deleted_at.is_(None), Recording.state.not_in(GONE))


def _is(which: str, late: datetime) -> ColumnElement[bool]:
    """`state` in SQL."""
    if which in ("ok", "overdue"):
        old = Recording.verified_at < late
        return and_(_kept(), Recording.integrity == "ok", old if which == "overdue" else ~old)
    return and_(_kept(), Recording.integrity == which)


@dataclass(frozen=True)
class Done:
    """How many recordings a run has verified, and how many bytes it has read for that."""

    count: int = 0
    size: int = 0


def run(session: Session, stores: Stores, period: timedelta, most: int) -> Done:
    """Verify those whose turn has come, the oldest first, up to `most` bytes or SLICE seconds.

    One that is larger than that alone is read when it is the first: whoever runs this waits longer
    then. What is in a storage that is away stays as it is. Where one cannot be read, that one is
    set aside, and its storage left alone until the next run: perhaps nothing there can be read.
    """
    done, away = Done(), set[str]()
    due, ends = utc_now() - BEGINS * period, time.monotonic() + SLICE
    while time.monotonic() < ends:
        recording = _oldest(session, due, away)
        if recording is None or (done.count and done.size + recording.size > most):
            break
        try:
            fixity.verify(session, stores, recording)
        except StorageUnavailable as error:
            away.add(recording.storage_id)
            if _is_there(session, stores, recording.storage_id):
                _set_aside(session, recording, error)
        else:
            done = Done(done.count + 1, done.size + recording.size)
    return done


def _is_there(session: Session, stores: Stores, storage_id: str) -> bool:
    try:
        stores.checked(session, storage_id)
    except StorageUnavailable:
        return False
    return True


def _set_aside(session: Session, recording: Recording, error: StorageUnavailable) -> None:
    log.error("The bytes of the recording %s cannot be read: %s", recording.id, error)
    asked = update(Recording).where(Recording.id == recording.id)
    with writing(session):
        session.execute(asked.values(verify_asked_at=utc_now()))
        subject, storage = ("recording", recording.id), recording.storage_id
        audit.record(session, SYSTEM, "integrity.unread", subject, "failed", storage=storage)


def _oldest(session: Session, due: datetime, away: Collection[str]) -> Recording | None:
    """Without those that somebody has asked for: their jobs read them."""
    not_asked = Recording.verify_asked_at.is_(None)
    query = select(Recording).where(_kept(), Recording.verified_at < due, not_asked)
    if away:
        query = query.where(Recording.storage_id.not_in(away))
    found = session.scalar(query.order_by(Recording.verified_at, Recording.id).limit(1))
    release(session)
    return found


def ask(session: Session, caller: Caller, recording_id: str) -> None:
    """Note that somebody wants this one verified now. Raises NotAllowed, NotFound."""
    found = recordings.find(session, caller, recording_id, "verify").id
    with writing(session):
        recording = session.scalar(select(Recording).where(Recording.id == found, _kept()))
        if recording is None:
            raise NotFound("The recording was deleted; there are no bytes to verify.")
        recording.verify_asked_at = recording.verify_asked_at or utc_now()
        audit.record(session, caller.actor, "integrity.asked", ("recording", found))


def waiting(session: Session) -> Sequence[str]:
    """The recordings whose verification was asked for and not done yet, the first one first."""
    asked = select(Recording.id).where(_kept(), Recording.verify_asked_at.is_not(None))
    found = session.scalars(asked.order_by(Recording.verify_asked_at).limit(BATCH)).all()
    release(session)
    return found


def verify_asked(session: Session, stores: Stores, recording_id: str) -> int:
    """Verify the recording if that is still to be done; how many were. Raises StorageUnavailable:
    then it stays to be done."""
    asked = Recording.verify_asked_at.is_not(None)
    recording = session.scalar(
        select(Recording).where(Recording.id == recording_id, _kept(), asked)
    )
    release(session)
    if recording is None:
        return 0
    fixity.verify(session, stores, recording)
    return 1


@dataclass(frozen=True)
class Tile:
    """Integrity at a glance: how many recordings are in each of STATES, up to COUNTED + 1 each,
    and when the one that was verified longest ago was verified."""

    counts: dict[str, int]
    oldest: datetime | None


def tile(session: Session, caller: Caller, period: timedelta) -> Tile:
    """That of the recordings in the caller's reach. Raises NotAllowed."""
    mine, late = recordings.visible(caller, "verify"), utc_now() - period
    reached = None if caller.scope.everything else few_of(session, select(Recording.id).where(mine))
    if reached is not None:
        return _tile_of_few(session, mine, late)
    counts = {which: _capped(session, _is(which, late), mine) for which in STATES}
    oldest = _longest_ago(session, mine)
    release(session)
    return Tile(counts, oldest)


def _tile_of_few(session: Session, mine: ColumnElement[bool], late: datetime) -> Tile:
    """All of a narrow scope are looked at: to meet 20 of them among a million others took 850 ms,
    and takes one."""
    old = case((Recording.verified_at < late, "overdue"), else_="ok")
    which = case((Recording.integrity == "ok", old), else_=Recording.integrity)
    oldest = func.min(Recording.verified_at)
    query = select(which, func.count(), oldest).where(_kept(), mine).group_by(which)
    rows = session.execute(query).all()
    release(session)
    counts = {name: min(count, COUNTED + 1) for name, count, _ in rows}
    return Tile(dict.fromkeys(STATES, 0) | counts, min((at for _, _, at in rows), default=None))


def _capped(session: Session, *fits: ColumnElement[bool]) -> int:
    some = select(literal(1)).where(*fits).limit(COUNTED + 1).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def _longest_ago(session: Session, mine: ColumnElement[bool]) -> datetime | None:
    """One question for each kind of integrity, since an index goes on with the time of each:
    asked at once, SQLite sorted all calls for 1.8 s."""
    order = (Recording.verified_at, Recording.id)
    query = select(Recording.verified_at).where(_kept(), mine).order_by(*order).limit(1)
    asked = (query.where(Recording.integrity == each) for each in INTEGRITY)
    return min((at for each in asked if (at := session.scalar(each))), default=None)


Place = tuple[datetime, str]
"""Where a list goes on: the last row's verified_at and id."""


def page(
    session: Session,
    caller: Caller,
    which: str,
    period: timedelta,
    limit: int,
    after: Place | None = None,
) -> tuple[Sequence[Recording], Place | None]:
    """Recordings in one of STATES, verified longest ago first, and where to go on, if there are
    more. Raises NotAllowed."""
    mine, late = recordings.visible(caller, "verify"), utc_now() - period
    order = (Recording.verified_at, Recording.id)
    query = select(Recording).where(_is(which, late), mine)
    if after is not None:
        query = query.where(tuple_(*order) > after)
    rows = session.scalars(query.order_by(*order).limit(limit + 1)).all()
    release(session)
    shown = rows[:limit]
    more = len(rows) > limit
    return shown, (shown[-1].verified_at, shown[-1].id) if more else None
