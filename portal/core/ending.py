"""How uploads end without a recording: given up, expired, failed; and what is tidied away then."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, or_, select
from sqlalchemy.orm import Session

from portal.core import audit, uploads
from portal.core.accounts import Caller
from portal.core.audit import SYSTEM
from portal.core.errors import NotAllowed
from portal.core.models import Part, Upload
from portal.core.storages import Stores
from portal.core.transaction import release, utc_now, writing

FAILED_KEPT = timedelta(days=7)
"""How long the bytes of a failed upload stay for whoever has to find out why."""


def abandon(session: Session, caller: Caller, upload_id: str) -> None:
    """Give the upload up; its bytes are removed by `tidy`. Raises NotFound, UploadGone,
    NotAllowed: a complete upload is a recording, deleted by retention and officers alone.
    """
    with writing(session):
        give_up(session, caller, uploads.lock(session, caller, upload_id))


def give_up(session: Session, caller: Caller, upload: Upload) -> None:
    """The same for an upload that is locked already; the caller commits. Raises NotAllowed."""
    if upload.state != "open":
        raise NotAllowed("The upload is complete; its recording cannot be deleted this way.")
    _end(upload, "abandoned")
    audit.record(session, caller.actor, "upload.cancelled", ("upload", upload.id))


def expire(session: Session, now: datetime) -> list[str]:
    """End the uploads that were to expire by now, and name them; `tidy` removes their bytes.

    One whose client has sent everything and forgot to say so is finished instead.
    """
    with writing(session):
        late = session.scalars(
            select(Upload)
            .where(Upload.state == "open", Upload.expires_at <= now)
            .with_for_update(skip_locked=True)
        ).all()
        for upload in late:
            if uploads.whole(upload):
                uploads.begin_finishing(session, upload, SYSTEM)
                continue
            _end(upload, "expired")
            audit.record(session, SYSTEM, "upload.expired", ("upload", upload.id))
        return [upload.id for upload in late]


def tidy(session: Session, stores: Stores, upload_id: str) -> int:
    """Remove the stored parts of an upload that has ended, and return how many there were.

    Objects first, rows after: cut off in between, it just runs again.
    """
    ended = select(Upload).where(Upload.id == upload_id, parts_unneeded(utc_now()))
    upload = session.scalar(ended)
    mine = Part.upload_id == upload_id
    keys = set(session.scalars(select(Part.key).where(mine))) if upload else set()
    release(session)
    if upload is None or not (keys or upload.direct):
        return 0
    store = stores.of(session, upload.storage_id)
    if upload.direct:  # its client may have put there what we have not counted yet
        keys |= {stored.key for stored in store.find(f"parts/{upload_id}")}
    for key in keys:
        store.delete(key)
    with writing(session):
        session.execute(delete(Part).where(mine))
    return len(keys)


def parts_unneeded(now: datetime) -> ColumnElement[bool]:
    """Which uploads' parts nobody needs any more."""
    long_failed = and_(Upload.state == "failed", Upload.expires_at <= now)
    return or_(Upload.state.in_(("done", "abandoned", "expired")), long_failed)


def fail(session: Session, upload: Upload, code: str, sentence: str) -> None:
    """Mark a complete upload as not fit to become a recording; the caller commits."""
    upload.state, upload.error_code, upload.error_text = "failed", code, sentence
    upload.expires_at = utc_now() + FAILED_KEPT
    audit.record(session, SYSTEM, "upload.rejected", ("upload", upload.id), "failed", code=code)


def _end(upload: Upload, state: str) -> None:
    upload.state, upload.writing = state, None
    upload.generation += 1
