"""The settings of the rolling verification: how often bytes are read back, and how fast."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from portal.setting_types import setting, whole


@dataclass(frozen=True)
class VerifyingSettings:
    """A part of portal.config.Settings."""

    verify_days: int = setting(
        "PORTAL_VERIFY_DAYS",
        "30",
        whole(1, 3650),
        "Each recording's bytes are read back and compared once within so many days.",
    )
    verify_mib_per_second: int = setting(
        "PORTAL_VERIFY_MIB_PER_SECOND",
        "20",
        whole(1, 100_000),
        "How fast that may be, in MiB per second, over any few minutes.",
    )

    @property
    def verify_period(self) -> timedelta:
        return timedelta(days=self.verify_days)

    @property
    def verify_rate(self) -> int:
        """Bytes per second."""
        return self.verify_mib_per_second * 1024 * 1024
