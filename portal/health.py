"""What is right and what is wrong with this installation: one look at each of its parts.

A check says a `level` (ok, warn, bad) and a `finding`, which portal/web/system.py has words for.
Nothing here waits for a storage: what is told of those is what their last test found, and what they
said to jobs.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from portal import __version__, migrate, queue
from portal.config import Settings
from portal.core import disks, job_list, storage_checks
from portal.core.audit import checking, seals
from portal.core.models import Job
from portal.core.storages import STAGING, Stores
from portal.core.transaction import release, utc_now
from storage_backends import StorageError

OK, WARN, BAD = "ok", "warn", "bad"
SLOW_MS = 250
MOST_SKEW = timedelta(seconds=5)
CRON_LATE = 3
"""So many times its period the most frequent periodic job may be late."""


@dataclass(frozen=True)
class Check:
    """One part: what was found, how bad that is, and the facts that the sentence names."""

    part: str
    level: str
    finding: str
    facts: dict[str, Any] = field(default_factory=dict)


def checks(session: Session, stores: Stores, settings: Settings) -> list[Check]:
    """Everything, the most basic first."""
    looks: list[Callable[[], Check]] = [
        lambda: _database(session),
        lambda: _migrations(session),
        lambda: _clock(session),
        _redis,
        _workers,
        lambda: _cron(session, settings),
        lambda: _stuck(session),
        lambda: _storages(session, stores),
        lambda: _disk(session, stores),
        lambda: _chain(session),
        lambda: _seals(session),
    ]
    return [look() for look in looks]


def _database(session: Session) -> Check:
    begun = time.perf_counter()
    session.execute(text("SELECT 1"))
    took = round((time.perf_counter() - begun) * 1000)
    name = session.get_bind().dialect.name
    release(session)
    slow = took > SLOW_MS
    facts = {"name": name, "milliseconds": took}
    return Check("database", WARN if slow else OK, "slow" if slow else "fine", facts)


def _migrations(session: Session) -> Check:
    there, wanted = migrate.revisions(session.connection())
    release(session)
    facts = {"there": there, "wanted": wanted}
    same = there == wanted
    return Check("migrations", OK if same else BAD, "fine" if same else "behind", facts)


def _clock(session: Session) -> Check:
    """This machine's clock beside the database's; SQLite has none of its own."""
    if session.get_bind().dialect.name != "postgresql":
        return Check("clock", OK, "one")
    theirs: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    apart = abs(utc_now() - theirs)
    release(session)
    differs = apart > MOST_SKEW
    facts = {"seconds": round(apart.total_seconds())}
    return Check("clock", WARN if differs else OK, "differs" if differs else "fine", facts)


def _redis() -> Check:
    took = queue.ping()
    if took is None:
        return Check("redis", BAD, "away")
    return Check("redis", OK, "fine", {"milliseconds": round(took * 1000)})


def _workers() -> Check:
    found = queue.workers()
    if found is None:
        return Check("workers", BAD, "unknown")
    alive = [each for each in found if each.alive]
    facts = {"count": len(alive), "waiting": queue.waiting()}
    return Check("workers", OK if alive else BAD, "fine" if alive else "none", facts)


def _cron(session: Session, settings: Settings) -> Check:
    last = session.scalar(select(Job.started_at).where(Job.id == "reconcile_uploads"))
    release(session)
    late = timedelta(seconds=CRON_LATE * settings.reconcile_seconds + 60)
    if last is None or last < utc_now() - late:
        return Check("cron", BAD, "late", {"last": last})
    return Check("cron", OK, "fine", {"last": last})


def _stuck(session: Session) -> Check:
    count = job_list.count_stuck(session)
    return Check("jobs", WARN if count else OK, "stuck" if count else "fine", {"count": count})


def _storages(session: Session, stores: Stores) -> Check:
    found = storage_checks.last_problems(session, stores)
    broken = {name: said for name, said in found.items() if said}
    if broken:
        name, said = next(iter(broken.items()))
        return Check("storages", BAD, "broken", {"name": name, "said": said})
    if said := job_list.said_by_storage(session):
        return Check("storages", BAD, "away", {"said": said})
    if not found:
        return Check("storages", WARN, "untested")
    return Check("storages", OK, "fine", {"count": len(found)})


def _disk(session: Session, stores: Stores) -> Check:
    """The fullest one."""
    try:
        disks.of(stores, session, STAGING)
    except StorageError as error:
        return Check("disk", BAD, "away", {"said": str(error)})
    disk = disks.fullest(disks.measured(session, stores))
    if disk is None:
        return Check("disk", OK, "elsewhere")
    level = {"ok": OK, "warn": WARN}.get(disk.level, BAD)
    facts = {"name": disk.storage_id, "percent": disk.used_percent, "free": disk.free}
    return Check("disk", level, "fine" if level == OK else "filling", facts)


def _chain(session: Session) -> Check:
    _, last = checking.newest(session)
    if last is None:
        return Check("chain", WARN, "never")
    if last.problem:
        return Check("chain", BAD, "broken", {"seq": last.bad_seq})
    return Check("chain", OK, "fine", {"last": last.ended_at})


def _seals(session: Session) -> Check:
    newest = seals.latest(session)
    if newest is None:
        return Check("seals", WARN, "never")
    return Check("seals", OK, "fine", {"seq": newest.seq})


def versions(session: Session) -> dict[str, str]:
    """What runs here, for whoever has to help."""
    database = session.connection().dialect
    info = ".".join(map(str, database.server_version_info or ()))
    release(session)
    return {
        "portal": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        database.name: info,
    }


def ready(session: Session, stores: Stores) -> list[str]:
    """What keeps this process from taking uploads, as sentences; nothing if it is ready."""
    there, wanted = migrate.revisions(session.connection())
    release(session)
    missing = [] if there == wanted else ["The database is at another version than this program."]
    try:
        disk = disks.of(stores, session, STAGING)
    except StorageError as error:
        return [*missing, str(error)]
    return [*missing, "The disk is full."] if disk and disk.free == 0 else missing
