"""The life of an upload around its bytes: begin, look up, give up, expire, tidy.

Every dialect is a thin cover of this, of portal/core/appending.py and portal/core/chunks.py, which
receive bytes, and of portal/core/finishing.py.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.core import audit, limits
from portal.core.accounts import Caller
from portal.core.audit import SYSTEM, Actor
from portal.core.errors import Conflict, KeyReused, NotAllowed, NotFound, TooLarge, UploadGone
from portal.core.limits import Limits, Terms
from portal.core.models import Part, Upload, new_id
from portal.core.transaction import release, utc_now, writing
from storage_backends import Store

SETTLE_SECONDS = 0.5
FAILED_KEPT = timedelta(days=7)
"""How long the bytes of a failed upload stay for whoever has to find out why."""


@dataclass(frozen=True)
class NewUpload:
    """What a client says of the bytes that it is going to send; none of it is believed yet.

    The fields are those of portal.core.models.Upload.
    """

    dialect: str
    filename: str
    length: int | None
    terms: Terms = field(default_factory=Terms)
    declared_sha256: str | None = None
    details: dict[str, str] = field(default_factory=dict)
    wire: dict[str, Any] = field(default_factory=dict)
    numbered: bool = False
    chunk_size: int | None = None
    ends_itself: bool = True
    concat: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True)
class Progress:
    """Where an upload stands after a request. `finished`: all bytes are here, assembly waits."""

    upload_id: str
    offset: int
    length: int | None
    expires_at: datetime
    finished: bool


def progress_of(upload: Upload) -> Progress:
    finished = upload.state in ("finishing", "done")
    return Progress(upload.id, upload.offset, upload.length, upload.expires_at, finished)


def start(session: Session, caller: Caller, new: NewUpload, allowed: Limits) -> Progress:
    """A new, empty upload of the caller's, or the one that this idempotency key has begun.

    It expires when nothing arrives for `allowed.lifetime`. Raises TooLarge, TooManyUploads,
    NoRoom, and KeyReused.
    """
    caller.must("upload")
    try:
        return _start(session, caller, new, allowed)
    except IntegrityError:  # the same key came twice at once, and the other request was first
        return _start(session, caller, new, allowed)


def _start(session: Session, caller: Caller, new: NewUpload, allowed: Limits) -> Progress:
    with writing(session):
        upload = begun_before(session, caller, new)
        if upload is None:
            upload = add(session, caller, new, allowed)
            if new.length == 0 and new.ends_itself and new.concat is None:
                begin_finishing(session, upload, caller.actor)
        return progress_of(upload)


def begun_before(session: Session, caller: Caller, new: NewUpload) -> Upload | None:
    """The upload that this idempotency key has begun. Raises KeyReused, UploadGone."""
    if new.idempotency_key is None:
        return None
    same_key = Upload.idempotency_key == new.idempotency_key
    upload = session.scalar(select(Upload).where(Upload.owner_id == caller.user_id, same_key))
    if upload is None:
        return None
    if upload.wire.get("asked") != _asked(new):
        raise KeyReused("This Idempotency-Key was used for another upload; make a new key.")
    refuse_gone(upload)
    return upload


def _asked(new: NewUpload) -> list[Any]:
    """What a repeated request must have in common with the first."""
    return [new.dialect, new.filename, new.length, new.declared_sha256, new.details, new.concat]


def add(session: Session, caller: Caller, new: NewUpload, allowed: Limits) -> Upload:
    """The row of a new upload, in the caller's transaction. Raises TooLarge, TooManyUploads,
    NoRoom."""
    refuse_too_large(new.terms, new.length)
    limits.reserve(session, caller, new.length or 0, allowed)
    now = utc_now()
    said = {name: getattr(new, name) for name in new.__dataclass_fields__}
    asked = {"asked": _asked(new)} if new.idempotency_key else {}
    said |= {"terms": asdict(new.terms), "wire": new.wire | asked}
    upload = Upload(id=new_id(), owner_id=caller.user_id, owner_label=caller.label, **said)
    upload.token_id, upload.state, upload.offset = caller.actor.token_id, "open", 0
    upload.created_at = upload.progress_at = now
    upload.expires_at = now + allowed.lifetime
    session.add(upload)
    session.flush()
    audit.record(session, caller.actor, "upload.created", ("upload", upload.id), length=new.length)
    return upload


def refuse_too_large(terms: Terms, length: int | None) -> None:
    if length is not None and length > terms.most_bytes:
        raise TooLarge(f"An upload may have {terms.most_bytes} bytes at most.")


def find(session: Session, caller: Caller, upload_id: str) -> Upload:
    """The caller's upload. Raises NotFound, also for somebody else's."""
    upload = _one(session, caller, own(caller, upload_id))
    release(session)
    return upload


def lock(session: Session, caller: Caller, upload_id: str) -> Upload:
    """The same inside a transaction that is going to change it. Raises NotFound, UploadGone."""
    upload = _one(session, caller, own(caller, upload_id).with_for_update())
    refuse_gone(upload)
    return upload


def _one(session: Session, caller: Caller, query: Select[Upload]) -> Upload:
    caller.must("upload", continuing=True)
    upload = session.scalar(query)
    if upload is None:
        caller.must("upload")  # a token that has run out learns just that
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


def begin_finishing(session: Session, upload: Upload, actor: Actor) -> None:
    """All bytes are here: what follows is assembly. The caller commits."""
    session.execute(
        update(Upload)
        .where(Upload.id == upload.id, Upload.state == "open")
        .values(state="finishing", writing=None, length=upload.offset)
    )
    audit.record(session, actor, "upload.received", ("upload", upload.id))


def describe(session: Session, caller: Caller, upload_id: str, details: dict[str, str]) -> None:
    """Add to what the client has said of an open upload; harmless to repeat. Raises NotFound,
    UploadGone, and Conflict for what would change a complete one."""
    with writing(session):
        upload = lock(session, caller, upload_id)
        said = upload.details | details
        if said != upload.details and upload.state != "open":
            raise Conflict("The upload is complete; what was said of it cannot be changed.")
        upload.details = said


def abandon(session: Session, caller: Caller, upload_id: str) -> None:
    """Give the upload up; its bytes are removed by `tidy`. Raises NotFound, UploadGone,
    NotAllowed: a complete upload is a recording, deleted by retention and officers alone.
    """
    with writing(session):
        upload = lock(session, caller, upload_id)
        if upload.state != "open":
            raise NotAllowed("The upload is complete; its recording cannot be deleted this way.")
        _end(upload, "abandoned")
        audit.record(session, caller.actor, "upload.cancelled", ("upload", upload_id))


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
            if upload.length and upload.length == upload.offset and upload.concat is None:
                begin_finishing(session, upload, SYSTEM)
                continue
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
    """The one query that decides whose upload it is. A token that has run out reaches those that
    it began, as long as they live."""
    query = select(Upload).where(Upload.id == upload_id, Upload.owner_id == caller.user_id)
    return query.where(Upload.token_id == caller.actor.token_id) if caller.lapsed else query


def refuse_gone(upload: Upload) -> None:
    """Raises UploadGone unless the upload is open, being assembled, or done."""
    if upload.state == "failed":
        raise UploadGone(f"{upload.error_text} Upload the file again.")
    lapsed = upload.state == "open" and upload.expires_at <= utc_now()
    if lapsed or upload.state in ("abandoned", "expired"):
        raise UploadGone("The upload has expired or was cancelled; begin a new one.")
