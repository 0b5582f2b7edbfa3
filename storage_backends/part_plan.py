"""The arithmetic of multipart uploads: into which parts an object is cut. It moves no byte."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

MiB = 1024 * 1024
LEAST = 5 * MiB
"""What S3 wants of every part but the last."""
MOST_PARTS = 10_000
LARGEST_OBJECT = 5 * 1024 * 1024 * MiB
EQUAL_PART = 8 * MiB
COPY_AT_ONCE = 512 * MiB
"""Larger sources are copied in several parts, each of less than twice this: S3 takes up to 5 GiB,
but a copy of so much keeps a connection silent for a minute."""


@dataclass(frozen=True)
class Piece:
    """The bytes of source number `source` from `start` up to, not including, `stop`."""

    source: int
    start: int
    stop: int


def plan_parts(
    sizes: Sequence[int], *, least: int = LEAST, equal: bool = False
) -> list[list[Piece]]:
    """The parts of an object that consists of sources of these sizes, in bytes, in their order.

    A part with one piece can be copied by the server; the others have to pass through us. With
    `equal`, all parts but the last have one size. No part but the last is smaller than `least`.
    Raises ValueError beyond 5 TiB.
    """
    total = sum(sizes)
    ends = list(accumulate(sizes))
    cuts = _equal_cuts(total) if equal else _cuts_at_sources(ends, smallest_part(total, least))
    return [_pieces(ends, start, stop) for start, stop in pairwise(cuts)]


def smallest_part(total: int, least: int, most_parts: int = MOST_PARTS) -> int:
    """The part size, in bytes, with which `total` bytes need no more than so many parts.

    It is never less than `least`. Raises ValueError beyond 5 TiB.
    """
    if total > LARGEST_OBJECT:
        raise ValueError(f"an object has at most 5 TiB; this one would have {total} bytes")
    return max(least, -(-total // most_parts))


def _equal_cuts(total: int) -> list[int]:
    return [*range(0, total, smallest_part(total, EQUAL_PART)), total]


def _cuts_at_sources(ends: Sequence[int], least: int) -> list[int]:
    """Cuts where sources meet, as far as that leaves no part smaller than `least` but the last."""
    cuts, start = [0], 0
    for end in ends:
        if cuts[-1] < start and end - cuts[-1] >= least:  # small sources wait to be filled up
            filled = cuts[-1] + least
            cuts.append(filled if end - filled >= least else end)
        if cuts[-1] >= start and end - cuts[-1] >= least:
            cuts += _evenly(cuts[-1], end, max(COPY_AT_ONCE, least))
        start = end
    return cuts if cuts[-1] == start else [*cuts, start]


def _evenly(start: int, end: int, about: int) -> list[int]:
    """Cuts up to `end`, at least `about` bytes apart unless there is only one."""
    count = max(1, (end - start) // about)
    return [start + (end - start) * number // count for number in range(1, count + 1)]


def _pieces(ends: Sequence[int], start: int, stop: int) -> list[Piece]:
    first, last = bisect_right(ends, start), bisect_left(ends, stop)
    begins = {number: ends[number - 1] if number else 0 for number in range(first, last + 1)}
    return [
        Piece(number, max(start, begin) - begin, min(stop, ends[number]) - begin)
        for number, begin in begins.items()
        if ends[number] > begin
    ]
