"""The engine as the dialects call it: with the settings' limits, and a ring for the workers."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from flask import current_app

from portal import queue
from portal.auth import caller
from portal.bodies import RequestBody
from portal.config import Settings
from portal.core import (
    appending,
    assembly,
    chunks,
    concatenating,
    direct,
    ending,
    finishing,
    small_appends,
    uploads,
)
from portal.core.checks import Check, Tally, Whole
from portal.core.direct import DirectPart
from portal.core.errors import OffsetMismatch, OtherBytes, TakenOver, TryAgainLater
from portal.core.finishing import Outcome
from portal.core.limits import Limits, Terms
from portal.core.models import Upload
from portal.core.uploads import NewUpload, Progress
from portal.db import db
from portal.parsing import HeldBody
from portal.storage import stores


def settings() -> Settings:
    found: Settings = current_app.config["SETTINGS"]
    return found


def terms(accepts: tuple[str, ...], declared_type: str | None = None) -> Terms:
    """What is agreed with the client of any dialect but the video ones."""
    chosen = settings()
    return Terms(
        accepts, chosen.max_upload_bytes, chosen.max_parts, declared_type=declared_type or None
    )


def video_terms(declared_type: str | None = None) -> Terms:
    """What is agreed with the client of tus and the video endpoints."""
    chosen = settings()
    longest_ms = chosen.max_video_minutes * 60_000
    return Terms(
        chosen.accept_tus,
        chosen.max_video_bytes,
        chosen.max_parts,
        longest_ms,
        declared_type or None,
    )


def session_claim(session_id: str | None) -> str | None:
    """The claim on a client's session, as short as any name that we keep."""
    return f"session/{hashlib.sha256(session_id.encode()).hexdigest()}" if session_id else None


def limits() -> Limits:
    chosen = settings()
    return Limits(chosen.upload_lifetime, chosen.max_open_uploads, stores.free_bytes())


def start(new: NewUpload) -> Progress:
    """See portal.core.uploads.start."""
    return ring_if_finished(uploads.start(db.session, caller(), new, limits()))


def start_direct(new: NewUpload) -> Progress:
    """The same, for a client that would rather put its bytes into the storage itself: where that
    is possible here and the length is known, it may."""
    new = replace(new, wire=new.wire | {"direct": True})  # its Idempotency-Key is for this alone
    on = settings().direct_uploads == "on"
    storage_id = direct.place(db.session, stores, new.length) if on else None
    if storage_id is None:
        return start(new)
    size = direct.part_size(new.length or 0)
    new = replace(new, direct=True, numbered=True, chunk_size=size)
    allowed = replace(limits(), free_bytes=None, storage_id=storage_id)
    return uploads.start(db.session, caller(), new, allowed)


def outstanding(upload_id: str) -> list[DirectPart] | None:
    """What the client has to put into the storage still; None for an upload that takes nothing
    there. See portal.core.direct."""
    upload = acknowledge(upload_id)
    return direct.outstanding(db.session, stores, upload) if direct.grows(upload) else None


def acknowledge(upload_id: str) -> Upload:
    """See portal.core.direct.acknowledge."""
    lifetime = settings().upload_lifetime
    return direct.acknowledge(db.session, stores, caller(), upload_id, lifetime)


def concatenate(new: NewUpload, pieces: list[str]) -> Progress:
    """See portal.core.concatenating.concatenate."""
    made = concatenating.concatenate(db.session, caller(), new, pieces, limits())
    return ring_if_finished(made)


def append(
    upload_id: str,
    offset: int,
    body: RequestBody,
    check: Check | Whole | None = None,
    length: int | None = None,
) -> Progress:
    """See portal.core.appending.append. Keeps what arrived of a body that was cut, and then
    raises its refusal."""
    lifetime = settings().upload_lifetime
    if check is None and length is None and (content := body.at_hand(small_appends.MOST_BYTES)):
        small = (db.session, stores, caller(), upload_id, offset, content, lifetime)
        if (progress := small_appends.append(*small)) is not None:
            return ring_if_finished(progress)
        body = HeldBody(content)
    progress = appending.append(
        db.session, stores, caller(), upload_id, offset, body, lifetime, check, length
    )
    ring_if_finished(progress)
    body.refuse_cut()
    return progress


def put_chunk(
    upload_id: str, number: int, body: RequestBody, sha256: str | None = None
) -> Progress:
    """See portal.core.chunks.put."""
    lifetime = settings().upload_lifetime
    return chunks.put(db.session, stores, caller(), upload_id, number, body, lifetime, sha256)


def start_over(upload_id: str) -> None:
    """See portal.core.appending.start_over."""
    appending.start_over(db.session, stores, caller(), upload_id)


def append_anew(upload: Upload, body: RequestBody) -> None:
    """The whole file, from a client that knows no offsets and sends everything again after a
    cut. What had arrived makes room for it; once the upload is complete, it must be the same."""
    if upload.state != "open":
        refuse_other(upload, body)
        return
    check = Whole(body.refuse_cut) if upload.length is None else None
    try:
        start_over(upload.id)
        append(upload.id, 0, body, check)
    except (OffsetMismatch, TakenOver) as error:
        raise TryAgainLater("Another request has begun this file anew; send it again.") from error


def refuse_other(upload: Upload, body: RequestBody) -> None:
    """Read what came again for a complete upload. Raises OtherBytes if it is something else."""
    tally, length = Tally(), upload.length or 0
    if body.length in (None, length):
        for _ in tally.over(body.take(None, length + 1)):
            pass
        body.refuse_cut()
    found = outcome(upload.id, settings().finish_wait_seconds).recording
    if body.received != length or (found is not None and found.sha256 != tally.sha256):
        raise OtherBytes("The upload is complete, with other bytes than these; begin a new one.")


def finish(
    upload_id: str, total: int | None = None, sha256: str | None = None, length: int | None = None
) -> Outcome:
    """Begin the assembly of a whole upload and wait a little for what becomes of it.

    See portal.core.finishing.finish. A refused content is told by the outcome, not raised.
    """
    acknowledge(upload_id)
    ring_if_finished(finishing.finish(db.session, caller(), upload_id, total, sha256, length))
    return outcome(upload_id, settings().finish_wait_seconds)


def outcome(upload_id: str, seconds: float = 0) -> Outcome:
    """What became of the upload, once it is known or after so many seconds."""
    return finishing.wait(db.session, caller(), upload_id, seconds)


def ring_if_finished(progress: Progress) -> Progress:
    if progress.finished:
        queue.ring(assembly.KIND, progress.upload_id)
    return progress


def abandon(upload_id: str) -> None:
    """Give an open upload up, and its bytes with it."""
    ending.abandon(db.session, caller(), upload_id)
    ending.tidy(db.session, stores, upload_id)
