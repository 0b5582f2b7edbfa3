"""A worker that lives through years in seconds: `python -m tests.core.retention_worker URL FOLDER
FIRST LAST`, the two days as 2026-01-31. Every thirty days it runs retention, then purges what was
handed over, with leases as jobs/tasks.py takes them. Several may live the same years at once."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from portal.core import deletion, leases
from portal.core.audit import SYSTEM
from portal.core.models import RetentionRun
from portal.core.retention import clock, running
from portal.core.storages import Stores
from storage_backends.local import LocalStore
from tests.core.conftest import stores_of
from tests.core.deleting import NOT_KEPT
from tests.core.retaining import DAY
from tests.databases import open_engine

STEP, GRACE = 30 * DAY, 7 * DAY
HOW = running.How(NOT_KEPT, GRACE, steady=NOT_KEPT)
LEASE = 1.0
"""Seconds: what a killed worker had begun is taken over soon."""


def dates(first: datetime, last: datetime) -> Iterator[datetime]:
    while first <= last:
        yield first
        first += STEP


def live(sessions: sessionmaker[Session], stores: Stores, now: datetime) -> None:
    """One day: the run, by whoever is first, and all its purges."""
    while not _over(sessions, now):
        _run(sessions, now)
    with sessions() as session:
        while waiting := deletion.waiting(session):
            random.shuffle(waiting)  # the queue, too, gives each worker another one
            for recording_id in waiting:
                _purge(session, stores, recording_id)


def _over(sessions: sessionmaker[Session], now: datetime) -> bool:
    ended = (RetentionRun.ended_at.is_not(None), RetentionRun.begun_at >= now)
    with sessions() as session:
        return session.scalar(select(RetentionRun.id).where(*ended).limit(1)) is not None


def _run(sessions: sessionmaker[Session], now: datetime) -> None:
    with sessions() as session:
        lease = leases.claim(session, running.KIND, "", LEASE)
        if lease is None:
            time.sleep(0.02)
        elif not _over(sessions, now):
            with leases.kept_alive(sessions, lease, LEASE):
                clock.beat(session, now)
                running.run(session, SYSTEM, now, HOW)
        if lease is not None:
            leases.finish(session, lease)


def _purge(session: Session, stores: Stores, recording_id: str) -> None:
    lease = leases.claim(session, deletion.KIND, recording_id, LEASE)
    if lease is not None:
        deletion.purge(session, stores, recording_id, NOT_KEPT, lease)


def main() -> None:
    url, folder, first, last = sys.argv[1:]
    sessions = sessionmaker(open_engine(url), expire_on_commit=False)
    stores = stores_of(LocalStore(Path(folder), strict=False))
    for now in dates(*(datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (first, last))):
        live(sessions, stores, now)


if __name__ == "__main__":
    main()
