"""Receiving the bytes of an upload, with fencing.

Each request that writes raises the upload's generation, and its bytes count only while that
generation is current. So a dead connection blocks nobody and a zombie harms nothing.
No transaction is open while bytes move.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol, TypeVar, cast

from sqlalchemy import Table, bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Session

from portal.core import audit, uploads
from portal.core.accounts import Caller
from portal.core.checks import Check, Whole
from portal.core.errors import Conflict, NotAllowed, OffsetMismatch, TakenOver, TooLarge
from portal.core.limits import Terms
from portal.core.models import Part, Upload
from portal.core.storages import Stores
from portal.core.transaction import utc_now, writing
from portal.core.uploads import Progress
from storage_backends import LocalStore, Store, StoredObject
from storage_backends.base import Block
from storage_backends.kernel import InPipe

Piece = TypeVar("Piece", Block, Block | InPipe)
STRAIGHT = "The parts of this upload go straight to the storage; its status has the addresses."
PART_BYTES = 256 * 1024 * 1024
PART_SECONDS = 15.0
"""A request's bytes are acknowledged in parts of at most this size and age, so that a kill -9 in
the middle of a long request, or a connection that dies silently, costs no more than one part. Each
costs a file, a transaction and, when strict, syncs: of 64 MiB, 1 GiB took 1.4 times as long."""


class Body(Protocol):
    """The bytes of one request, as portal/bodies.py brings them."""

    length: int | None
    """What the client announced, in bytes; None if it did not."""

    done: bool
    """Nothing more will come: all arrived, or the client is gone."""

    def take(self, seconds: float | None, most: int | None) -> Iterator[Block]:
        """The next bytes. Ends after `most` bytes, `seconds` after the first of them, or when
        the client is done or gone; raises nothing."""

    def pour(self, seconds: float | None, most: int | None) -> Iterator[Block | InPipe]:
        """The same, for a store that can take them from a pipe."""

    def refuse_cut(self) -> None:
        """Raises the refusal for a body that did not arrive whole."""


_LAST = select(func.max(Part.number)).where(Part.upload_id == bindparam("upload"))
UPLOADS, PARTS = cast(Table, Upload.__table__), cast(Table, Part.__table__)
_TIME = Upload.expires_at.type
_COUNTED = (
    update(UPLOADS)
    .where(Upload.id == bindparam("upload"), Upload.generation == bindparam("turn"))
    .where(Upload.state == "open")
    .values(
        offset=bindparam("end"),
        progress_at=bindparam("now", type_=_TIME),
        expires_at=uploads.no_sooner(bindparam("until", type_=_TIME)),
        writing=bindparam("writes"),
    )
)
"""Built once, and without the ORM: so a PATCH takes half the time."""


@dataclass(frozen=True)
class _Turn:
    """One request's right to add bytes, valid while `generation` is the upload's. `end`: the
    offset that nothing may go beyond. `ends`: reaching the length begins the assembly."""

    caller: Caller
    upload_id: str
    storage_id: str
    generation: int
    number: int
    offset: int
    length: int | None
    end: int
    ends: bool
    lifetime: timedelta
    expires_at: datetime

    @property
    def key(self) -> str:
        return f"parts/{self.upload_id}/{self.number}.{self.generation}"


def append(
    session: Session,
    stores: Stores,
    caller: Caller,
    upload_id: str,
    offset: int,
    body: Body,
    lifetime: timedelta,
    check: Check | Whole | None = None,
    length: int | None = None,
) -> Progress:
    """Add the body's bytes at `offset` and return what is acknowledged then.

    Every byte that arrives is kept, also when the client goes away in the middle; with a check,
    all of them or none. `length`: of the whole upload, where the client learns it only now.
    Raises NotFound, UploadGone, OffsetMismatch, Conflict, NotAllowed, TooLarge, TakenOver,
    ChecksumMismatch, and the store's errors: what was acknowledged before stays.
    """
    turn = _take_turn(session, caller, upload_id, offset, body, lifetime, length)
    store = stores.of(session, turn.storage_id)
    try:
        while not body.done:
            turn = _receive_part(session, store, turn, body, check)
    except BaseException:
        _end_turn(session, turn)
        raise
    finished = turn.ends and turn.offset == turn.length
    return Progress(turn.upload_id, turn.offset, turn.length, turn.expires_at, finished)


def start_over(session: Session, stores: Stores, caller: Caller, upload_id: str) -> None:
    """Drop what has arrived: the client sends everything again from its first byte.

    Whoever still writes is shut out, so that the bytes of two requests are never mixed.
    Raises NotFound, UploadGone, Conflict, NotAllowed.
    """
    with writing(session):
        upload = uploads.lock(session, caller, upload_id)
        _refuse_unfit(upload)
        if upload.state != "open":
            raise Conflict("The upload is complete; it takes no more bytes.")
        keys = session.scalars(select(Part.key).where(Part.upload_id == upload_id)).all()
        session.execute(delete(Part).where(Part.upload_id == upload_id))
        if keys:
            subject = ("upload", upload_id)
            audit.record(session, caller.actor, "upload.restarted", subject, dropped=upload.offset)
        upload.offset, upload.writing = 0, None
        upload.generation += 1
    store = stores.of(session, upload.storage_id)
    for key in keys:  # cut off here, they are swept as bytes without a row
        store.delete(key)


def _take_turn(
    session: Session,
    caller: Caller,
    upload_id: str,
    offset: int,
    body: Body,
    lifetime: timedelta,
    length: int | None,
) -> _Turn:
    with writing(session):
        upload = uploads.lock(session, caller, upload_id)
        terms = Terms(**upload.terms)
        _refuse_unfit(upload)
        learn_length(upload, length)
        end = terms.most_bytes if upload.length is None else upload.length
        _refuse_misfit(upload, offset, body.length, end)
        if upload.state == "open":
            upload.generation += 1
            upload.writing = None if body.done else upload.generation
        number = _next_number(session, upload, terms)
        ends = upload.ends_itself and upload.concat is None
        if body.done and ends and upload.offset == upload.length:
            uploads.begin_finishing(session, upload, caller.actor)
    return _Turn(
        caller,
        upload.id,
        upload.storage_id,
        upload.generation,
        number,
        offset,
        upload.length,
        end,
        ends,
        lifetime,
        upload.expires_at,
    )


def _refuse_unfit(upload: Upload) -> None:
    if upload.concat == "final":
        raise NotAllowed("A final upload is made of others; it takes no bytes of its own.")
    if upload.direct:
        raise Conflict(STRAIGHT)
    if upload.numbered:
        raise Conflict("This upload is sent in numbered chunks.")


def learn_length(upload: Upload, length: int | None) -> None:
    """The client says how long the whole is. Raises Conflict, TooLarge."""
    if length is None or length == upload.length:
        return
    if upload.length is not None:
        raise Conflict(f"The upload has {upload.length} bytes; that cannot be changed.")
    uploads.refuse_too_large(Terms(**upload.terms), length)
    if length < upload.offset:
        raise Conflict(f"{upload.offset} bytes have arrived already; the length is less.")
    upload.length = length


def _next_number(session: Session, upload: Upload, terms: Terms) -> int:
    last = session.scalar(_LAST, {"upload": upload.id})
    number = 0 if last is None else last + 1
    if number >= terms.most_parts and upload.state == "open":
        raise TooLarge(f"{number} requests have added to this upload; begin again, larger ones.")
    return number


def _refuse_misfit(upload: Upload, offset: int, announced: int | None, end: int) -> None:
    if offset != upload.offset:
        raise OffsetMismatch(f"The next byte is number {upload.offset}; continue from there.")
    room = end - upload.offset
    if announced is not None and announced > room:
        raise TooLarge(f"There is room for {room} more bytes, but {announced} were announced.")


def _receive_part(
    session: Session, store: Store, turn: _Turn, body: Body, check: Check | Whole | None
) -> _Turn:
    stored = _write(store, turn, body, check)
    if stored.size == 0:
        store.delete(turn.key)
        _end_turn(session, turn, whole=turn.ends and turn.offset == turn.length)
        return turn
    now = utc_now()
    if not _count(session, turn, stored.size, body.done, now):
        store.delete(turn.key)
        raise TakenOver("A newer request continues this upload; ask where it stands.")
    offset, until = turn.offset + stored.size, now + turn.lifetime
    return replace(turn, number=turn.number + 1, offset=offset, expires_at=until)


def _write(store: Store, turn: _Turn, body: Body, check: Check | Whole | None) -> StoredObject:
    room = turn.end - turn.offset
    if check is not None:
        return store.write(turn.key, check.over(within(room, body.take(None, None))))
    if isinstance(store, LocalStore):
        return store.write(turn.key, within(room, body.pour(PART_SECONDS, PART_BYTES)))
    return store.write(turn.key, within(room, body.take(PART_SECONDS, PART_BYTES)))


def within(room: int, source: Iterator[Piece]) -> Iterator[Piece]:
    """The same blocks. Raises TooLarge when they are more bytes than there is room for."""
    for block in source:
        room -= len(block)
        if room < 0:
            raise TooLarge("More bytes arrived than the upload was announced to have.")
        yield block


def _count(session: Session, turn: _Turn, size: int, last: bool, now: datetime) -> bool:
    """Acknowledge a stored part, unless a newer request has taken the upload over."""
    offset = turn.offset + size
    with writing(session):
        until = now + turn.lifetime
        said = {"upload": turn.upload_id, "turn": turn.generation, "end": offset}
        said |= {"now": now, "until": until, "writes": None if last else turn.generation}
        if not session.connection().execute(_COUNTED, said).rowcount:
            return False
        part = {"upload_id": turn.upload_id, "number": turn.number, "size": size, "key": turn.key}
        session.connection().execute(insert(PARTS), part)
        if offset == turn.length and turn.ends:
            upload = session.get_one(Upload, turn.upload_id)
            uploads.begin_finishing(session, upload, turn.caller.actor)
    return True


def _end_turn(session: Session, turn: _Turn, whole: bool = False) -> None:
    """Tell those who wait in `uploads.settled` that this request writes no more. `whole`: it
    brought nothing but the length, and all bytes are here."""
    with writing(session):
        changed = session.execute(
            update(Upload)
            .where(Upload.id == turn.upload_id, Upload.writing == turn.generation)
            .values(writing=None)
        )
        if whole and changed.rowcount:  # type: ignore[attr-defined]
            upload = session.get_one(Upload, turn.upload_id)
            uploads.begin_finishing(session, upload, turn.caller.actor)
