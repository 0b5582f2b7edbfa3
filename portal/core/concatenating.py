"""Making one upload out of several: their parts are renumbered, no byte is copied."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.core import uploads
from portal.core.accounts import Caller
from portal.core.errors import Conflict, Incomplete, InvalidRequest, KeyReused, NotAllowed
from portal.core.limits import Limits
from portal.core.models import Part, Upload
from portal.core.transaction import writing
from portal.core.uploads import NewUpload, Progress, progress_of

MOST_PIECES = 1000


def concatenate(
    session: Session, caller: Caller, new: NewUpload, pieces: list[str], allowed: Limits
) -> Progress:
    """A complete upload of these partial ones, in this order. The same request again gets the
    same upload.

    The pieces are used up. Raises NotFound for one that is not the caller's, UploadGone,
    Incomplete, Conflict for one that is part of another upload, InvalidRequest, TooLarge,
    KeyReused.
    """
    caller.must("upload", continuing=True)  # a token that has run out began all of the pieces
    if not pieces or len(pieces) > MOST_PIECES or len(set(pieces)) < len(pieces):
        raise InvalidRequest(f"Name 1 to {MOST_PIECES} different partial uploads.")
    try:
        return _concatenate(session, caller, new, pieces, allowed)
    except IntegrityError as error:
        raise KeyReused("This Idempotency-Key was used for another upload.") from error


def _concatenate(
    session: Session, caller: Caller, new: NewUpload, pieces: list[str], allowed: Limits
) -> Progress:
    with writing(session):
        # In one order for all, so that two requests over the same pieces do not wait in a ring.
        locked = {one: uploads.lock(session, caller, one) for one in sorted(pieces)}
        partial = [locked[one] for one in pieces]
        made = _made_before(session, caller, partial, pieces)
        return progress_of(made or _make(session, caller, new, partial, allowed))


def _made_before(
    session: Session, caller: Caller, partial: list[Upload], pieces: list[str]
) -> Upload | None:
    finals = {upload.wire.get("final") for upload in partial}
    if finals == {None}:
        return None
    final = session.get(Upload, finals.pop()) if len(finals) == 1 else None
    if final is None or final.wire.get("pieces") != pieces:
        raise Conflict("A part of this upload was used for another one; send it again.")
    uploads.refuse_gone(final)
    return final


def _make(
    session: Session, caller: Caller, new: NewUpload, partial: list[Upload], allowed: Limits
) -> Upload:
    for each in partial:
        _refuse_unfit(each)
        each.state = "joined"  # no open upload any more, when the final one is counted
    length = sum(each.offset for each in partial)
    pieces = {"pieces": [each.id for each in partial]}
    whole = replace(new, length=length, concat="final", wire=new.wire | pieces)
    final = uploads.add(session, caller, whole, allowed)
    final.storage_id = _their_storage(partial)
    number = 0
    for each in partial:
        number = _move_parts(session, each, final, number)
        each.wire = each.wire | {"final": final.id}
    final.offset = length
    uploads.begin_finishing(session, final, caller.actor)
    return final


def _their_storage(partial: list[Upload]) -> str:
    """Where all the parts are: they are joined there, so it must be one place."""
    found = {each.storage_id for each in partial}
    if len(found) > 1:
        raise Conflict("The pieces are in different storages; send the older ones again.")
    return found.pop()


def _refuse_unfit(upload: Upload) -> None:
    if upload.concat != "partial":
        raise NotAllowed("Only partial uploads can be joined; begin them with that word.")
    if upload.offset != upload.length:
        raise Incomplete("A partial upload is not complete; send the rest of it first.")


def _move_parts(session: Session, upload: Upload, final: Upload, number: int) -> int:
    """Give the parts to the final upload, from this number on; returns the next free one."""
    mine = Part.upload_id == upload.id
    last = session.scalar(select(func.max(Part.number)).where(mine))
    session.execute(
        update(Part).where(mine).values(upload_id=final.id, number=Part.number + number)
    )
    return number if last is None else number + last + 1
