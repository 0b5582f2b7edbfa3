"""An upload around its bytes: begin, look up, say more of it, and who may.

Every dialect is a thin cover of this, of portal/core/appending.py and portal/core/chunks.py, which
receive bytes, and of portal/core/finishing.py and portal/core/ending.py.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Case, Select, case, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.core import audit, limits
from portal.core.accounts import Caller
from portal.core.audit import Actor
from portal.core.errors import (
    Conflict,
    InvalidRequest,
    KeyReused,
    NotAllowed,
    NotFound,
    TooLarge,
    UploadExpired,
    UploadGone,
)
from portal.core.limits import MOST_DETAILS, Limits, Terms
from portal.core.models import Claim, Upload, new_id
from portal.core.own_uploads import own
from portal.core.transaction import release, utc_now, writing

SETTLE_SECONDS = 0.5


@dataclass(frozen=True)
class NewUpload:
    """What a client says of the bytes that it is going to send; none of it is believed yet.

    The fields are those of portal.core.models.Upload, and `claims`: a name that the upload needs
    and that nobody else may have used before.
    """

    dialect: str
    filename: str
    length: int | None
    terms: Terms = field(default_factory=Terms)
    declared_sha256: str | None = None
    details: dict[str, str] = field(default_factory=dict)
    wire: dict[str, Any] = field(default_factory=dict)
    numbered: bool = False
    direct: bool = False
    chunk_size: int | None = None
    ends_itself: bool = True
    concat: str | None = None
    idempotency_key: str | None = None
    claims: str | None = None


@dataclass(frozen=True)
class Progress:
    """Where an upload stands after a request. `finished`: all bytes are here, assembly waits."""

    upload_id: str
    offset: int
    length: int | None
    expires_at: datetime
    finished: bool
    chunk_size: int | None = None


def progress_of(upload: Upload) -> Progress:
    finished = upload.state in ("finishing", "done")
    until, size = upload.expires_at, upload.chunk_size
    return Progress(upload.id, upload.offset, upload.length, until, finished, size)


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
    said = [new.dialect, new.filename, new.length, new.declared_sha256, new.details, new.concat]
    return [*said, new.wire]


def add(session: Session, caller: Caller, new: NewUpload, allowed: Limits) -> Upload:
    """The row of a new upload, in the caller's transaction. Raises TooLarge, TooManyUploads,
    NoRoom, and NotAllowed for a name that is somebody else's."""
    refuse_too_large(new.terms, new.length)
    _claim(session, caller, new.claims)
    limits.reserve(session, caller, new.length or 0, allowed)
    now = utc_now()
    said = {name: getattr(new, name) for name in new.__dataclass_fields__ if name != "claims"}
    asked = {"asked": _asked(new)} if new.idempotency_key else {}
    said |= {"terms": asdict(new.terms), "wire": new.wire | asked}
    upload = Upload(id=new_id(), owner_id=caller.user_id, owner_label=caller.label, **said)
    upload.token_id, upload.state, upload.offset = caller.actor.token_id, "open", 0
    upload.storage_id = allowed.storage_id
    upload.created_at = upload.progress_at = now
    upload.expires_at = now + allowed.lifetime
    session.add(upload)
    session.flush()
    audit.record(session, caller.actor, "upload.created", ("upload", upload.id), length=new.length)
    return upload


def _claim(session: Session, caller: Caller, name: str | None) -> None:
    known = session.get(Claim, name) if name else None
    if known is not None and known.owner_id != caller.user_id:
        raise NotAllowed("You have no access to this session; it is somebody else's.")
    if name and known is None:
        session.add(Claim(name=name, owner_id=caller.user_id))


def refuse_too_large(terms: Terms, length: int | None) -> None:
    if length is not None and length > terms.most_bytes:
        raise TooLarge(f"An upload may have {terms.most_bytes} bytes at most.")


def adopt(session: Session, caller: Caller, upload_id: str, new: NewUpload) -> Progress:
    """Let a client go on with an open upload as if it had just made it so.

    What it says of the file is added to what is known. Raises NotFound, UploadGone, Conflict,
    NotAllowed for a name that is somebody else's, InvalidRequest for too much.
    """
    with writing(session):
        upload = lock(session, caller, upload_id)
        if upload.state != "open" or upload.concat or upload.dialect != new.dialect:
            raise Conflict("This upload takes no other beginning; ask where it stands.")
        if upload.length != new.length:
            raise Conflict(f"This upload has {upload.length} bytes, not {new.length}.")
        _claim(session, caller, new.claims)
        upload.details = _no_more_than_most(new.details | upload.details)
        upload.declared_sha256 = upload.declared_sha256 or new.declared_sha256
        upload.wire = new.wire | upload.wire
        return progress_of(upload)


def find(session: Session, caller: Caller, upload_id: str) -> Upload:
    """The caller's upload. Raises NotFound, also for somebody else's."""
    upload = _one(session, caller, upload_id, own(caller.dialect is None, caller.lapsed))
    release(session)
    return upload


def lock(session: Session, caller: Caller, upload_id: str) -> Upload:
    """The same inside a transaction that is going to change it. Raises NotFound, UploadGone."""
    query = own(caller.dialect is None, caller.lapsed, lock=True)
    upload = _one(session, caller, upload_id, query)
    refuse_gone(upload)
    return upload


def _one(session: Session, caller: Caller, upload_id: str, query: Select[Upload]) -> Upload:
    caller.must("upload", continuing=True)
    mine: dict[str, str | None] = {"upload": upload_id, "owner": caller.user_id}
    mine |= {"spoken": caller.dialect, "token": caller.actor.token_id}
    upload = session.scalar(query, mine)
    if upload is None:
        caller.must("upload")  # a token that has run out learns just that
        _note_denial(session, caller, upload_id)
        raise NotFound("There is no such upload; begin a new one.")
    return upload


def _note_denial(session: Session, caller: Caller, upload_id: str) -> None:
    there = select(Upload.id).where(Upload.id == upload_id, Upload.owner_id != caller.user_id)
    if session.scalar(there) is not None:
        audit.denied(session, caller.actor, ("upload", upload_id))


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
    changed = session.execute(
        update(Upload)
        .where(Upload.id == upload.id, Upload.state == "open")
        .values(state="finishing", writing=None, length=upload.offset)
    )
    if changed.rowcount:  # type: ignore[attr-defined]
        audit.record(session, actor, "upload.received", ("upload", upload.id))


def _no_more_than_most(details: dict[str, str]) -> dict[str, str]:
    if len(details) > MOST_DETAILS:
        raise InvalidRequest(f"An upload may have {MOST_DETAILS} values of metadata.")
    return details


def describe(
    session: Session,
    caller: Caller,
    upload_id: str,
    details: dict[str, str],
    filename: str | None = None,
) -> None:
    """Add to what the client has said of an open upload; harmless to repeat. Raises NotFound,
    UploadGone, InvalidRequest for too much, and Conflict for what would change a complete one."""
    with writing(session):
        upload = lock(session, caller, upload_id)
        said = upload.details | details
        if said != upload.details and upload.state != "open":
            raise Conflict("The upload is complete; what was said of it cannot be changed.")
        upload.details = _no_more_than_most(said)
        if upload.state == "open":
            upload.filename = filename or upload.filename


def refuse_gone(upload: Upload) -> None:
    """Raises UploadGone unless the upload is open, being assembled, or done."""
    if upload.state == "failed":
        raise UploadGone(f"{upload.error_text} Upload the file again.")
    if upload.state == "expired" or lapsed(upload):
        raise UploadExpired("The upload has expired; begin a new one.")
    if upload.state == "abandoned":
        raise UploadGone("The upload was cancelled; begin a new one.")


def lapsed(upload: Upload) -> bool:
    """Whether it can no longer be continued, though `expire` has not come by yet."""
    late = upload.state == "open" and upload.expires_at <= utc_now()
    return late and not whole(upload)


def whole(upload: Upload) -> bool:
    """Whether all bytes are here and only the client's word is missing."""
    here = bool(upload.length) and upload.length == upload.offset
    return here and upload.concat is None


def no_sooner(until: BindParameter[datetime]) -> Case[datetime]:
    """When an upload expires that has just got bytes: then, or later if it was extended."""
    return case((Upload.expires_at > until, Upload.expires_at), else_=until)
