"""Moments of a recording as people write them: 754, 12:34 or 1:02:03."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from flask_babel import gettext

from portal.core.errors import InvalidRequest

_POSITION = re.compile(r"(?:([0-9]{1,4}):)?(?:([0-9]{1,4}):)?([0-9]{1,7}(?:[.,][0-9]{1,3})?)")
SHOWN = 6


def position(text: str) -> int:
    """Milliseconds. Raises InvalidRequest."""
    match = _POSITION.fullmatch(text.strip())
    if match is None:
        raise InvalidRequest("Write a time as seconds, as 12:34 or as 1:02:03.")
    first, second, seconds = match.groups()
    hours, minutes = (first, second) if second else (0, first)
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60
    return whole * 1000 + round(float(seconds.replace(",", ".")) * 1000)


def clock(milliseconds: int) -> str:
    """3723900 → 1:02:03: the second that has begun, as a player shows it."""
    minutes, seconds = divmod(milliseconds // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def written(milliseconds: int) -> str:
    """3723900 → 1:02:03.9: nothing cut off, so that `position` reads the same again."""
    rest = milliseconds % 1000
    return clock(milliseconds) + (f".{rest:03}".rstrip("0") if rest else "")


def stretches(ranges: Iterable[Sequence[int]]) -> str:
    """[[0, 61000], [90000, 95000]] → 0:00–1:01, 1:30–1:35; only the first few of many."""
    shown = [f"{clock(start)}–{clock(stop)}" for start, stop in ranges]
    more = len(shown) - SHOWN
    last = [gettext("and %(count)d more", count=more)] if more > 0 else []
    return ", ".join(shown[:SHOWN] + last)
