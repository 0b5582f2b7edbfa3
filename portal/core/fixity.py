"""Fixity: are the stored bytes of a recording still the ones that were verified?"""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.audit import SYSTEM
from portal.core.deletion import GONE
from portal.core.models import Recording
from portal.core.storages import Stores
from portal.core.transaction import utc_now, writing
from storage_backends import ObjectNotFound, Store


def verify(session: Session, stores: Stores, recording: Recording) -> str:
    """Read the recording's bytes back and compare: `ok`, `mismatch` or `missing`.

    The result is kept on the row and in the audit log; only `ok` is ever served. `deleted`: its
    bytes were removed meanwhile, and nothing is kept.
    Raises StorageUnavailable, which says nothing about the bytes.
    """
    found = _look(stores.checked(session, recording.storage_id), recording)
    with writing(session):
        changed = session.execute(
            update(Recording)
            .where(Recording.id == recording.id, Recording.state.not_in(GONE))
            .values(integrity=found, verified_at=utc_now(), verify_asked_at=None)
        )
        if not changed.rowcount:  # type: ignore[attr-defined]
            return "deleted"
        action = "integrity.verified" if found == "ok" else "integrity.mismatch"
        result = "ok" if found == "ok" else "failed"
        subject = ("recording", recording.id)
        audit.record(session, SYSTEM, action, subject, result, found=found)
    return found


def _look(store: Store, recording: Recording) -> str:
    try:
        key, version = recording.key, recording.version_id
        same = store.stat(key, version).size == recording.size
        return "ok" if same and store.checksum(key, version) == recording.sha256 else "mismatch"
    except ObjectNotFound:
        return "missing"
