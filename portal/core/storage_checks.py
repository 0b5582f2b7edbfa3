"""Tests of storages as rows: asked for by a person or the clock, run by a worker, kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.core import audit, storages
from portal.core.accounts import Caller
from portal.core.audit import SYSTEM, Actor
from portal.core.errors import NotFound
from portal.core.models import Recording, Storage, StorageCheck, StorageRule
from portal.core.storages import STAGING, Stores
from portal.core.transaction import release, utc_now, writing
from storage_backends import StorageUnavailable
from storage_backends.trial import try_out

KIND = "check_storage"


@dataclass(frozen=True)
class Place:
    """A storage as its card shows it: the row if there is one, its rules, the test under way and
    the last one that has ended."""

    id: str
    row: Storage | None
    rules: Sequence[StorageRule]
    running: StorageCheck | None
    last: StorageCheck | None


def places(session: Session, caller: Caller, stores: Stores) -> list[Place]:
    """All storages. Raises NotAllowed."""
    caller.must("see_work")
    rules = storages.rules(session)
    found = [
        Place(
            name,
            session.get(Storage, name),
            [rule for rule in rules if rule.storage_id == name],
            _newest(session, name, ended=False),
            _newest(session, name, ended=True),
        )
        for name in stores.ids(session)
    ]
    release(session)
    return found


def _newest(session: Session, storage_id: str, ended: bool) -> StorageCheck | None:
    over = StorageCheck.ended_at.is_not(None) if ended else StorageCheck.ended_at.is_(None)
    query = select(StorageCheck).where(StorageCheck.storage_id == storage_id, over)
    return session.scalar(query.order_by(StorageCheck.id.desc()).limit(1))


def last_problems(session: Session, stores: Stores) -> dict[str, str | None]:
    """What the last test of each storage found wrong, or None; untested ones are left out."""
    found = {name: _newest(session, name, ended=True) for name in stores.ids(session)}
    release(session)
    return {name: check.problem for name, check in found.items() if check is not None}


def ask(session: Session, stores: Stores, actor: Actor, storage_id: str) -> StorageCheck:
    """Have a storage tested; a test that waits or runs already is theirs. Raises NotFound."""
    if storage_id not in stores.ids(session):
        raise NotFound("There is no such storage.")
    with writing(session):
        check = _newest(session, storage_id, ended=False)
        if check is None:
            check = StorageCheck(storage_id=storage_id, asked_at=utc_now(), steps=[])
            check.asked_by = actor.label or actor.type
            session.add(check)
            if actor is not SYSTEM:
                subject = ("storage", storage_id)
                audit.record(session, actor, "storage.check_asked", subject)
        return check


def waiting(session: Session) -> list[str]:
    """The tests that have not ended."""
    found = list(session.scalars(select(StorageCheck.id).where(StorageCheck.ended_at.is_(None))))
    release(session)
    return found


def run(session: Session, stores: Stores, check_id: str) -> bool:
    """Do one test and keep what came out; whether all is well. May be cut off and run again."""
    check = session.get(StorageCheck, check_id)
    release(session)
    if check is None or check.ended_at is not None:
        return True
    steps = _steps(session, stores, check.storage_id)
    problem = next((f"{name}: {said}" for name, _, said in steps if said), None)
    kept = _kept(session, check.storage_id)
    with writing(session):
        row = session.get_one(StorageCheck, check_id)
        row.steps, row.problem, row.ended_at = [list(each) for each in steps], problem, utc_now()
        row.objects, row.bytes = kept
    return problem is None


def _steps(session: Session, stores: Stores, storage_id: str) -> list[tuple[str, int, str | None]]:
    """What each step was, its milliseconds, and what went wrong."""
    try:
        store = stores.checked(session, storage_id)
        steps = list(try_out(store))
    except StorageUnavailable as error:
        return [("open", 0, str(error))]
    return [(step.name, round(step.seconds * 1000), step.problem) for step in steps]


def _kept(session: Session, storage_id: str) -> tuple[int | None, int | None]:
    """How many recordings the database has there, and their bytes; uploads are not counted."""
    if storage_id == STAGING:
        return None, None
    there = (Recording.storage_id == storage_id, Recording.deleted_at.is_(None))
    counted = select(func.count(), func.coalesce(func.sum(Recording.size), 0)).where(*there)
    objects, size = session.execute(counted).one()
    release(session)
    return objects, int(size)
