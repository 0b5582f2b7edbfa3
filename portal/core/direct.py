"""Uploads whose bytes do not pass through us: their clients put each part into the storage.

We hand out requests that are good for one part and an hour, and look at what has arrived. The
parts count once the client says that it is done; what follows is the same as for every upload.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice

from sqlalchemy.orm import Session

from portal.core import uploads
from portal.core.accounts import Caller
from portal.core.chunks import MISSING_NAMED, exact_size, total_chunks
from portal.core.errors import Incomplete
from portal.core.models import Part, Upload
from portal.core.storages import MAIN, STAGING, Stores
from portal.core.transaction import utc_now, writing
from storage_backends import SignedRequest, Store

MiB = 1024 * 1024
LEAST_PART = 16 * MiB
MOST_PARTS = 1000
GOOD_FOR = timedelta(hours=1)


@dataclass(frozen=True)
class DirectPart:
    """A part that has not arrived, in bytes, and the request that puts it where it belongs."""

    number: int
    size: int
    request: SignedRequest


def place(session: Session, stores: Stores) -> str | None:
    """The storage that clients can be sent to: where parts wait, else where recordings stay."""
    for storage_id in (STAGING, MAIN):
        if stores.of(session, storage_id).direct_upload("direct", 1, 1) is not None:
            return storage_id
    return None


def part_size(length: int) -> int:
    """So large, in bytes, that one answer holds the requests of all parts."""
    return max(LEAST_PART, -(-length // (MOST_PARTS * MiB)) * MiB)


def outstanding(
    session: Session, stores: Stores, caller: Caller, upload_id: str, lifetime: timedelta
) -> list[DirectPart]:
    """The parts that the client has to send still. What arrived since the last look keeps the
    upload open for another `lifetime`. Raises NotFound, and the store's errors."""
    upload = uploads.find(session, caller, upload_id)
    if not upload.direct or upload.state != "open" or uploads.lapsed(upload):
        return []
    store = stores.of(session, upload.storage_id)
    here = _here(store, upload)
    _note(session, upload, here, lifetime)
    seconds = int(GOOD_FOR.total_seconds())
    found = (
        (part, store.direct_upload(_key(upload_id, part.number), part.size, seconds))
        for part in _missing(upload, here)
    )
    return [DirectPart(part.number, part.size, request) for part, request in found if request]


def collect(session: Session, stores: Stores, caller: Caller, upload_id: str) -> None:
    """The client says that all parts are there: look, and count them.

    Raises NotFound, UploadGone, Incomplete with the numbers of those that are missing or have
    another size, and the store's errors.
    """
    upload = uploads.find(session, caller, upload_id)
    if not upload.direct or upload.state != "open":
        return
    here = _here(stores.of(session, upload.storage_id), upload)
    missing = list(islice(_missing(upload, here), MISSING_NAMED))
    if missing:
        numbers = [part.number for part in missing]
        raise Incomplete(f"{len(here)} of {total_chunks(upload)} parts are here.", numbers)
    with writing(session):
        upload = uploads.lock(session, caller, upload_id)
        if upload.state == "open":
            session.add_all(here)
            upload.offset = sum(part.size for part in here)


def _key(upload_id: str, number: int) -> str:
    return f"parts/{upload_id}/{number}.direct"


def _here(store: Store, upload: Upload) -> list[Part]:
    """The parts that have arrived with the size that they should have."""
    sizes = {stored.key: stored.size for stored in store.find(f"parts/{upload.id}")}
    keys = (_key(upload.id, number) for number in range(total_chunks(upload) or 0))
    return [
        Part(upload_id=upload.id, number=number, size=sizes[key], key=key)
        for number, key in enumerate(keys)
        if sizes.get(key) == exact_size(upload, number)
    ]


def _missing(upload: Upload, here: list[Part]) -> Iterator[Part]:
    numbers = {part.number for part in here}
    for number in range(total_chunks(upload) or 0):
        if number not in numbers:
            yield Part(number=number, size=exact_size(upload, number))


def _note(session: Session, upload: Upload, here: list[Part], lifetime: timedelta) -> None:
    """Let everybody see how far it is."""
    arrived = sum(part.size for part in here)
    if arrived <= upload.offset:
        return
    with writing(session):
        row = session.get_one(Upload, upload.id, with_for_update=True)
        if row.state == "open":
            now = utc_now()
            row.offset, row.progress_at, row.expires_at = arrived, now, now + lifetime
