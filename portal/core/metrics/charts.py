"""The charts of the hours that were counted: which there are, and their values over a period."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.core.accounts import Caller
from portal.core.metrics import rolling_up
from portal.core.metrics.counting import (
    BYTES,
    EVENTS,
    RECEIVED,
    RETRIED,
    STORED,
    WITHIN,
    WITHIN_SECONDS,
    hour_of,
    moment_of,
)
from portal.core.metrics.rolling_up import MARKED, OLDEST_CHECK, WAITING
from portal.core.models import MetricHour
from portal.core.transaction import release, utc_now

Values = list[int | None]
"""One for each stretch of the period; None where nothing is known."""
ALL = ""
"""Instead of keys: all that there are."""


@dataclass(frozen=True)
class Definition:
    """A chart: its values are counts, bytes or seconds (`unit`). `lines`: name and key of what is
    shown; ALL for a line for each key. `fold`: what is made of the hours of a stretch: their sum,
    their maximum, the level that all until then add up to, or how soon the half and 95 of 100 were
    available."""

    name: str
    unit: str
    fold: str
    lines: tuple[tuple[str, str], ...]


def _events(*actions: str) -> tuple[tuple[str, str], ...]:
    return tuple((EVENTS, action) for action in actions)


_OUTCOMES = ("completed", "quarantined", "rejected", "expired", "cancelled", "restarted")
DEFINITIONS = (
    Definition("received", "count", "sum", ((RECEIVED, ALL),)),
    Definition("bytes", "bytes", "sum", ((BYTES, ALL),)),
    Definition(
        "outcomes",
        "count",
        "sum",
        (*_events(*(f"upload.{each}" for each in _OUTCOMES)), (RETRIED, ALL)),
    ),
    Definition("available", "seconds", "shares", ((WITHIN, ALL),)),
    Definition("waiting", "count", "most", ((WAITING, ALL),)),
    Definition("stored", "bytes", "level", ((STORED, ALL),)),
    Definition("plays", "count", "sum", _events("recording.play.start", "recording.download")),
    Definition(
        "deletions",
        "count",
        "sum",
        _events("deletion.requested", "deletion.completed", "deletion.denied"),
    ),
    Definition("marked", "count", "most", ((MARKED, ALL),)),
    Definition("checks", "count", "sum", _events("integrity.verified", "integrity.mismatch")),
    Definition("oldest_check", "seconds", "most", ((OLDEST_CHECK, ALL),)),
    Definition("refusals", "count", "sum", _events("auth.failed", "authz.denied")),
)
SHARES = {"half": 0.5, "most": 0.95}
"""Of all recordings, that were available within the time that is shown."""


@dataclass(frozen=True)
class Period:
    """So many stretches of so many hours; the last one is not over."""

    hours: int
    stretches: int

    def begin(self, now: datetime) -> int:
        """The hour with which it begins: days begin at midnight in UTC, weeks on Monday."""
        day = hour_of(now.replace(hour=0))
        this = {1: hour_of(now), 24: day}.get(self.hours, day - 24 * now.weekday())
        return this - self.hours * (self.stretches - 1)


PERIODS = {"day": Period(1, 24), "month": Period(24, 30), "year": Period(7 * 24, 52)}


@dataclass(frozen=True)
class Line:
    """What a chart shows of one thing. `key`: its action, source, storage, kind of job or share;
    `figure`: of the whole period."""

    key: str
    values: Values
    figure: int | None


@dataclass(frozen=True)
class Chart:
    """`times`: when each stretch begins."""

    name: str
    unit: str
    fold: str
    times: Sequence[datetime]
    lines: Sequence[Line]


@dataclass(frozen=True)
class Hours:
    """What the table has of a period: of each line of numbers (name and key) the sum and the
    maximum of each stretch that has any."""

    sums: dict[tuple[str, str], dict[int, int]]
    most: dict[tuple[str, str], dict[int, int]]
    before: dict[str, int]
    """Of STORED, by storage: what all hours before the period add up to."""
    stretches: int

    def lines(self, definition: Definition) -> Iterable[tuple[str, str]]:
        """Those that are to be shown: of ALL, what has anything."""
        known = {*self.sums, *((STORED, key) for key in self.before)}
        for name, key in definition.lines:
            found = sorted(each for each in known if each[0] == name)
            yield from found if key == ALL else [(name, key)]


def drawn(session: Session, caller: Caller, period: Period) -> list[Chart]:
    """All charts of the period that ends now. Raises NotAllowed."""
    caller.must("operate")
    begin = period.begin(utc_now())
    hours = _hours(session, begin, period)
    times = [moment_of(begin + number * period.hours) for number in range(period.stretches)]
    return [
        Chart(each.name, each.unit, each.fold, times, FOLDS[each.fold](hours, each))
        for each in DEFINITIONS
    ]


def _hours(session: Session, begin: int, period: Period) -> Hours:
    stretch = (MetricHour.hour - begin) // period.hours
    names = {name for each in DEFINITIONS for name, _ in each.lines}
    values = (func.sum(MetricHour.value), func.max(MetricHour.value))
    query = (
        select(MetricHour.name, MetricHour.key, stretch, *values)
        .where(MetricHour.name.in_(names), MetricHour.hour >= begin)
        .where(MetricHour.hour < begin + period.hours * period.stretches)
        .group_by(MetricHour.name, MetricHour.key, stretch)
    )
    sums: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    most: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    for name, key, number, together, greatest in session.execute(query):
        sums[name, key][int(number)] = int(together)
        most[name, key][int(number)] = int(greatest)
    release(session)
    return Hours(sums, most, _stored_before(session, begin), period.stretches)


def _stored_before(session: Session, hour: int) -> dict[str, int]:
    query = (
        select(MetricHour.key, func.sum(MetricHour.value))
        .where(MetricHour.name == STORED, MetricHour.hour < hour)
        .group_by(MetricHour.key)
    )
    found = {key: int(size) for key, size in session.execute(query)}
    release(session)
    return found


def _sums(hours: Hours, definition: Definition) -> list[Line]:
    found = []
    for each in hours.lines(definition):
        known = hours.sums.get(each, {})
        values: Values = [known.get(number, 0) for number in range(hours.stretches)]
        found.append(Line(each[1] or each[0], values, sum(known.values())))
    return found


def _most(hours: Hours, definition: Definition) -> list[Line]:
    found = []
    for each in hours.lines(definition):
        known = hours.most.get(each, {})
        values: Values = [known.get(number) for number in range(hours.stretches)]
        found.append(Line(each[1] or each[0], values, max(known.values(), default=None)))
    return found


def _levels(hours: Hours, definition: Definition) -> list[Line]:
    found = []
    for each in hours.lines(definition):
        level, values = hours.before.get(each[1], 0), list[int | None]()
        for number in range(hours.stretches):
            level += hours.sums.get(each, {}).get(number, 0)
            values.append(level)
        found.append(Line(each[1], values, level))
    return found


def _shares(hours: Hours, definition: Definition) -> list[Line]:
    """For each share of the recordings, within how many seconds they were available."""
    counts = [
        {key: known.get(number, 0) for (name, key), known in hours.sums.items() if name == WITHIN}
        for number in range(hours.stretches)
    ]
    together = {key: sum(each[key] for each in counts) for key in (counts[0] if counts else {})}
    return [
        Line(key, [within(each, part) for each in counts], within(together, part))
        for key, part in SHARES.items()
    ]


def within(counts: dict[str, int], part: float) -> int | None:
    """The least of WITHIN_SECONDS in which this part of the recordings was available; the greatest
    for what took longer, None where there are none. `counts`: by the keys of WITHIN."""
    needed, reached = part * sum(counts.values()), 0
    if not needed:
        return None
    for seconds in WITHIN_SECONDS:
        reached += counts.get(str(seconds), 0)
        if reached >= needed:
            return seconds
    return WITHIN_SECONDS[-1]


FOLDS = {"sum": _sums, "most": _most, "level": _levels, "shares": _shares}


def counted_from(session: Session, caller: Caller) -> datetime | None:
    """Since when everything is counted; None before the first run. Raises NotAllowed."""
    caller.must("operate")
    known = rolling_up.counted_hours(session)
    return None if known is None else moment_of(known[0])
