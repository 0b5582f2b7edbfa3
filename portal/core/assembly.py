"""From a complete upload to a recording: join, check size and SHA-256, look at the content, and
put it where such recordings belong.

Runs in a worker, perhaps twice at once. Everything is written below folders of this attempt's
own; the commit that makes it a recording counts only while the attempt's lease is held, and
whoever loses deletes its folders.
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

from portal.core import audit, content, ending, holding, leases, search, storages
from portal.core.acceptance import judge
from portal.core.audit import SYSTEM
from portal.core.checks import sha256_of
from portal.core.content import Findings
from portal.core.labels import department_of
from portal.core.leases import Lease, LeaseLost
from portal.core.limits import MOST_DETAILS, Terms
from portal.core.models import Part, Recording, RecordingDetail, Upload
from portal.core.retention import planning
from portal.core.storages import Stores
from portal.core.transaction import release, utc_now, writing
from storage_backends import ObjectNotFound, Store, StoredObject
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
class _Attempt:
    """One attempt: what it joins, and its own folders: `desk` beside the parts, where the whole
    is looked at, and `folder`, wherever the recording belongs."""

    upload: Upload
    keys: Sequence[str]
    lease: Lease
    staging: Store
    name: str

    @property
    def desk(self) -> str:
        return f"{desks(self.upload.id)}/{self.name}"

    @property
    def folder(self) -> str:
        return f"{recording_folder(self.upload.id)}/{self.name}"


@dataclass(frozen=True)
class _Examined:
    """The whole as it stands on the desk."""

    key: str
    size: int
    sha256: str
    findings: Findings


@dataclass(frozen=True)
class _Assembled:
    """What one attempt has written and learnt."""

    storage_id: str
    store: Store
    original: StoredObject
    sha256: str
    findings: Findings
    thumbnail_key: str | None
    sprite_key: str | None
    peaks_key: str | None
    playback_key: str | None


def assemble(session: Session, stores: Stores, upload_id: str, lease: Lease) -> None:
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
    name = f"{lease.epoch}-{secrets.token_hex(4)}"
    staging = stores.of(session, upload.storage_id)
    attempt = _Attempt(upload, keys, lease, staging, name)
    try:
        _make(session, stores, attempt)
    finally:
        _delete_below(staging, attempt.desk)


def _make(session: Session, stores: Stores, attempt: _Attempt) -> None:
    """Look at the whole, put it where it belongs, and make it a recording."""
    with tempfile.TemporaryDirectory(prefix="portal-") as out:
        examined, fault = _examine(session, stores, attempt, Path(out))
        if fault or examined is None:
            _commit(session, attempt, None, fault)
            return
        found = _keep(session, stores, attempt, examined)
    try:
        _commit(session, attempt, found, None)
    except LeaseLost:  # any other failure may come after the commit: then the objects must stay
        _delete_below(found.store, attempt.folder)
        raise
    upload_id = attempt.upload.id
    _delete_below(found.store, recording_folder(upload_id), keep=attempt.folder)
    _delete_below(attempt.staging, desks(upload_id))
    ending.tidy(session, stores, upload_id)


def recording_folder(upload_id: str) -> str:
    """Where all objects of one recording live. The first six digits of a UUIDv7 change every
    4.7 hours, so that no folder grows without end."""
    return f"recordings/{upload_id[:6]}/{upload_id}"


def desks(upload_id: str) -> str:
    """Where an upload's bytes are looked at, before it is known where they belong."""
    return f"assembling/{upload_id}"


def _close_idle(session: Session, lease: Lease) -> None:
    with writing(session):
        leases.close(session, lease, "done")


def _examine(
    session: Session, stores: Stores, attempt: _Attempt, out: Path
) -> tuple[_Examined | None, Fault | None]:
    """Join the parts on the desk and look at them. Raises NotExamined."""
    try:
        whole = attempt.staging.join(attempt.keys, f"{attempt.desk}/original")
    except ObjectNotFound:
        stores.checked(session, attempt.upload.storage_id)  # or its disk is not mounted
        if attempt.lease.attempt < ATTEMPTS:
            raise
        return None, ("part_missing", "A part of the file is missing in the storage.")
    with attempt.staging.as_file(whole.key) as file:
        sha256 = whole.sha256 or sha256_of(file)
        if fault := _fault(attempt.upload, whole.size, sha256):
            return None, fault
        findings = content.inspect(file, out)
    if not findings.conclusive and attempt.lease.attempt < ATTEMPTS:
        raise NotExamined(findings.refusal)
    return _Examined(whole.key, whole.size, sha256, findings), None


def _fault(upload: Upload, size: int, sha256: str) -> Fault | None:
    """Why these bytes are not the ones that the client meant to send."""
    if size != upload.length:
        return "wrong_size", f"{size} bytes are stored instead of {upload.length}."
    if upload.declared_sha256 not in (None, sha256):
        return "checksum_mismatch", "The file's SHA-256 is not the one that was declared."
    return None


def _keep(session: Session, stores: Stores, attempt: _Attempt, examined: _Examined) -> _Assembled:
    """Put the whole, and what was made of it, where it belongs. Leaves nothing when it raises."""
    facts = examined.findings.facts
    kind = facts.kind if facts else None
    storage_id = storages.pick(session, attempt.upload.dialect, kind, examined.size)
    store = stores.of(session, storage_id)
    try:
        return _Assembled(
            storage_id,
            store,
            store.copy_from(
                attempt.staging, examined.key, f"{attempt.folder}/original", examined.sha256
            ),
            examined.sha256,
            examined.findings,
            _keep_file(store, examined.findings.thumbnail, f"{attempt.folder}/thumbnail.jpg"),
            _keep_file(store, examined.findings.sprite, f"{attempt.folder}/sprite.jpg"),
            _keep_file(store, examined.findings.peaks, f"{attempt.folder}/peaks.json"),
            _keep_file(store, examined.findings.playback, f"{attempt.folder}/playback.m4a"),
        )
    except BaseException:
        _delete_below(store, attempt.folder)
        raise


def _keep_file(store: Store, file: Path | None, key: str) -> str | None:
    if file is None:
        return None
    with file.open("rb") as content:
        return store.write(key, iter(lambda: content.read(BLOCK_SIZE), b"")).key


def _commit(
    session: Session, attempt: _Attempt, found: _Assembled | None, fault: Fault | None
) -> None:
    upload, lease = attempt.upload, attempt.lease
    with writing(session):
        leases.close(session, lease, "failed" if fault else "done", fault and fault[1])
        changed = session.execute(
            update(Upload)
            .where(Upload.id == upload.id, Upload.state == "finishing")
            .values(state="failed" if fault else "done")
        )
        if not changed.rowcount:  # type: ignore[attr-defined]
            raise LeaseLost(f"{lease.job_id}: the upload is finished already.")
        if found and not storages.still_there(session, found.storage_id):
            raise LeaseLost(f"{lease.job_id}: the storage {found.storage_id} was removed.")
        if fault:
            ending.fail(session, session.get_one(Upload, upload.id), *fault)
        elif found:
            _add_recording(session, upload, found)
    if fault:
        log.error("upload %s failed: %s", upload.id, fault[1])


def _delete_below(store: Store, folder: str, keep: str | None = None) -> None:
    for stored in list(store.find(folder)):
        if keep is None or not stored.key.startswith(f"{keep}/"):
            store.delete(stored.key)


def _add_recording(session: Session, upload: Upload, found: _Assembled) -> None:
    now = utc_now()
    verdict = judge(Terms(**upload.terms), found.findings)
    recording = Recording(
        id=upload.id,
        owner_id=upload.owner_id,
        owner_label=upload.owner_label,
        token_id=upload.token_id,
        source=upload.dialect,
        department=department_of(upload.details),
        state="quarantined" if verdict.code else "ready",
        error_code=verdict.code,
        error_text=verdict.sentence,
        filename=upload.filename,
        details=upload.details,
        received_at=upload.progress_at,
        available_at=now,
        storage_id=found.storage_id,
        key=found.original.key,
        version_id=found.original.version,
        size=found.original.size,
        sha256=found.sha256,
        sha256_declared=upload.declared_sha256 is not None,
        thumbnail_key=found.thumbnail_key,
        sprite_key=found.sprite_key,
        peaks_key=found.peaks_key,
        playback_key=found.playback_key,
        integrity="ok",
        verified_at=now,
        **(asdict(verdict.facts) if verdict.facts else {}),
    )
    session.add(recording)
    session.flush()
    session.add_all(_searchable(upload, recording.place))
    planning.plan(session, recording)
    search.index(session, recording.id)
    holding.take_in(session, recording.id)
    action = "upload.quarantined" if verdict.code else "upload.completed"
    subject = ("recording", recording.id)
    audit.record(session, SYSTEM, action, subject, sha256=found.sha256, size=found.original.size)


def _searchable(upload: Upload, place: int) -> list[RecordingDetail]:
    """What the client said, as rows that an index finds; only so much of it."""
    said = list(upload.details.items())[:MOST_DETAILS]
    return [
        RecordingDetail(recording_id=upload.id, name=name[:100], value=value[:255], place=place)
        for name, value in said
    ]
