"""How full the disks of this machine are: the one place that measures them and says how bad it is.

A full disk deletes nothing: new uploads are refused until there is room again.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.models import AuditEvent, Storage
from portal.core.storages import MAIN, STAGING, Stores
from portal.core.transaction import release, writing
from storage_backends import StorageUnavailable

LEVELS = ((0, "ok"), (80, "warn"), (90, "high"), (95, "full"))
"""From how many percent on a disk is how full."""
NAMES = tuple(name for _, name in LEVELS)
SLACK = 2
"""Percent that have to be free again before a level is left: nobody hears of each file that comes
and goes at its edge."""
CROSSED = "storage.disk_level"
_LOUDNESS = {"ok": logging.INFO, "warn": logging.WARNING}  # and the higher ones are errors
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Disk:
    """The disk that a storage lies on: bytes in all, and free ones."""

    storage_id: str
    size: int
    free: int

    @property
    def used_percent(self) -> int:
        """Rounded down: 80 is what 80 and a half is, and never 100 while anything is free."""
        return 100 * (self.size - self.free) // self.size

    @property
    def level(self) -> str:
        """ok, or what is reached of 80, 90 and 95 percent: warn, high, full."""
        return level_at(self.used_percent)


def level_at(percent: int) -> str:
    return [name for least, name in LEVELS if percent >= least][-1]


def level_after(before: str, percent: int) -> str:
    """The level that people are told of: a higher one at once, a lower one SLACK later."""
    left_over = min(before, level_at(percent + SLACK), key=NAMES.index)
    return max(level_at(percent), left_over, key=NAMES.index)


def of(stores: Stores, session: Session, storage_id: str) -> Disk | None:
    """That of a storage; None where it is no folder. Raises StorageUnavailable."""
    store = stores.of(session, storage_id)
    size, free = store.total_bytes(), store.free_bytes()
    return Disk(storage_id, size, free) if size and free is not None else None


def measured(session: Session, stores: Stores) -> list[Disk]:
    """Those of all storages that are folders of this machine and are there. Storages that share a
    disk are told each by itself."""
    found = []
    for storage_id in _folders(session, stores):
        try:
            found.append(of(stores, session, storage_id))
        except StorageUnavailable:  # the page of the storages says so
            continue
    return [disk for disk in found if disk]


def _folders(session: Session, stores: Stores) -> list[str]:
    """No other storage is asked: that would be a request over the network."""
    local = set(session.scalars(select(Storage.id).where(Storage.url.startswith("file:"))))
    release(session)
    return [each for each in stores.ids(session) if each in local | {MAIN, STAGING}]


def fullest(disks: Sequence[Disk]) -> Disk | None:
    return max(disks, key=lambda disk: disk.used_percent, default=None)


def watch(session: Session, stores: Stores) -> int:
    """Write down which disks have crossed a level since the last look, once each, in the log and in
    the audit log, which remembers what was told last. Returns how many have."""
    crossed = [disk for disk in measured(session, stores) if _tell(session, disk)]
    return len(crossed)


def _tell(session: Session, disk: Disk) -> bool:
    with writing(session):
        before = _last_told(session, disk.storage_id)
        now = level_after(before, disk.used_percent)
        if now == before:
            return False
        told: dict[str, Any] = {"before": before, "after": now, "percent": disk.used_percent}
        audit.record(session, audit.SYSTEM, CROSSED, ("storage", disk.storage_id), "ok", **told)
    said = "The disk of the storage %s is %d %% full (%s, before: %s)."
    log.log(
        _LOUDNESS.get(now, logging.ERROR), said, disk.storage_id, disk.used_percent, now, before
    )
    return True


def _last_told(session: Session, storage_id: str) -> str:
    query = (
        select(AuditEvent.details)
        .where(AuditEvent.object_id == storage_id, AuditEvent.action == CROSSED)
        .order_by(AuditEvent.at.desc(), AuditEvent.seq.desc())
        .limit(1)
    )
    found = session.scalar(query)
    return str(found["after"]) if found else "ok"
