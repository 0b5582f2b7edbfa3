"""The settings of retention: how long a recording that is due may still be saved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from portal.setting_types import setting, whole


@dataclass(frozen=True)
class RetentionSettings:
    """A part of portal.config.Settings."""

    retention_grace_days: int = setting(
        "PORTAL_RETENTION_GRACE_DAYS",
        "7",
        whole(0, 3650),
        "So many days lie between a recording's mark by the retention rules and its deletion.",
    )

    @property
    def retention_grace(self) -> timedelta:
        return timedelta(days=self.retention_grace_days)
