"""Times of the week, such as «mon-fri 08:00 to 18:00», in this machine's local time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY_DAY = frozenset(range(7))


@dataclass(frozen=True)
class Hours:
    """From `start` until before `end`; past midnight where `end` is not after `start`. `days`: the
    days on which they begin, Monday is 0."""

    start: time
    end: time
    days: frozenset[int] = EVERY_DAY

    def hold(self, now: datetime) -> bool:
        today, clock = now.weekday(), now.time()
        if self.start < self.end:
            return today in self.days and self.start <= clock < self.end
        began_today = today in self.days and clock >= self.start
        return began_today or ((today - 1) % 7 in self.days and clock < self.end)


def any_hold(windows: Iterable[Hours], now: datetime) -> bool:
    return any(each.hold(now) for each in windows)


def seconds_until_open(windows: tuple[Hours, ...], now: datetime) -> float:
    """0 if one of the windows is open, or if there are none; else until the next one opens."""
    if not windows or any_hold(windows, now):
        return 0.0
    starts = [_next_start(each, now) for each in windows]
    return max(1.0, (min(starts) - now).total_seconds())


def _next_start(window: Hours, now: datetime) -> datetime:
    midnight = datetime.combine(now.date(), window.start)
    later = (midnight + timedelta(days=number) for number in range(8))
    return next(at for at in later if at > now and at.weekday() in window.days)


def days_of(text: str) -> frozenset[int]:
    """The days of «mon-fri» or «sat,sun». Raises ValueError."""
    found: set[int] = set()
    for stretch in text.lower().replace(" ", "").split(","):
        first, _, last = stretch.partition("-")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        found |= {(begin + step) % 7 for step in range((end - begin) % 7 + 1)}
    return frozenset(found)
