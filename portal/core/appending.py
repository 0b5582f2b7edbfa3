"""Receiving the bytes of an upload, with fencing.

Each request that writes raises the upload's generation, and its bytes count only while that
generation is current. So a dead connection blocks nobody and a zombie harms nothing.
No transaction is open while bytes move.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from portal.core import uploads
from portal.core.accounts import Caller
from portal.core.checks import Check
from portal.core.errors import NotFound, OffsetMismatch, TakenOver, TooLarge
from portal.core.models import Part, Upload
from portal.core.transaction import utc_now, writing
from portal.core.uploads import Progress
from storage_backends import Store
from storage_backends.base import Block

PART_BYTES = 64 * 1024 * 1024
PART_SECONDS = 15.0
"""A request's bytes are acknowledged in parts of at most this size and age, so that a kill -9 in
the middle of a long request, or a connection that dies silently, costs no more than one part."""


class Body(Protocol):
    """The bytes of one request, as portal/receiving.py brings them."""

    length: int | None
    """What the client announced, in bytes; None if it did not."""

    done: bool
    """Nothing more will come: all arrived, or the client is gone."""

    def take(self, seconds: float | None, most: int | None) -> Iterator[Block]:
        """The next bytes. Ends after `most` bytes, `seconds` after the first of them, or when
        the client is done or gone; raises nothing."""


@dataclass(frozen=True)
class _Turn:
    """One request's right to add bytes, valid while `generation` is the upload's."""

    caller: Caller
    upload_id: str
    generation: int
    number: int
    offset: int
    length: int
    lifetime: timedelta

    @property
    def key(self) -> str:
        return f"parts/{self.upload_id}/{self.number}.{self.generation}"


def append(
    session: Session,
    store: Store,
    caller: Caller,
    upload_id: str,
    offset: int,
    body: Body,
    lifetime: timedelta,
    check: Check | None = None,
) -> Progress:
    """Add the body's bytes at `offset` and return what is acknowledged then.

    Every byte that arrives is kept, also when the client goes away in the middle; with a check,
    all of them or none. Raises NotFound, UploadGone, OffsetMismatch, TooLarge, TakenOver,
    ChecksumMismatch, and the store's errors: what was acknowledged before stays.
    """
    turn = _take_turn(session, caller, upload_id, offset, body, lifetime)
    try:
        while not body.done:
            turn = _receive_part(session, store, turn, body, check)
    except BaseException:
        _end_turn(session, turn)
        raise
    return Progress(turn.upload_id, turn.offset, turn.length)


def _take_turn(
    session: Session, caller: Caller, upload_id: str, offset: int, body: Body, lifetime: timedelta
) -> _Turn:
    caller.must("upload")
    with writing(session):
        upload = session.scalar(uploads.own(caller, upload_id).with_for_update())
        if upload is None:
            raise NotFound("There is no such upload; begin a new one.")
        uploads.refuse_gone(upload)
        _refuse_misfit(upload, offset, body.length)
        if upload.state == "open":
            upload.generation += 1
            upload.writing = None if body.done else upload.generation
        last = session.scalar(select(func.max(Part.number)).where(Part.upload_id == upload_id))
        number = 0 if last is None else last + 1
    return _Turn(caller, upload.id, upload.generation, number, offset, upload.length, lifetime)


def _refuse_misfit(upload: Upload, offset: int, announced: int | None) -> None:
    if offset != upload.offset:
        raise OffsetMismatch(f"The next byte is number {upload.offset}; continue from there.")
    room = upload.length - upload.offset
    if announced is not None and announced > room:
        raise TooLarge(f"Only {room} bytes are missing, but {announced} were announced.")


def _receive_part(
    session: Session, store: Store, turn: _Turn, body: Body, check: Check | None
) -> _Turn:
    stored = store.write(turn.key, _source(turn, body, check))
    if stored.size == 0:
        store.delete(turn.key)
        _end_turn(session, turn)
        return turn
    if not _count(session, turn, stored.size, last=body.done):
        store.delete(turn.key)
        raise TakenOver("A newer request continues this upload; ask where it stands.")
    return replace(turn, number=turn.number + 1, offset=turn.offset + stored.size)


def _source(turn: _Turn, body: Body, check: Check | None) -> Iterator[Block]:
    room = turn.length - turn.offset
    if check is None:
        return _within(room, body.take(PART_SECONDS, PART_BYTES))
    return check.over(_within(room, body.take(None, None)))


def _within(room: int, source: Iterator[Block]) -> Iterator[Block]:
    for block in source:
        room -= len(block)
        if room < 0:
            raise TooLarge("More bytes arrived than the upload was announced to have.")
        yield block


def _count(session: Session, turn: _Turn, size: int, last: bool) -> bool:
    """Acknowledge a stored part, unless a newer request has taken the upload over."""
    now = utc_now()
    offset = turn.offset + size
    with writing(session):
        changed = session.execute(
            update(Upload)
            .where(Upload.id == turn.upload_id, Upload.generation == turn.generation)
            .where(Upload.state == "open")
            .values(
                offset=offset,
                progress_at=now,
                expires_at=now + turn.lifetime,
                writing=None if last else turn.generation,
            )
        )
        if not changed.rowcount:  # type: ignore[attr-defined]
            return False
        session.add(Part(upload_id=turn.upload_id, number=turn.number, size=size, key=turn.key))
        if offset == turn.length:
            uploads.begin_finishing(session, turn.upload_id, turn.caller.actor)
    return True


def _end_turn(session: Session, turn: _Turn) -> None:
    """Tell those who wait in `uploads.settled` that this request writes no more."""
    with writing(session):
        session.execute(
            update(Upload)
            .where(Upload.id == turn.upload_id, Upload.writing == turn.generation)
            .values(writing=None)
        )
