"""The client says that an upload is whole; and what became of it.

Finishing is idempotent: however often and by however many at once it is asked for, one recording
comes of it, and its id is the upload's, known before the assembly has run.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy.orm import Session

from portal.core import chunks, uploads
from portal.core.accounts import Caller
from portal.core.appending import learn_length
from portal.core.errors import Conflict, Incomplete, InvalidRequest
from portal.core.models import Recording, Upload
from portal.core.transaction import release, writing
from portal.core.uploads import Progress, progress_of


@dataclass(frozen=True)
class Outcome:
    """What became of an upload, in one word for the client: `open`, `processing`, `ready`,
    `quarantined`, `failed`, `expired`, `cancelled` or `deleted`, and why."""

    state: str
    code: str | None = None
    reason: str | None = None
    recording: Recording | None = None


WORDS = {
    "abandoned": "cancelled",
    "finishing": "processing",
    "deleting": "deleted",
    "purging": "deleted",
}


def finish(
    session: Session,
    caller: Caller,
    upload_id: str,
    total: int | None = None,
    sha256: str | None = None,
    length: int | None = None,
) -> Progress:
    """Begin the assembly of an upload whose bytes are all here. Harmless to repeat.

    `total`: how many chunks the client has sent, where that was not agreed before. `sha256` and
    `length`: of the whole file, likewise. Raises NotFound, UploadGone, InvalidRequest, Incomplete,
    and Conflict for another length, and for a piece of another upload.
    """
    with writing(session):
        upload = uploads.lock(session, caller, upload_id)
        if upload.concat == "partial":
            raise Conflict("This is a piece of an upload; join the pieces, and finish that one.")
        _refuse_other_sha256(upload, sha256)
        if upload.state == "open":
            learn_length(upload, length)
            _refuse_incomplete(session, upload, total)
            upload.declared_sha256 = upload.declared_sha256 or sha256
            uploads.begin_finishing(session, upload, caller.actor)
        return progress_of(upload)


def _refuse_other_sha256(upload: Upload, sha256: str | None) -> None:
    if sha256 is not None and upload.declared_sha256 not in (None, sha256):
        raise Conflict("Another SHA-256 was declared when the upload began; that stays.")


def _refuse_incomplete(session: Session, upload: Upload, total: int | None) -> None:
    if upload.numbered:
        _refuse_missing(session, upload, total)
    elif upload.length is not None and upload.offset < upload.length:
        raise Incomplete(f"{upload.offset} of {upload.length} bytes have arrived; send the rest.")
    if upload.offset == 0 and upload.length != 0:
        raise Incomplete("Nothing has arrived yet; send the file first.")


def _refuse_missing(session: Session, upload: Upload, total: int | None) -> None:
    agreed = chunks.total_chunks(upload)
    if total is not None and agreed not in (None, total):
        raise InvalidRequest(f"This upload has {agreed} chunks, not {total}.")
    wanted = agreed if agreed is not None else total
    if wanted is None:
        raise InvalidRequest("Say how many chunks there are.")
    missing, sent = chunks.here(session, upload, wanted)
    if missing:
        raise Incomplete(f"{sent} of {wanted} chunks are here; send the others.", missing)
    if sent > wanted:
        raise InvalidRequest(f"{sent} chunks have arrived, not {wanted}.")
    upload.wire = upload.wire | {"total_chunks": wanted}


def outcome(session: Session, caller: Caller, upload_id: str) -> Outcome:
    """What became of the caller's upload so far. Raises NotFound."""
    upload = uploads.find(session, caller, upload_id)
    if uploads.lapsed(upload):
        return Outcome("expired")
    if upload.state != "done":
        return Outcome(WORDS.get(upload.state, upload.state), upload.error_code, upload.error_text)
    recording = session.get_one(Recording, upload_id)
    release(session)
    state = WORDS.get(recording.state, recording.state)
    return Outcome(state, recording.error_code, recording.error_text, recording)


def wait(session: Session, caller: Caller, upload_id: str, seconds: float) -> Outcome:
    """The outcome once the assembly has ended, or how it stands after so many seconds."""
    deadline, pause = time.monotonic() + seconds, 0.02
    found = outcome(session, caller, upload_id)
    while found.state == "processing" and time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(2 * pause, 0.25)
        found = outcome(session, caller, upload_id)
    return found
