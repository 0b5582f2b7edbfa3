"""When the disks of this machine are full, if recordings go on to come and go as they did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.core.accounts import Caller
from portal.core.metrics.counting import RECEIVED, STORED, hour_of
from portal.core.models import MetricHour, Storage
from portal.core.storages import MAIN, STAGING, Stores
from portal.core.transaction import release, utc_now
from storage_backends import StorageUnavailable

DAYS = 30
"""So many whole days are looked back upon."""
FEWEST = 3
"""Of fewer days nothing follows."""
FARTHEST = 3650
"""Days. What is later than that is not told."""


@dataclass(frozen=True)
class Disk:
    """The disk of a storage: bytes in all, and free ones. `per_day`: how many bytes of recordings
    it gained a day, on average; None where too little is known. `full_on`: the day on which that
    fills it; None where it does not within FARTHEST days."""

    storage_id: str
    size: int
    free: int
    per_day: int | None
    full_on: date | None


def forecast(session: Session, caller: Caller, stores: Stores) -> list[Disk]:
    """Each storage that is a folder of this machine. Raises NotAllowed."""
    caller.must("operate")
    return disks(session, stores, utc_now())


def disks(session: Session, stores: Stores, now: datetime) -> list[Disk]:
    """The same, for monitoring. Storages that share a disk are told each by itself."""
    days = _days_known(session, now)
    found = []
    for storage_id in _folders(session, stores):
        try:
            store = stores.of(session, storage_id)
            size, free = store.total_bytes(), store.free_bytes()
        except StorageUnavailable:  # the page of the storages says so
            continue
        if size and free is not None:
            per_day = _gained(session, storage_id, now, days) if days >= FEWEST else None
            found.append(Disk(storage_id, size, free, per_day, full_on(free, per_day, now)))
    return found


def full_on(free: int, per_day: int | None, now: datetime) -> date | None:
    """The day on which so many free bytes are used up."""
    if not per_day or per_day < 0 or free // per_day > FARTHEST:
        return None
    return now.date() + timedelta(days=free // per_day)


def _folders(session: Session, stores: Stores) -> list[str]:
    """No other storage is asked: that would be a request over the network."""
    local = set(session.scalars(select(Storage.id).where(Storage.url.startswith("file:"))))
    release(session)
    return [each for each in stores.ids(session) if each in local | {MAIN, STAGING}]


def _days_known(session: Session, now: datetime) -> int:
    """How many of the last DAYS whole days there were any recordings in or before."""
    first = session.scalar(select(func.min(MetricHour.hour)).where(MetricHour.name == RECEIVED))
    release(session)
    if first is None:
        return 0
    return min(DAYS, hour_of(now) // 24 - first // 24)


def _gained(session: Session, storage_id: str, now: datetime, days: int) -> int:
    today = hour_of(now) // 24 * 24
    query = select(func.sum(MetricHour.value)).where(
        MetricHour.name == STORED,
        MetricHour.key == storage_id,
        MetricHour.hour >= today - 24 * days,
        MetricHour.hour < today,
    )
    gained = int(session.scalar(query) or 0)
    release(session)
    return gained // days
