"""How fast bytes may leave, all files together, by the hours of the day."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime

from recordings_client.option_types import Limit

PIECES_PER_SECOND = 8
"""A limited stream goes out in so many pieces a second: smooth, and no piece waits for long."""


class Pace:
    """Shared by all threads that send. `clock`: seconds that only grow; `now`: the wall's time."""

    def __init__(
        self,
        limits: tuple[Limit, ...] = (),
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        self._limits, self._clock, self._now = limits, clock, now
        self._lock = threading.Lock()
        self._free_at = 0.0

    def allowed(self) -> int | None:
        """Bytes a second at this hour; None where nothing limits them."""
        now = self._now()
        rates = (each.bytes_per_second for each in self._limits if each.hours.hold(now))
        return next(rates, None)

    def piece(self, wanted: int) -> int:
        """How many of these bytes to take at once, at least 1."""
        rate = self.allowed() if self._limits else None
        return wanted if rate is None else max(1, min(wanted, rate // PIECES_PER_SECOND))

    def wait(self, count: int) -> None:
        """Returns when so many bytes more may leave."""
        rate = self.allowed() if self._limits else None
        if rate is None:
            return
        with self._lock:
            begin = max(self._clock(), self._free_at)
            self._free_at = begin + count / rate
        time.sleep(max(0.0, begin - self._clock()))
