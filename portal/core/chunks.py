"""Receiving the bytes of an upload as numbered chunks, in any order and several at once.

The first to arrive under a number wins; the same bytes again are harmless, others are refused.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import timedelta
from itertools import islice

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.core import uploads
from portal.core.accounts import Caller
from portal.core.appending import STRAIGHT, Body, within
from portal.core.checks import Tally
from portal.core.errors import (
    ChecksumMismatch,
    Conflict,
    InvalidRequest,
    OtherBytes,
    Refusal,
    TooLarge,
)
from portal.core.limits import Terms
from portal.core.models import Part, Upload
from portal.core.storages import Stores
from portal.core.transaction import release, utc_now, writing
from portal.core.uploads import Progress, progress_of

MISSING_NAMED = 1000
"""How many missing chunks are listed at most; when they have come, the next are."""


def put(
    session: Session,
    stores: Stores,
    caller: Caller,
    upload_id: str,
    number: int,
    body: Body,
    lifetime: timedelta,
    sha256: str | None = None,
) -> Progress:
    """Keep one chunk, whole or not at all, and return where the upload stands then.

    Raises NotFound, UploadGone, InvalidRequest for a number or size that does not belong,
    TooLarge, ChecksumMismatch, Conflict, the body's refusals, and the store's errors.
    """
    upload = uploads.find(session, caller, upload_id)
    uploads.refuse_gone(upload)
    size = _refuse_misfit(upload, number, body.length)
    store = stores.of(session, upload.storage_id)
    key = f"parts/{upload_id}/{number}.{secrets.token_hex(4)}"
    tally = Tally()
    stored = store.write(key, tally.over(within(size, body.take(None, None))))
    try:
        body.refuse_cut()
        _refuse_damaged(upload, number, stored.size, tally.sha256, sha256)
        part = Part(number=number, size=stored.size, key=key, sha256=tally.sha256)
        progress, kept = _count(session, caller, upload_id, part, lifetime)
    except Refusal:  # any other failure may come after the commit: then the bytes must stay
        store.delete(key)
        raise
    if not kept:
        store.delete(key)
    return progress


def _refuse_misfit(upload: Upload, number: int, announced: int | None) -> int:
    """How many bytes this chunk may have."""
    if upload.direct:
        raise Conflict(STRAIGHT)
    if not upload.numbered:
        raise Conflict("This upload is sent from its first byte to its last, not in chunks.")
    terms = Terms(**upload.terms)
    if not 0 <= number < (total_chunks(upload) or terms.most_parts):
        raise InvalidRequest(f"There is no chunk number {number} in this upload.")
    most = exact_size(upload, number) or terms.most_bytes - upload.offset
    if announced is not None and announced > most:
        raise TooLarge(f"This chunk may have {most} bytes at most.")
    return most


def total_chunks(upload: Upload) -> int | None:
    """How many chunks the upload has; None if only its end will tell."""
    if upload.chunk_size is None or upload.length is None:
        return None
    return -(-upload.length // upload.chunk_size)


def exact_size(upload: Upload, number: int) -> int | None:
    """What was agreed: all chunks of one size, the last one the rest. None: any size."""
    if upload.chunk_size is None or upload.length is None:
        return None
    return min(upload.chunk_size, upload.length - number * upload.chunk_size)


def _refuse_damaged(
    upload: Upload, number: int, size: int, found: str, declared: str | None
) -> None:
    if declared is not None and not hmac.compare_digest(found, declared):
        raise ChecksumMismatch("The chunk that arrived is not the one that was sent; resend it.")
    if size == 0:
        raise InvalidRequest("The chunk is empty.")
    if size != (exact_size(upload, number) or size):
        raise InvalidRequest(
            f"Chunk {number} must have {exact_size(upload, number)} bytes, {size} arrived."
        )


def _count(
    session: Session, caller: Caller, upload_id: str, part: Part, lifetime: timedelta
) -> tuple[Progress, bool]:
    """Acknowledge a stored chunk. False if the same one has been here before."""
    with writing(session):
        upload = uploads.lock(session, caller, upload_id)
        known = session.get(Part, (upload_id, part.number))
        if known is not None and known.sha256 != part.sha256:
            raise OtherBytes(f"Chunk {part.number} is here already, with other bytes.")
        if known is None and upload.state != "open":
            raise Conflict("The upload is complete; it takes no more chunks.")
        if upload.state == "open":
            now = utc_now()
            upload.progress_at = now
            upload.expires_at = max(upload.expires_at, now + lifetime)
        if known is None:
            _add(session, upload, part)
        return progress_of(upload), known is None


def _add(session: Session, upload: Upload, part: Part) -> None:
    uploads.refuse_too_large(Terms(**upload.terms), upload.offset + part.size)
    part.upload_id = upload.id
    upload.offset += part.size
    session.add(part)


def count_of(session: Session, upload: Upload) -> int:
    """How many chunks have arrived."""
    if upload.state == "done":  # they have become the recording
        return total_chunks(upload) or int(upload.wire.get("total_chunks", 0))
    count = session.scalar(select(func.count()).where(Part.upload_id == upload.id)) or 0
    release(session)
    return count


def here(session: Session, upload: Upload, total: int) -> tuple[list[int], int]:
    """The numbers below `total` that have not arrived, the first thousand of them, and how many
    chunks have. Leaves the transaction open."""
    numbers = set(session.scalars(select(Part.number).where(Part.upload_id == upload.id)))
    absent = (number for number in range(total) if number not in numbers)
    return list(islice(absent, MISSING_NAMED)), len(numbers)


def missing(session: Session, upload: Upload) -> list[int]:
    """What the client has to send still, as far as that is known: the first thousand numbers."""
    if upload.state != "open":
        return []
    absent, _ = here(session, upload, total_chunks(upload) or 0)
    release(session)
    return absent
