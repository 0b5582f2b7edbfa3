"""A small body that is in memory already: stored first, then counted by one statement that fits
only where it may be counted.

Where it does not fit, for whatever reason, nothing has happened, and portal/core/appending.py does
it the ordinary way and says why. The fence is the same as there: the generation is raised in the
transaction that counts, so whoever wrote before is shut out. Nothing here is an object of the ORM.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Row, bindparam, func, insert, null, or_, select, update
from sqlalchemy.orm import Session

from portal.core import uploads
from portal.core.accounts import Caller
from portal.core.appending import PARTS, UPLOADS
from portal.core.models import Part, Upload, new_id
from portal.core.own_uploads import WHOSE
from portal.core.storages import STAGING, Stores
from portal.core.transaction import utc_now, writing
from portal.core.uploads import Progress

MOST_BYTES = 64 * 1024
"""Larger bodies are poured from the socket into their file."""

_TIME = Upload.expires_at.type
_last = select(func.max(Part.number)).where(Part.upload_id == Upload.id).scalar_subquery()
_GROWN = (
    update(UPLOADS)
    .where(*WHOSE)
    .where(Upload.state == "open", Upload.expires_at > bindparam("now", type_=_TIME))
    .where(Upload.offset == bindparam("begin"), Upload.length >= bindparam("end"))
    .where(Upload.storage_id == STAGING, ~Upload.numbered, ~Upload.direct)
    .where(or_(Upload.concat.is_(None), Upload.concat != "final"))
    .values(
        offset=bindparam("end"),
        generation=Upload.generation + 1,
        writing=null(),
        progress_at=bindparam("now", type_=_TIME),
        expires_at=uploads.no_sooner(bindparam("until", type_=_TIME)),
    )
    .returning(Upload.length, Upload.ends_itself, Upload.concat, Upload.terms, _last.label("last"))
)


class _Unfit(Exception):
    """It is not for us to count these bytes."""


def append(
    session: Session,
    stores: Stores,
    caller: Caller,
    upload_id: str,
    offset: int,
    content: bytes,
    lifetime: timedelta,
) -> Progress | None:
    """Add these bytes at `offset` and return what is acknowledged then; None, and nothing has
    happened, where that is to be tried the ordinary way. Raises NotAllowed, and the store's errors.
    """
    caller.must("upload", continuing=True)
    if caller.lapsed or caller.dialect is None:
        return None
    store, key = stores.staging, f"parts/{upload_id}/{new_id()}"
    store.write(key, [content])
    try:
        return _count(session, caller, upload_id, offset, len(content), key, utc_now() + lifetime)
    except _Unfit:
        store.delete(key)
        return None


def _count(
    session: Session,
    caller: Caller,
    upload_id: str,
    offset: int,
    size: int,
    key: str,
    until: datetime,
) -> Progress:
    end = offset + size
    with writing(session):
        grown = _grown(session, caller, upload_id, offset, end, until)
        number = 0 if grown.last is None else grown.last + 1
        if number >= grown.terms["most_parts"]:
            raise _Unfit
        part = {"upload_id": upload_id, "number": number, "size": size, "key": key}
        session.connection().execute(insert(PARTS), part)
        finished = end == grown.length and grown.ends_itself and grown.concat is None
        if finished:
            upload = session.get_one(Upload, upload_id)
            uploads.begin_finishing(session, upload, caller.actor)
    return Progress(upload_id, end, grown.length, until, finished)


def _grown(
    session: Session, caller: Caller, upload_id: str, offset: int, end: int, until: datetime
) -> Row[tuple[object, ...]]:
    """What the statement tells of the upload. Raises _Unfit where it changes none."""
    values = {
        "upload": upload_id,
        "owner": caller.user_id,
        "spoken": caller.dialect,
        "begin": offset,
        "end": end,
        "now": utc_now(),
        "until": until,
    }
    grown = session.connection().execute(_GROWN, values).first()
    if grown is None:
        raise _Unfit
    return grown
