"""Stretches of bytes or of time, as sorted pairs [start, stop] that do not touch each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Ranges = list[list[int]]
MOST = 500


def merged(*several: Iterable[Sequence[int]], most: int = MOST) -> Ranges:
    """All of them as one list. Beyond `most` stretches the smallest gaps are closed, so that no
    row grows without end: it then tells a little too much rather than forgetting something."""
    joined: Ranges = []
    for start, stop in sorted((a, b) for ranges in several for a, b in ranges if a < b):
        if joined and start <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], stop)
        else:
            joined.append([start, stop])
    while len(joined) > most:
        at = min(range(1, len(joined)), key=lambda i: joined[i][0] - joined[i - 1][1])
        joined[at - 1 : at + 1] = [[joined[at - 1][0], joined[at][1]]]
    return joined


def total(ranges: Iterable[Sequence[int]]) -> int:
    """How much they cover together."""
    return sum(stop - start for start, stop in ranges)


def clipped(ranges: Iterable[Sequence[int]], end: int | None, most: int) -> Ranges:
    """What of them lies between 0 and `end` (None: no end), in their order and no more than
    `most` in all."""
    kept: Ranges = []
    for first, last in ranges:
        start = max(0, first)
        stop = min(start + most, last if end is None else min(last, end))
        if start < stop:
            kept.append([start, stop])
            most -= stop - start
    return kept


def percent(ranges: Iterable[Sequence[int]], whole: int | None) -> int | None:
    """How much of the whole they cover; None where nobody knows how long it is."""
    return min(100, round(100 * total(ranges) / whole)) if whole else None
