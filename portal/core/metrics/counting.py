"""What happened in a span of hours, counted in the tables that have it: the truth of all charts.

Hours are numbers: hours since 1970, in UTC.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from portal.core import assembly
from portal.core.models import AuditEvent, Job, Recording, place_at
from portal.core.transaction import release

HOUR = timedelta(hours=1)
EVENTS = "events"
"""Of the audit log, by action."""
RECEIVED = "received"
"""Recordings by source, in the hour in which their last byte came, whatever became of them."""
BYTES = "received_bytes"
STORED = "stored"
"""By storage: bytes received less bytes deleted. The sum of all hours is what is there."""
RETRIED = "retried"
"""Uploads that were assembled, or given up, at the second attempt or later; by kind of job."""
WITHIN = "available_within"
"""Recordings by how soon they were available: the smallest of WITHIN_SECONDS, or `inf`."""
AVAILABLE_MS = "available_ms"
"""The sum of these times, in milliseconds."""
COUNTED = (EVENTS, RECEIVED, BYTES, STORED, RETRIED, WITHIN, AVAILABLE_MS)

WITHIN_SECONDS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 21_600, 86_400)
BECAME = ("upload.completed", "upload.quarantined")
"""The events of an upload that became a recording."""
Numbers = Counter[tuple[str, str]]
"""Values by name and key."""


def hour_of(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // HOUR


def moment_of(hour: int) -> datetime:
    """When this hour begins."""
    return datetime(1970, 1, 1, tzinfo=UTC) + hour * HOUR


def count(session: Session, first: int, end: int) -> Numbers:
    """All COUNTED numbers of the hours from `first` until before `end`."""
    since, until = moment_of(first), moment_of(end)
    found: Numbers = Counter()
    _add_events(session, found, AuditEvent.at >= since, AuditEvent.at < until)
    _add_recordings(session, found, place_at(since), place_at(until))
    tries = select(func.count()).where(
        Job.state.in_(("done", "failed")), Job.ended_at >= since, Job.ended_at < until
    )
    again = tries.where(Job.kind == assembly.KIND, Job.epoch > 1)
    found[RETRIED, assembly.KIND] = session.scalar(again) or 0
    release(session)
    return found


def _add_events(session: Session, found: Numbers, *fits: ColumnElement[bool]) -> None:
    """The events by action, and the bytes that went with recordings that were deleted."""
    by_action = select(AuditEvent.action, func.count()).where(*fits).group_by(AuditEvent.action)
    for action, number in session.execute(by_action):
        found[EVENTS, action] = number
    if not found[EVENTS, "deletion.completed"]:
        return
    gone = (
        select(Recording.storage_id, func.sum(Recording.size))
        .join(AuditEvent, AuditEvent.object_id == Recording.id)
        .where(AuditEvent.action == "deletion.completed", *fits)
        .group_by(Recording.storage_id)
    )
    for storage_id, size in session.execute(gone):
        found[STORED, storage_id] -= int(size)


def _add_recordings(session: Session, found: Numbers, first: int, end: int) -> None:
    columns = (Recording.source, Recording.storage_id, Recording.size)
    times = (Recording.received_at, Recording.available_at)
    fits = (Recording.place >= first, Recording.place < end)
    rows = session.execute(select(*columns, *times).where(*fits).execution_options(yield_per=1000))
    for source, storage_id, size, received_at, available_at in rows:
        found[RECEIVED, source] += 1
        found[BYTES, source] += size
        found[STORED, storage_id] += size
        # The two clocks may be those of two machines.
        took = max(timedelta(), available_at - received_at)
        found[WITHIN, _within(took)] += 1
        found[AVAILABLE_MS, ""] += took // timedelta(milliseconds=1)


def _within(took: timedelta) -> str:
    place = bisect_left(WITHIN_SECONDS, took.total_seconds())
    return str(WITHIN_SECONDS[place]) if place < len(WITHIN_SECONDS) else "inf"


def late_hours(session: Session, since: int) -> set[int]:
    """The hours in which recordings were received that became available only `since` then."""
    became = (AuditEvent.action.in_(BECAME), AuditEvent.at >= moment_of(since))
    hour = Recording.place // (3600 * 10**6)
    query = select(hour).join(AuditEvent, AuditEvent.object_id == Recording.id).where(*became)
    hours = {int(each) for each in session.scalars(query.distinct())}
    release(session)
    return hours


def first_hour(session: Session) -> int | None:
    """When everything began; None where nothing has happened yet."""
    at = session.scalar(select(func.min(AuditEvent.at)))
    place = session.scalar(select(func.min(Recording.place)))
    release(session)
    hours = [] if at is None else [hour_of(at)]
    return min(hours if place is None else [*hours, place // (3600 * 10**6)], default=None)
