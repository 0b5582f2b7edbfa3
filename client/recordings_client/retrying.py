"""When to try again."""

from __future__ import annotations

import random

LONGEST = 60.0
"""Seconds."""
LONGEST_ASKED = 3600.0
"""Seconds: what a server may ask for in Retry-After."""
SPREAD = 0.2
"""Recorders that were cut off together do not come back together."""


def delay(retries: int, asked: float | None = None) -> float:
    """Seconds before the next try: 2^retries, at most 60, a fifth more or less; and not before
    the server wants to be `asked` again."""
    usual = min(LONGEST, 2.0 ** min(retries, 10))
    spread = usual * random.uniform(1 - SPREAD, 1 + SPREAD)  # noqa: S311 - nobody gains by guessing
    return max(min(LONGEST, spread), asked or 0.0)
