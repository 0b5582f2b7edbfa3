"""Uploads whose bytes do not pass through us: their clients put each part into the storage.

We hand out requests that are good for one part and an hour, and count what has arrived whenever
the client asks how it stands, or says that it is done. What follows is the same as for every
upload.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.core import chunks, uploads
from portal.core.accounts import Caller
from portal.core.models import Part, Upload
from portal.core.storages import MAIN, STAGING, Stores
from portal.core.transaction import utc_now, writing
from storage_backends import SignedRequest, StorageUnavailable, Store

MiB = 1024 * 1024
LEAST_PART = 16 * MiB
MOST_PART = 2000 * MiB
MOST_PARTS = chunks.MISSING_NAMED
"""All that are missing are told at once."""
GOOD_FOR = timedelta(hours=1)


@dataclass(frozen=True)
class DirectPart:
    """A part that has not arrived, in bytes, and the request that puts it where it belongs."""

    number: int
    size: int
    request: SignedRequest


def place(session: Session, stores: Stores, length: int | None) -> str | None:
    """The storage that a client can send so many bytes to: where parts wait, else where
    recordings stay. None if neither can be asked, or nobody knows how many bytes they are."""
    if not length or part_size(length) > MOST_PART:
        return None
    for storage_id in (STAGING, MAIN):
        if stores.of(session, storage_id).direct_upload("parts", 1, 1) is not None:
            return storage_id
    return None


def part_size(length: int) -> int:
    """So large, in bytes, that MOST_PARTS are enough."""
    return max(LEAST_PART, -(-length // (MOST_PARTS * MiB)) * MiB)


def acknowledge(
    session: Session, stores: Stores, caller: Caller, upload_id: str, lifetime: timedelta
) -> Upload:
    """Count the parts that have arrived since the last look, with the size that they should have;
    they keep the upload open for another `lifetime`. To other uploads nothing happens.

    Raises NotFound, and the store's errors.
    """
    upload = uploads.find(session, caller, upload_id)
    if not grows(upload):
        return upload
    arrived = _arrived(stores.of(session, upload.storage_id), upload, _missing(session, upload))
    if not arrived:
        return upload
    with writing(session):
        return _count(session, upload_id, arrived, lifetime)


def outstanding(session: Session, stores: Stores, upload: Upload) -> list[DirectPart]:
    """The parts that the client of an upload that `grows` has to send still.

    Raises the store's errors.
    """
    store = stores.of(session, upload.storage_id)
    return [_signed(store, upload, *each) for each in _missing(session, upload).items()]


def grows(upload: Upload) -> bool:
    """Whether its client may put parts into the storage still."""
    return upload.direct and upload.state == "open" and not uploads.lapsed(upload)


def _missing(session: Session, upload: Upload) -> dict[int, int]:
    """The numbers that we have not counted, and their sizes in bytes."""
    numbers = chunks.missing(session, upload)
    return {number: chunks.exact_size(upload, number) or 0 for number in numbers}


def _key(upload: Upload, number: int) -> str:
    return f"parts/{upload.id}/{number}.direct"


def _arrived(store: Store, upload: Upload, missing: dict[int, int]) -> list[Part]:
    sizes = {stored.key: stored.size for stored in store.find(f"parts/{upload.id}")}
    return [
        Part(upload_id=upload.id, number=number, size=size, key=_key(upload, number))
        for number, size in missing.items()
        if sizes.get(_key(upload, number)) == size
    ]


def _count(session: Session, upload_id: str, arrived: list[Part], lifetime: timedelta) -> Upload:
    """Two may have looked at once: what the other has counted is not counted again."""
    upload = session.get_one(Upload, upload_id, with_for_update=True)
    known = set(session.scalars(select(Part.number).where(Part.upload_id == upload_id)))
    new = [part for part in arrived if part.number not in known]
    if new and upload.state == "open":
        now = utc_now()
        session.add_all(new)
        upload.offset += sum(part.size for part in new)
        upload.progress_at = now
        upload.expires_at = max(upload.expires_at, now + lifetime)
    return upload


def _signed(store: Store, upload: Upload, number: int, size: int) -> DirectPart:
    seconds = int(GOOD_FOR.total_seconds())
    request = store.direct_upload(_key(upload, number), size, seconds)
    if request is None:
        raise StorageUnavailable(f"The storage {upload.storage_id!r} signs requests no more.")
    return DirectPart(number, size, request)
