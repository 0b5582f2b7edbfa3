"""The life of an upload around its bytes: begin, look up, give up, expire, tidy.

Every dialect is a thin cover of this and of portal/core/appending.py.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, or_, select, update
from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.accounts import Caller
from portal.core.audit import SYSTEM, Actor
from portal.core.errors import NotAllowed, NotFound, UploadGone
from portal.core.models import Part, Upload, new_id
from portal.core.transaction import release, utc_now, writing
from storage_backends import Store

SETTLE_SECONDS = 0.5
FAILED_KEPT = timedelta(days=7)
"""How long the bytes of a failed upload stay for whoever has to find out why."""


@dataclass(frozen=True)
class NewUpload:
    """What a client says of the bytes that it is going to send; none of it is believed yet."""

    dialect: str
    filename: str
    length: int
    declared_sha256: str | None = None
    details: dict[str, str] = field(default_factory=dict)
    wire: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """Where an upload stands after a request. `finished`: all bytes are here, assembly waits."""

    upload_id: str
    offset: int
    length: int

    @property
    def finished(self) -> bool:
        return self.offset == self.length


def start(session: Session, caller: Caller, new: NewUpload, lifetime: timedelta) -> Progress:
    """A new, empty upload of the caller's. It expires when nothing arrives for `lifetime`.

    The caller has checked the length against its limit.
    """
    caller.must("upload")
    now = utc_now()
    upload = Upload(
        id=new_id(),
        owner_id=caller.user_id,
        owner_label=caller.label,
        dialect=new.dialect,
        filename=new.filename,
        length=new.length,
        offset=0,
        state="open",
        declared_sha256=new.declared_sha256,
        details=new.details,
        wire=new.wire,
        created_at=now,
        progress_at=now,
        expires_at=now + lifetime,
    )
    with writing(session):
        session.add(upload)
        subject = ("upload", upload.id)
        audit.record(session, caller.actor, "upload.created", subject, length=new.length)
        if new.length == 0:
            session.flush()
            begin_finishing(session, upload.id, caller.actor)
    return Progress(upload.id, 0, new.length)


def find(session: Session, caller: Caller, upload_id: str) -> Upload:
    """The caller's upload. Raises NotFound, also for somebody else's."""
    caller.must("upload")
    upload = session.scalar(own(caller, upload_id))
    release(session)
    if upload is None:
        raise NotFound("There is no such upload; begin a new one.")
    return upload


def settled(session: Session, caller: Caller, upload_id: str) -> Upload:
    """The upload once no request is writing to it, or as it is after half a second.

    A client that reconnects right after a cut thus learns of the bytes that are just being
    synced. A dead writer is not waited for: the next append shuts it out.
    Raises NotFound, and UploadGone if it can no longer be continued.
    """
    deadline = time.monotonic() + SETTLE_SECONDS
    upload = find(session, caller, upload_id)
    while upload.writing is not None and time.monotonic() < deadline:
        time.sleep(0.02)
        upload = find(session, caller, upload_id)
    refuse_gone(upload)
    return upload


def begin_finishing(session: Session, upload_id: str, actor: Actor) -> None:
    """All bytes are here: what follows is assembly. The caller commits."""
    session.execute(
        update(Upload)
        .where(Upload.id == upload_id, Upload.state == "open")
        .values(state="finishing", writing=None)
    )
    audit.record(session, actor, "upload.received", ("upload", upload_id))


def abandon(session: Session, caller: Caller, upload_id: str) -> None:
    """Give the upload up; its bytes are removed by `tidy`. Raises NotFound, UploadGone,
    NotAllowed: a complete upload is a recording, deleted by retention and officers alone.
    """
    caller.must("upload")
    with writing(session):
        upload = session.scalar(own(caller, upload_id).with_for_update())
        if upload is None:
            raise NotFound("There is no such upload.")
        refuse_gone(upload)
        if upload.state != "open":
            raise NotAllowed("The upload is complete; its recording cannot be deleted this way.")
        _end(upload, "abandoned")
        audit.record(session, caller.actor, "upload.cancelled", ("upload", upload_id))


def expire(session: Session, now: datetime) -> list[str]:
    """End the uploads that were to expire by now, and name them; `tidy` removes their bytes."""
    with writing(session):
        late = session.scalars(
            select(Upload)
            .where(Upload.state == "open", Upload.expires_at <= now)
            .with_for_update(skip_locked=True)
        ).all()
        for upload in late:
            _end(upload, "expired")
            audit.record(session, SYSTEM, "upload.expired", ("upload", upload.id))
        return [upload.id for upload in late]


def tidy(session: Session, store: Store, upload_id: str) -> int:
    """Remove the stored parts of an upload that has ended, and return how many there were.

    Objects first, rows after: cut off in between, it just runs again.
    """
    mine = Part.upload_id == upload_id
    keys = session.scalars(
        select(Part.key).join(Upload).where(mine, parts_unneeded(utc_now()))
    ).all()
    release(session)
    for key in keys:
        store.delete(key)
    if keys:
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


def own(caller: Caller, upload_id: str) -> Select[Upload]:
    """The one query that decides whose upload it is."""
    return select(Upload).where(Upload.id == upload_id, Upload.owner_id == caller.user_id)


def refuse_gone(upload: Upload) -> None:
    """Raises UploadGone unless the upload is open, being assembled, or done."""
    if upload.state == "failed":
        raise UploadGone(f"{upload.error_text} Upload the file again.")
    lapsed = upload.state == "open" and upload.expires_at <= utc_now()
    if lapsed or upload.state in ("abandoned", "expired"):
        raise UploadGone("The upload has expired or was cancelled; begin a new one.")
