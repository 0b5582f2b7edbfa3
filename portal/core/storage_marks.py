"""Is a place the one that the database means? Each carries a mark that says whose it is.

A disk that is not mounted, a folder that only one of several machines has, a mistyped bucket: all
look like an empty store, and what is asked of them like lost recordings.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.core import audit, storages
from portal.core.audit import SYSTEM
from portal.core.errors import Conflict
from portal.core.models import Recording, Storage, new_id
from portal.core.storages import Stores
from portal.core.transaction import release, utc_now, writing
from storage_backends import ObjectExists, ObjectNotFound, StorageUnavailable, Store

PATIENCE = 3.0
"""Seconds until another machine that starts with us for the first time has said which place it
has marked."""


class WrongPlace(Conflict):
    """A storage is not what the database says of it."""


def recognise(
    session: Session, stores: Stores, urls: Mapping[str, str], adopt: Collection[str] = ()
) -> list[str]:
    """Look at the mark of the storages that the settings name (id and address) and of all further
    ones, and set it in a new place. Returns a sentence for each that does not answer.

    Places named in `adopt` become ours, whatever mark they carry or lack. Raises WrongPlace.
    """
    silent = []
    for storage_id, url in (_further(session) | dict(urls)).items():
        try:
            _recognise(session, stores, storage_id, url, storage_id in adopt)
        except StorageUnavailable as error:
            silent.append(f"{storage_id}: {error}")
    return silent


def _further(session: Session) -> dict[str, str]:
    fixed = (storages.MAIN, storages.STAGING)
    rows = session.execute(select(Storage.id, Storage.url).where(Storage.id.not_in(fixed))).all()
    release(session)
    return {storage_id: url for storage_id, url in rows}


def _recognise(session: Session, stores: Stores, storage_id: str, url: str, adopt: bool) -> None:
    row = session.get(Storage, storage_id)
    release(session)
    fixed = storage_id in (storages.MAIN, storages.STAGING)
    store = stores.of(session, storage_id) if fixed or row is None else stores.open(row)
    if row is None:
        _meet(session, store, storage_id, url, adopt)
        return
    found = storages.identity_of(store)
    if found != row.identity:
        _meet_again(session, store, row, url, found, adopt)
    elif row.url != url:
        _note_address(session, storage_id, url)


def claim(session: Session, store: Store, url: str, adopt: bool = False) -> str:
    """The identity of the place at this address, which is ours or new. Raises WrongPlace."""
    found = storages.identity_of(store)
    if found is None:
        return _write(store)
    if not adopt and not _is_known(session, found, url):
        raise WrongPlace(
            f"{url} belongs to another portal. Choose another place or prefix; if its database is "
            "lost and this one takes over, adopt it once: `portal migrate --adopt-storage NAME` or "
            "`portal add-storage --adopt`."
        )
    return found


def _meet(session: Session, store: Store, storage_id: str, url: str, adopt: bool) -> None:
    """The first time that this database is used with the place."""
    if not adopt and _lost(session, store, storage_id):
        raise WrongPlace(_other_place(storage_id, url))
    _remember(session, storage_id, url, claim(session, store, url, adopt))


def _meet_again(
    session: Session, store: Store, row: Storage, url: str, found: str | None, adopt: bool
) -> None:
    """It is not the place that it was, or has lost its mark."""
    one_machine = session.get_bind().dialect.name == "sqlite"
    unused = not storages.in_use(session, row.id)
    release(session)
    if not adopt and not (found is None and unused and one_machine):
        raise WrongPlace(_other_place(row.id, url))
    _remember(session, row.id, url, found or _write(store))


def _other_place(storage_id: str, url: str) -> str:
    named = {storages.MAIN: "PORTAL_STORAGE_URL", storages.STAGING: "PORTAL_STAGING_URL"}
    return (
        f"{url} is not the {storage_id} storage that the database knows. Mount its disk or correct "
        f"{named.get(storage_id, 'its address')}; several machines need one place that all of them "
        "reach. If what was there is moved or lost for good, start once with "
        f"`portal migrate --adopt-storage {storage_id}`."
    )


def _is_known(session: Session, identity: str, url: str) -> bool:
    """Whether this portal uses the same place under another id: staging beside the recordings."""
    deadline = time.monotonic() + PATIENCE
    while True:
        query = select(Storage.url).where(Storage.identity == identity)
        known = session.scalars(query).all()
        release(session)
        if known or time.monotonic() > deadline:
            return url in known
        time.sleep(0.2)


def _lost(session: Session, store: Store, storage_id: str) -> bool:
    """Whether there are recordings that should be here and are not: the newest is looked for."""
    query = select(Recording).where(
        Recording.storage_id == storage_id, Recording.state.not_in(("purging", "deleted"))
    )
    newest = session.scalar(query.order_by(Recording.id.desc()).limit(1))
    release(session)
    try:
        return newest is not None and not store.stat(newest.key)
    except ObjectNotFound:
        return True


def _write(store: Store) -> str:
    identity = new_id()
    text = json.dumps({"id": identity, "what": "a storage of a recordings portal; keep this"})
    try:
        store.write(storages.MARK, [text.encode()])
    except ObjectExists:  # another machine was first
        return storages.identity_of(store) or identity
    return identity


def _remember(session: Session, storage_id: str, url: str, identity: str) -> None:
    now = utc_now()
    try:
        with writing(session):
            row = session.get(Storage, storage_id)
            if row is None:
                row = Storage(id=storage_id, options={}, created_at=now)
                session.add(row)
            row.url, row.identity, row.changed_at = url, identity, now
            subject = ("storage", storage_id)
            audit.record(session, SYSTEM, "storage.recognised", subject, url=url)
    except IntegrityError as error:  # another machine was faster: with the same place or another
        known = session.scalar(select(Storage.identity).where(Storage.id == storage_id))
        release(session)
        if known != identity:
            raise WrongPlace(_other_place(storage_id, url)) from error


def _note_address(session: Session, storage_id: str, url: str) -> None:
    with writing(session):
        row = session.get_one(Storage, storage_id)
        before, row.url, row.changed_at = row.url, url, utc_now()
        audit.record(
            session, SYSTEM, "storage.moved", ("storage", storage_id), before=before, after=url
        )
