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
from storage_backends import AzureOptions, Options, S3Options, StorageUnavailable, Store, open_store

MAIN = "main"
STAGING = "staging"
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


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
        return fixed or self._opened(session, storage_id)

    def ids(self, session: Session) -> list[str]:
        """Of every place once: main, staging if it is another one, and further ones by name."""
        known = session.scalars(select(Storage.id).order_by(Storage.id)).all()
        release(session)
        fixed = [MAIN] if self.staging is self.main else [MAIN, STAGING]
        return [*fixed, *(each for each in known if each not in self._fixed)]

    def _opened(self, session: Session, storage_id: str) -> Store:
        row = session.get(Storage, storage_id)
        release(session)
        if row is None:
            raise StorageUnavailable(f"There is no storage {storage_id!r}; add it again.")
        changed_at, store = self._further.get(storage_id, (None, None))
        if store is None or changed_at != row.changed_at:
            store = self.open(row)
            self._further[storage_id] = (row.changed_at, store)
        return store

    def open(self, row: Storage) -> Store:
        """A store as this row describes it. Raises StorageUnavailable."""
        try:
            return open_store(row.url, options=options_for(row.url, row.options | self._shown(row)))
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
    return not next(each.repr for each in fields(kind) if each.name == name)


def in_use(session: Session, storage_id: str) -> bool:
    """Whether a recording or an upload's parts are in this storage, in the caller's transaction."""
    recordings = exists().where(Recording.storage_id == storage_id, Recording.deleted_at.is_(None))
    ended = ("done", "abandoned", "expired", "joined")
    uploads = exists().where(
        Upload.storage_id == storage_id, Upload.state.not_in(ended), Upload.offset > 0
    )
    return bool(session.scalar(select(recordings | uploads)))


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
