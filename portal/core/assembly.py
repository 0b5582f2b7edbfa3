"""From a complete upload to a recording: join, check size and SHA-256, look at the content.

Runs in a worker, perhaps twice at once. Everything is written below a folder of this attempt's
own; the commit that makes it a recording counts only while the attempt's lease is held, and
whoever loses deletes its folder.
"""

from __future__ import annotations

import logging
import secrets
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal.core import audit, content, ending, leases
from portal.core.acceptance import judge
from portal.core.audit import SYSTEM
from portal.core.content import Findings
from portal.core.leases import Lease, LeaseLost
from portal.core.limits import MOST_DETAILS, Terms
from portal.core.models import Part, Recording, RecordingDetail, Upload
from portal.core.transaction import release, utc_now, writing
from storage_backends import ObjectNotFound, Store
from storage_backends.base import BLOCK_SIZE

log = logging.getLogger(__name__)

KIND = "assemble_upload"
ATTEMPTS = 4
"""How often to try what may pass: an examination that fails, a part that is not there."""
Fault = tuple[str, str]
"""A code for programs and a sentence for people."""


class NotExamined(Exception):
    """Looking at the content failed for a reason that may pass, such as a busy machine."""


@dataclass(frozen=True)
class _Assembled:
    """What one attempt has written and learnt."""

    key: str
    size: int
    sha256: str
    findings: Findings | None = None
    thumbnail_key: str | None = None
    peaks_key: str | None = None
    playback_key: str | None = None


def assemble(session: Session, store: Store, upload_id: str, lease: Lease) -> None:
    """Make the recording of an upload whose bytes are all here; harmless to repeat.

    Raises LeaseLost, NotExamined, and the store's errors: then the upload stays `finishing` for
    another try.
    """
    upload = session.get(Upload, upload_id)
    parts = select(Part.key).where(Part.upload_id == upload_id).order_by(Part.number)
    keys = session.scalars(parts).all()
    release(session)
    if upload is None or upload.state != "finishing":
        _close_idle(session, lease)
        return
    # A name that no other attempt has, not even one before the database was restored.
    folder = f"{recording_folder(upload_id)}/{lease.epoch}-{secrets.token_hex(4)}"
    found, fault = _build(store, upload, keys, folder, lease)
    try:
        _commit(session, upload, found, fault, lease)
    except LeaseLost:  # any other failure may come after the commit: then the objects must stay
        _delete_below(store, folder)
        raise
    if fault:
        log.error("upload %s failed: %s", upload_id, fault[1])
        _delete_below(store, folder)
    else:
        _delete_below(store, recording_folder(upload_id), keep=folder)
        ending.tidy(session, store, upload_id)


def _build(
    store: Store, upload: Upload, keys: Sequence[str], folder: str, lease: Lease
) -> tuple[_Assembled | None, Fault | None]:
    """Everything that can be done before the commit. Leaves nothing behind when it raises."""
    try:
        found = _join(store, upload, keys, folder, lease)
        return found, _fault(upload, found)
    except BaseException as error:
        _delete_below(store, folder)
        if isinstance(error, ObjectNotFound) and lease.attempt >= ATTEMPTS:
            return None, ("part_missing", "A part of the file is missing in the storage.")
        raise


def recording_folder(upload_id: str) -> str:
    """Where all objects of one recording live. The first six digits of a UUIDv7 change every
    4.7 hours, so that no folder grows without end."""
    return f"recordings/{upload_id[:6]}/{upload_id}"


def _close_idle(session: Session, lease: Lease) -> None:
    with writing(session):
        leases.close(session, lease, "done")


def _join(
    store: Store, upload: Upload, keys: Sequence[str], folder: str, lease: Lease
) -> _Assembled:
    stored = store.join(keys, f"{folder}/original")
    sha256 = store.checksum(stored.key)
    found = _Assembled(stored.key, stored.size, sha256)
    if _fault(upload, found):
        return found
    with tempfile.TemporaryDirectory(prefix="portal-") as out, store.as_file(stored.key) as file:
        findings = content.inspect(file, Path(out))
        if not findings.conclusive and lease.attempt < ATTEMPTS:
            raise NotExamined(findings.refusal)
        thumbnail = _keep(store, findings.thumbnail, f"{folder}/thumbnail.jpg")
        peaks = _keep(store, findings.peaks, f"{folder}/peaks.json")
        playback = _keep(store, findings.playback, f"{folder}/playback.m4a")
    return _Assembled(stored.key, stored.size, sha256, findings, thumbnail, peaks, playback)


def _keep(store: Store, file: Path | None, key: str) -> str | None:
    if file is None:
        return None
    with file.open("rb") as content:
        return store.write(key, iter(lambda: content.read(BLOCK_SIZE), b"")).key


def _fault(upload: Upload, found: _Assembled) -> Fault | None:
    """Why these bytes are not the ones that the client meant to send."""
    if found.size != upload.length:
        return "wrong_size", f"{found.size} bytes are stored instead of {upload.length}."
    if upload.declared_sha256 not in (None, found.sha256):
        return "checksum_mismatch", "The file's SHA-256 is not the one that was declared."
    return None


def _commit(
    session: Session, upload: Upload, found: _Assembled | None, fault: Fault | None, lease: Lease
) -> None:
    with writing(session):
        leases.close(session, lease, "failed" if fault else "done", fault and fault[1])
        changed = session.execute(
            update(Upload)
            .where(Upload.id == upload.id, Upload.state == "finishing")
            .values(state="failed" if fault else "done")
        )
        if not changed.rowcount:  # type: ignore[attr-defined]
            raise LeaseLost(f"{lease.job_id}: the upload is finished already.")
        if fault:
            ending.fail(session, session.get_one(Upload, upload.id), *fault)
        elif found:
            _add_recording(session, upload, found)


def _delete_below(store: Store, folder: str, keep: str | None = None) -> None:
    for stored in list(store.find(folder)):
        if keep is None or not stored.key.startswith(f"{keep}/"):
            store.delete(stored.key)


def _add_recording(session: Session, upload: Upload, found: _Assembled) -> None:
    now = utc_now()
    findings = found.findings or Findings()
    verdict = judge(Terms(**upload.terms), findings)
    recording = Recording(
        id=upload.id,
        owner_id=upload.owner_id,
        owner_label=upload.owner_label,
        source=upload.dialect,
        state="quarantined" if verdict.code else "ready",
        error_code=verdict.code,
        error_text=verdict.sentence,
        filename=upload.filename,
        details=upload.details,
        received_at=upload.progress_at,
        available_at=now,
        key=found.key,
        size=found.size,
        sha256=found.sha256,
        sha256_declared=upload.declared_sha256 is not None,
        thumbnail_key=found.thumbnail_key,
        peaks_key=found.peaks_key,
        playback_key=found.playback_key,
        integrity="ok",
        verified_at=now,
        **(asdict(verdict.facts) if verdict.facts else {}),
    )
    session.add(recording)
    session.flush()
    session.add_all(_searchable(upload))
    action = "upload.quarantined" if verdict.code else "upload.completed"
    subject = ("recording", recording.id)
    audit.record(session, SYSTEM, action, subject, sha256=found.sha256, size=found.size)


def _searchable(upload: Upload) -> list[RecordingDetail]:
    """What the client said, as rows that an index finds; only so much of it."""
    said = list(upload.details.items())[:MOST_DETAILS]
    return [
        RecordingDetail(recording_id=upload.id, name=name[:100], value=value[:255])
        for name, value in said
    ]
