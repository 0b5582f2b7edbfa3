"""The start page of administrators: what arrives, what fails, and whether all of it still works.

Nothing here asks a storage or a network: it tells what the database and this machine know already.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.orm import Session

from portal.core import disks, finding, recordings
from portal.core.accounts import Caller
from portal.core.audit import checking, seals, search
from portal.core.audit.seals import Seal
from portal.core.job_list import KEPT_OFF, PUT_OFF, said_by_storage
from portal.core.metrics import forecast
from portal.core.metrics.forecast import Forecast
from portal.core.models import AuditCheck, AuditEvent, Job, Upload
from portal.core.storages import Stores
from portal.core.transaction import release, utc_now
from portal.core.wanted import Wanted

LATELY = timedelta(hours=24)
COUNTED = finding.COUNTED
"""What there is more of is only called more."""


def _count(session: Session, *fits: ColumnElement[bool]) -> int:
    """How many rows fit, up to COUNTED + 1."""
    some = select(literal(1)).where(*fits).limit(COUNTED + 1).subquery()
    found = session.scalar(select(func.count()).select_from(some)) or 0
    release(session)
    return found


@dataclass(frozen=True)
class Arriving:
    """How many uploads are receiving bytes and how many are being assembled, up to COUNTED + 1
    each."""

    open: int
    finishing: int


def arriving(session: Session, caller: Caller) -> Arriving:
    """Those in the caller's reach. Raises NotAllowed."""
    mine = recordings.uploads_visible(caller)
    return Arriving(
        _count(session, Upload.state == "open", mine),
        _count(session, Upload.state == "finishing", mine),
    )


@dataclass(frozen=True)
class Trouble:
    """How many uploads have failed `since` then, and how many recordings were quarantined, up to
    COUNTED + 1 each."""

    since: datetime
    failed: int
    quarantined: int


def trouble(session: Session, caller: Caller) -> Trouble:
    """That of the last 24 hours. Raises NotAllowed."""
    since = utc_now() - LATELY
    rejected = (AuditEvent.action == "upload.rejected", AuditEvent.at >= since)
    failed = _count(session, *rejected, search.readable(caller))
    new = Wanted(state="quarantined", received_from=since)
    return Trouble(since, failed, finding.count(session, caller, new))


@dataclass(frozen=True)
class Chain:
    """The check of the audit log that waits or runs, the last one that has ended, the last seal."""

    running: AuditCheck | None
    last: AuditCheck | None
    sealed: Seal | None


def chain(session: Session, caller: Caller) -> Chain:
    """What is known of the audit log's chain. Raises NotAllowed."""
    search.readable(caller)
    return Chain(*checking.newest(session), seals.latest(session))


@dataclass(frozen=True)
class Work:
    """How many jobs run, how many wait to be tried again, and how many have failed `since` then,
    up to COUNTED + 1 each."""

    since: datetime
    running: int
    waiting: int
    failed: int


def work(session: Session, caller: Caller) -> Work:
    """That of all jobs. Raises NotAllowed."""
    caller.must("operate")
    since = utc_now() - LATELY
    return Work(
        since,
        _count(session, Job.state == "running", Job.lease_until > utc_now()),
        _count(session, PUT_OFF),
        _count(session, Job.state == "failed", Job.ended_at >= since),
    )


@dataclass(frozen=True)
class Places:
    """The storages by name, how many jobs wait for one that did not answer or was full (up to
    COUNTED + 1), and what it said to the latest of them."""

    names: list[str]
    waiting: int
    problem: str | None


def places(session: Session, caller: Caller, stores: Stores) -> Places:
    """What the jobs know of the storages. Raises NotAllowed."""
    caller.must("operate")
    problem = said_by_storage(session)
    return Places(stores.ids(session), _count(session, KEPT_OFF), problem)


def disk(session: Session, caller: Caller, stores: Stores) -> Forecast | None:
    """The fullest disk of this machine, and what becomes of it; None where there is none that bytes
    are kept on, or its folder is gone. Raises NotAllowed."""
    caller.must("operate")
    fullest = disks.fullest(disks.measured(session, stores))
    return forecast.of_disks(session, [fullest], utc_now())[0] if fullest else None
