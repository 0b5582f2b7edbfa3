"""What monitoring reads at one moment: totals of all hours, and how it stands right now.

Nothing is counted in a process: several of them give the same answer. Totals are those of the hours
that are over and were counted, and of what has happened since, from the tables themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.core.disks import NAMES
from portal.core.job_list import PUT_OFF
from portal.core.metrics import forecast, rolling_up
from portal.core.metrics.counting import (
    AVAILABLE_MS,
    BYTES,
    COUNTED,
    EVENTS,
    RECEIVED,
    RETRIED,
    STORED,
    WITHIN,
    WITHIN_SECONDS,
    Numbers,
    count,
    hour_of,
    moment_of,
)
from portal.core.metrics.forecast import Forecast
from portal.core.models import Job, MetricHour, Upload
from portal.core.retention import looking
from portal.core.storages import Stores
from portal.core.transaction import release

Labels = Mapping[str, str]
_FLOWS = [name for name in COUNTED if name != STORED]


@dataclass(frozen=True)
class Sample:
    """One value. `suffix`: what its name has more than its family's."""

    value: float
    labels: Labels
    suffix: str = ""


@dataclass(frozen=True)
class Family:
    """Values of one meaning. `kind`: counter, gauge or histogram."""

    name: str
    kind: str
    told: str
    samples: Iterable[Sample]


def totals(session: Session, now: datetime) -> Numbers:
    """All COUNTED numbers since the month began in UTC; of STORED, since the beginning.

    Over ten years of hours the sums would take 2.5 s, over a month 20 ms. To monitoring, a counter
    that begins anew is one of a program that was started again.
    """
    known, end = rolling_up.counted_hours(session), hour_of(now) + 1
    newest = known[1] if known else hour_of(now)
    month = hour_of(now.replace(day=1, hour=0))
    # The newest hour was counted before it was over, and may be long ago where no worker runs.
    since = count(session, newest, end)
    lately = since if newest >= month else count(session, month, end)
    found = _sums(session, _FLOWS, month, newest)
    found.update({each: value for each, value in lately.items() if each[0] != STORED})
    found.update(_sums(session, [STORED], 0, newest))
    found.update({each: value for each, value in since.items() if each[0] == STORED})
    return found


def _sums(session: Session, names: Sequence[str], first: int, end: int) -> Numbers:
    """Of the hours from `first` until before `end`."""
    query = (
        select(MetricHour.name, MetricHour.key, func.sum(MetricHour.value))
        .where(MetricHour.name.in_(names))
        .where(MetricHour.hour >= first, MetricHour.hour < end)
        .group_by(MetricHour.name, MetricHour.key)
    )
    found = Numbers({(name, key): int(value) for name, key, value in session.execute(query)})
    release(session)
    return found


def families(session: Session, stores: Stores, now: datetime) -> list[Family]:
    """Everything but what the queue knows."""
    numbers = totals(session, now)
    return [
        *_counters(numbers),
        _availability(numbers),
        _by(numbers, STORED, "storage", "stored_bytes", "gauge", "Bytes of recordings kept."),
        *_standing(session, now),
        *_disks(forecast.of_all(session, stores, now)),
    ]


def _by(numbers: Numbers, of: str, label: str, name: str, kind: str, told: str) -> Family:
    found = [Sample(value, {label: key}) for (each, key), value in numbers.items() if each == of]
    return Family(name, kind, told, sorted(found, key=lambda sample: sample.labels[label]))


def _counters(numbers: Numbers) -> list[Family]:
    return [
        _by(numbers, of, label, name, "counter", told)
        for of, label, name, told in (
            (RECEIVED, "source", "recordings_received_total", "Recordings received."),
            (BYTES, "source", "received_bytes_total", "Bytes of recordings received."),
            (EVENTS, "action", "events_total", "Events of the audit log."),
            (RETRIED, "job", "retried_total", "Uploads that took more than one attempt."),
        )
    ]


def _availability(numbers: Numbers) -> Family:
    """From the last byte of a recording until it is available, as a histogram."""
    together, samples = 0, []
    for seconds in (*WITHIN_SECONDS, None):
        together += numbers[WITHIN, str(seconds or "inf")]
        samples.append(Sample(together, {"le": str(seconds or "+Inf")}, "_bucket"))
    samples.append(Sample(numbers[AVAILABLE_MS, ""] / 1000, {}, "_sum"))
    samples.append(Sample(together, {}, "_count"))
    told = "Seconds from the last byte of a recording until it was available."
    return Family("available_seconds", "histogram", told, samples)


def _gauge(name: str, told: str, *samples: Sample) -> Family:
    return Family(name, "gauge", told, samples)


def _standing(session: Session, now: datetime) -> list[Family]:
    """What waits and runs right now."""
    waiting = [Sample(n, {"job": kind}) for kind, n in rolling_up.waiting(session).items()]
    receiving = select(func.count()).where(Upload.state == "open")
    running = select(func.count()).where(Job.state == "running", Job.lease_until > now)
    again = select(func.count()).where(PUT_OFF)
    counts = [Sample(session.scalar(each) or 0, {}) for each in (receiving, running, again)]
    release(session)
    age, marked = rolling_up.oldest_check(session, now), looking.marked(session)
    known = rolling_up.counted_hours(session)
    return [
        _gauge("waiting", "Work that waits for a worker.", *waiting),
        _gauge("uploads_open", "Uploads that are receiving bytes.", counts[0]),
        _gauge("jobs_running", "Jobs that a worker has in hand.", counts[1]),
        _gauge("jobs_to_retry", "Jobs that failed and are tried again.", counts[2]),
        _gauge("marked_recordings", "Marked by retention, not yet purged.", *_if(marked.count)),
        _gauge("marked_bytes", "Their bytes.", *_if(marked.size)),
        _gauge("oldest_check_seconds", "Age of the oldest check of a kept recording.", *_if(age)),
        _gauge(
            "counted_until_timestamp_seconds",
            "Beginning of the newest hour that a worker has counted.",
            *_if(moment_of(known[1]).timestamp() if known else None),
        ),
    ]


def _if(value: float | None) -> list[Sample]:
    return [] if value is None else [Sample(value, {})]


def _disks(found: list[Forecast]) -> list[Family]:
    def of(value: Callable[[Forecast], float | None]) -> list[Sample]:
        told = ((value(each), {"storage": each.disk.storage_id}) for each in found)
        return [Sample(number, labels) for number, labels in told if number is not None]

    full = of(lambda each: _midnight(each.full_on) if each.full_on else None)
    level = of(lambda each: NAMES.index(each.disk.level))
    return [
        _gauge("disk_bytes", "Size of the disk of a storage.", *of(lambda each: each.disk.size)),
        _gauge("disk_free_bytes", "What is free of it.", *of(lambda each: each.disk.free)),
        _gauge("disk_level", "1 from 80, 2 from 90, 3 from 95 percent used; else 0.", *level),
        _gauge("disk_full_timestamp_seconds", "The day on which it may be full.", *full),
    ]


def _midnight(day: date) -> float:
    return datetime.combine(day, time(), UTC).timestamp()
