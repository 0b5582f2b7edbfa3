"""When the disks of this machine are full, if recordings go on to come and go as they did."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.core import disks
from portal.core.accounts import Caller
from portal.core.disks import Disk
from portal.core.metrics.counting import RECEIVED, STORED, hour_of
from portal.core.models import MetricHour
from portal.core.storages import Stores
from portal.core.transaction import release, utc_now

DAYS = 30
"""So many whole days are looked back upon."""
FEWEST = 3
"""Of fewer days nothing follows."""
FARTHEST = 3650
"""Days. What is later than that is not told."""


@dataclass(frozen=True)
class Forecast:
    """What becomes of a disk. `per_day`: how many bytes of recordings its storage gained a day, on
    average; None where too little is known. `full_on`: the day on which that fills it; None where
    it does not within FARTHEST days."""

    disk: Disk
    per_day: int | None
    full_on: date | None


def forecast(session: Session, caller: Caller, stores: Stores) -> list[Forecast]:
    """Each storage that is a folder of this machine. Raises NotAllowed."""
    caller.must("operate")
    return of_all(session, stores, utc_now())


def of_all(session: Session, stores: Stores, now: datetime) -> list[Forecast]:
    """The same, for monitoring."""
    return of_disks(session, disks.measured(session, stores), now)


def of_disks(session: Session, measured: Iterable[Disk], now: datetime) -> list[Forecast]:
    days = _days_known(session, now)
    found = []
    for disk in measured:
        per_day = _gained(session, disk.storage_id, now, days) if days >= FEWEST else None
        found.append(Forecast(disk, per_day, full_on(disk.free, per_day, now)))
    return found


def full_on(free: int, per_day: int | None, now: datetime) -> date | None:
    """The day on which so many free bytes are used up."""
    if not per_day or per_day < 0 or free // per_day > FARTHEST:
        return None
    return now.date() + timedelta(days=free // per_day)


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
