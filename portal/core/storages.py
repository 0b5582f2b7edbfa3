"""Where bytes are kept: the stores by their ids, and the rules that pick one for a recording.

`main` and `staging` are opened by the settings. Administrators add further ones (see
portal/core/storage_changes.py), whose secrets are kept encrypted.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime

from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from portal.core.models import Recording, Storage, StorageRule, Upload
from portal.core.transaction import release
from storage_backends import (
    AzureOptions,
    ObjectNotFound,
    Options,
    S3Options,
    StorageUnavailable,
    Store,
    open_store,
)
from storage_backends.base import FOLDERS

MAIN = "main"
STAGING = "staging"
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
MARK = "portal-storage.json"
"""The object that says whose a place is (see portal/core/storage_marks.py)."""
MOST_OF_A_MARK = 1000  # bytes; longer ones are none of ours


class Stores:
    """Every store of this portal, by its id. `secret` opens what the table keeps encrypted."""

    def __init__(self, main: Store, staging: Store, secret: str) -> None:
        self._fixed = {MAIN: main, STAGING: staging}
        self._further: dict[str, tuple[datetime, Store]] = {}
        key = hashlib.scrypt(secret.encode(), salt=b"portal storage secrets", n=2, r=8, p=1)
        self._fernet = Fernet(base64.urlsafe_b64encode(key[:32]))

    @property
    def main(self) -> Store:
        return self._fixed[MAIN]

    @property
    def staging(self) -> Store:
        return self._fixed[STAGING]

    def free_bytes(self) -> int | None:
        """How much fits in, counted twice: while a recording is assembled, there are its parts
        and the whole. Where staging has a disk of its own, the other one needs room for one."""
        staging, main = self.staging.free_bytes(), self.main.free_bytes()
        found = [each for each in (staging, main and 2 * main) if each is not None]
        return min(found, default=None)

    def of(self, session: Session, storage_id: str) -> Store:
        """The store with this id; further ones are opened on first use, and after a change.

        Raises StorageUnavailable for one that is unknown or cannot be opened.
        """
        fixed = self._fixed.get(storage_id)
        return fixed or self._further_one(session, storage_id)

    def ids(self, session: Session) -> list[str]:
        """Of every place once: main, staging if it is another one, and further ones by name."""
        known = session.scalars(select(Storage.id).order_by(Storage.id)).all()
        release(session)
        fixed = [MAIN] if self.staging is self.main else [MAIN, STAGING]
        return [*fixed, *(each for each in known if each not in self._fixed)]

    def _further_one(self, session: Session, storage_id: str) -> Store:
        row = session.get(Storage, storage_id)
        release(session)
        if row is None:
            raise StorageUnavailable(f"There is no storage {storage_id!r}; add it again.")
        changed_at, store = self._further.get(storage_id, (None, None))
        if store is None or changed_at != row.changed_at:
            store = self.open(row)
            refuse_another_place(row, store)
            self._further[storage_id] = (row.changed_at, store)
        return store

    def checked(self, session: Session, storage_id: str) -> Store:
        """The same, after a look at its mark, for whoever is going to believe that what is not
        there is gone. Raises StorageUnavailable."""
        store = self.of(session, storage_id)
        row = session.get(Storage, storage_id)
        release(session)
        if row is not None:
            refuse_another_place(row, store)
        elif identity_of(store) is not None:
            raise StorageUnavailable(
                f"The storage {storage_id!r} belongs to another database than this one."
            )
        return store

    def open(self, row: Storage, make: bool = False) -> Store:
        """A store as this row describes it; `make` its folder if it is to be a new one.

        Raises StorageUnavailable.
        """
        options = row.options | self._shown(row)
        try:
            return open_store(row.url, options=options_for(row.url, options), make=make)
        except ValueError as error:
            raise StorageUnavailable(f"The storage {row.id!r} cannot be used: {error}") from error

    def _shown(self, row: Storage) -> dict[str, str]:
        if row.secrets is None:
            return {}
        try:
            found: dict[str, str] = json.loads(self._fernet.decrypt(row.secrets))
        except InvalidToken as error:
            raise StorageUnavailable(
                f"The secrets of the storage {row.id!r} were kept under another "
                "PORTAL_SECRET_KEY; enter them again."
            ) from error
        return found

    def hidden(self, secrets: Mapping[str, str]) -> str | None:
        """The secrets as the table keeps them."""
        text = json.dumps(dict(secrets)).encode()
        return self._fernet.encrypt(text).decode() if secrets else None


def identity_of(store: Store) -> str | None:
    """What the mark of this place says. Raises StorageUnavailable."""
    try:
        text = b"".join(store.read(MARK, 0, MOST_OF_A_MARK))
        return str(json.loads(text)["id"])
    except (ObjectNotFound, ValueError, KeyError, TypeError):
        return None


def refuse_another_place(row: Storage, store: Store) -> None:
    """Raises StorageUnavailable if this is not the place that the row means."""
    if identity_of(store) != row.identity:
        raise StorageUnavailable(
            f"{row.url} is not the storage {row.id!r} that the database knows; mount its disk."
        )


def lies_within(url: str, other: str) -> bool:
    """Whether the place begins where the other one keeps its objects."""
    return any(f"{url.rstrip('/')}/".startswith(f"{other.rstrip('/')}/{each}/") for each in FOLDERS)


def options_for(url: str, said: Mapping[str, str]) -> Options | None:
    """What the operator said of a store at this address. Raises ValueError for unknown words."""
    kind = {"s3": S3Options, "abfs": AzureOptions}.get(url.partition(":")[0])
    known = {each.name for each in fields(kind)} if kind else set()
    if unknown := set(said) - known:
        raise ValueError(
            f"{', '.join(sorted(unknown))} means nothing here; there are: "
            f"{', '.join(sorted(known)) or 'no options'}."
        )
    return kind(**said) if kind else None


def is_secret(url: str, name: str) -> bool:
    kind = S3Options if url.startswith("s3:") else AzureOptions
    return any(each.name == name and not each.repr for each in fields(kind))


def in_use(session: Session, storage_id: str) -> bool:
    """Whether a recording or an upload's parts are in this storage, in the caller's transaction."""
    recordings = exists().where(Recording.storage_id == storage_id, Recording.deleted_at.is_(None))
    ended = ("done", "abandoned", "expired", "joined")
    uploads = exists().where(
        Upload.storage_id == storage_id, Upload.state.not_in(ended), Upload.offset > 0
    )
    return bool(session.scalar(select(recordings | uploads)))


def still_there(session: Session, storage_id: str) -> bool:
    """Whether recordings may be put there, until the caller's transaction ends."""
    if storage_id == MAIN:
        return True
    return session.get(Storage, storage_id, with_for_update=True) is not None


def rules(session: Session) -> list[StorageRule]:
    found = list(session.scalars(select(StorageRule).order_by(StorageRule.position)))
    release(session)
    return found


def pick(session: Session, source: str, kind: str | None, size: int) -> str:
    """The id of the storage that a new recording belongs in; its content's kind is known now."""
    for rule in rules(session):
        fits = rule.source in (None, source) and rule.kind in (None, kind)
        if fits and size >= (rule.at_least or 0):
            return rule.storage_id
    return MAIN
