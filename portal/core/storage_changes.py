"""What administrators change: further storages, and the rules that send recordings there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, exists, func, select
from sqlalchemy.orm import Session

from portal.core import audit, storage_marks, storages
from portal.core.audit import Actor
from portal.core.errors import Conflict, InvalidRequest, NotFound
from portal.core.models import Storage, StorageRule
from portal.core.storages import MAIN, NAME, STAGING, Stores, is_secret, options_for
from portal.core.transaction import release, utc_now, writing
from storage_backends import open_store


def add(
    session: Session,
    stores: Stores,
    actor: Actor,
    name: str,
    url: str,
    said: Mapping[str, str],
    adopt: bool = False,
) -> Storage:
    """A further storage, or new options for one that is there.

    Raises InvalidRequest for a bad name, address or option, Conflict for another place than the
    one of this name, WrongPlace for another portal's, and what opening and marking it raise.
    """
    row = _described(stores, name, url, said)
    _refuse_nested(session, name, url)
    row.identity = storage_marks.claim(session, stores.open(row, make=True), url, adopt)
    with writing(session):
        known = session.get(Storage, name)
        if known is not None and known.url != url:
            raise Conflict(f"The storage {name!r} is at {known.url}; give this one another name.")
        if known is not None and known.identity != row.identity:
            raise Conflict(f"{url} is another place now than the storage {name!r} was.")
        same = select(Storage.id).where(Storage.identity == row.identity, Storage.id != name)
        if twin := session.scalar(same):
            raise Conflict(f"{url} is the storage {twin!r} already; one name is enough.")
        row.created_at = known.created_at if known else row.changed_at
        session.merge(row)
        action = "storage.added" if known is None else "storage.changed"
        audit.record(session, actor, action, ("storage", name), url=url, options=row.options)
    return row


def _refuse_nested(session: Session, name: str, url: str) -> None:
    """What one place sweeps must not be what another one keeps."""
    others = session.scalars(select(Storage.url).where(Storage.id != name)).all()
    release(session)
    for other in others:
        if storages.lies_within(url, other) or storages.lies_within(other, url):
            raise InvalidRequest(f"{url} and {other} lie within each other; take another place.")


def _described(stores: Stores, name: str, url: str, said: Mapping[str, str]) -> Storage:
    if not NAME.fullmatch(name) or name in (MAIN, STAGING):
        raise InvalidRequest(
            f"{name!r} is no name for a further storage; use a-z, 0-9 and -, at most 40 of them."
        )
    try:
        open_store(url, options=options_for(url, said))
    except ValueError as error:
        raise InvalidRequest(str(error)) from error
    secret = {word: text for word, text in said.items() if is_secret(url, word)}
    plain = {word: text for word, text in said.items() if word not in secret}
    return Storage(
        id=name, url=url, options=plain, secrets=stores.hidden(secret), changed_at=utc_now()
    )


def remove(session: Session, stores: Stores, actor: Actor, name: str) -> None:
    """Forget a further storage that holds nothing, and take our mark out of it.

    Raises NotFound, Conflict; and StorageUnavailable if it is forgotten, but could not be reached.
    """
    with writing(session):
        further = name not in (MAIN, STAGING)
        row = session.get(Storage, name, with_for_update=True) if further else None
        if row is None:
            raise NotFound(f"There is no further storage {name!r}.")
        if storages.in_use(session, name):
            raise Conflict(f"Recordings are in the storage {name!r}; it cannot be forgotten.")
        if session.scalar(select(exists().where(StorageRule.storage_id == name))):
            raise Conflict(f"A rule sends recordings to {name!r}; drop the rule first.")
        session.delete(row)
        audit.record(session, actor, "storage.removed", ("storage", name), url=row.url)
    stores.open(row).delete(storages.MARK)


def add_rule(
    session: Session,
    actor: Actor,
    storage_id: str,
    source: str | None = None,
    kind: str | None = None,
    at_least: int | None = None,
) -> StorageRule:
    """Send recordings like this there, after the rules that exist. Raises NotFound."""
    with writing(session):
        if storage_id == STAGING or session.get(Storage, storage_id) is None:
            raise NotFound(f"There is no storage {storage_id!r} for recordings; add it first.")
        last = session.scalar(select(func.max(StorageRule.position))) or 0
        rule = StorageRule(position=last + 1, storage_id=storage_id, source=source, kind=kind)
        rule.at_least = at_least
        session.add(rule)
        subject = ("storage", storage_id)
        said: dict[str, Any] = {"source": source, "kind": kind, "at_least": at_least}
        audit.record(session, actor, "storage.rule_added", subject, **said)
    return rule


def drop_rule(session: Session, actor: Actor, position: int) -> None:
    """Raises NotFound."""
    with writing(session):
        rule = session.get(StorageRule, position)
        if rule is None:
            raise NotFound(f"There is no rule number {position}.")
        session.execute(delete(StorageRule).where(StorageRule.position == position))
        audit.record(session, actor, "storage.rule_dropped", ("storage", rule.storage_id))
