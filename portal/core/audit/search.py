"""Reading the audit log: which events a caller may see, filtered, page by page, newest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, true, tuple_
from sqlalchemy.orm import Session, aliased

from portal.core import chain
from portal.core.accounts import Caller
from portal.core.errors import InvalidRequest
from portal.core.models import OF_SYSTEM, AuditEvent, Recording, Upload
from portal.core.recordings import uploads_visible, visible
from portal.core.transaction import release

COUNTED = 1000
"""What there is more of is only called more: to count a million takes a second."""
LOOKED_AT = 5000
"""So many events are looked at for one page of somebody who has a scope."""
BATCH = 2000
OF_NO_RECORDING = ("", "audit", "session", "storage", "token", "user")
"""The kinds of objects whose events tell nothing of a recording. A scope opens those of others,
such as requests with their reasons, only where they lead to a recording in it."""

_here = tuple_(AuditEvent.at, AuditEvent.seq)
_newest_first = (AuditEvent.at.desc(), AuditEvent.seq.desc())
_oldest_first = (AuditEvent.at, AuditEvent.seq)


@dataclass(frozen=True)
class Wanted:
    """Which events are asked for; None means any. `actor` is the whole name, as the log has it.
    Times are from, inclusive, to, exclusive."""

    actor: str | None = None
    action: str | None = None
    object_type: str | None = None
    object_id: str | None = None
    result: str | None = None
    ip: str | None = None
    request_id: str | None = None
    at_from: datetime | None = None
    at_to: datetime | None = None


@dataclass(frozen=True)
class Page:
    """Some events, newest first, and the numbers to continue from in both directions (None: the
    end). `count` goes up to COUNTED + 1; it is of all of them, or of the newest `looked_at`. Of a
    walk that broke off there may be few rows, or none, and yet older ones."""

    rows: Sequence[AuditEvent]
    older: int | None
    newer: int | None
    count: int
    looked_at: int | None


def may_read(caller: Caller) -> bool:
    return bool(caller.rights & {"audit", "audit_system"})


def readable(caller: Caller) -> ColumnElement[bool]:
    """The one predicate that decides what a caller may read. Raises NotAllowed.

    Whoever administers the system sees how it is used, but not who listened to what. Whoever has a
    scope reads of the recordings and uploads in it, and of what concerns none.
    """
    if "audit" not in caller.rights:
        caller.must("audit_system")
        return OF_SYSTEM
    if caller.scope.everything:
        return true()
    return or_(_type().in_(OF_NO_RECORDING), _reached(caller))


def _reached(caller: Caller) -> ColumnElement[bool]:
    """That an event is one of a recording in the caller's reach, or of an upload that became none.
    A look at one row for each event that is walked past: nothing is read in advance."""
    same = Recording.id == AuditEvent.object_id
    begun = exists().where(Upload.id == AuditEvent.object_id, uploads_visible(caller))
    return and_(
        _type().in_(("recording", "upload")),
        or_(exists().where(same, visible(caller)), and_(begun, ~exists().where(same))),
    )


def _type() -> ColumnElement[str]:
    """The kind of object as no index has it. SQLite would else walk the index of kinds, of which
    there are few, where another filter finds less: 150 ms instead of 1 in 200,000 events."""
    return func.coalesce(AuditEvent.object_type, "")


def page(
    session: Session,
    caller: Caller,
    limit: int,
    wanted: Wanted = Wanted(),
    before: int | None = None,
    after: int | None = None,
) -> Page:
    """`before`: what is older than the event of this number; `after`: what is newer.

    A walk along one index: about a millisecond at any depth of 10 million events.
    """
    found, count, looked_at = _counted(session, caller, wanted)
    forward = before is not None or after is None
    query = found.order_by(*(_newest_first if forward else _oldest_first))
    if before is not None:
        query = query.where(_here < _place(session, before))
    elif after is not None:
        query = query.where(_here > _place(session, after))
    readable_here, edge = _walked(session, caller, query, forward)
    rows = _rows(session, readable_here.limit(limit + 1))
    release(session)
    on, rows = _onward(rows, limit, edge), rows[:limit]
    back = None if forward and before is None else rows[0].seq if rows else before or after
    if forward:
        return Page(rows, on, back, count, looked_at)
    return Page(rows[::-1], back, on, count, looked_at)


def _counted(
    session: Session, caller: Caller, wanted: Wanted
) -> tuple[Select[AuditEvent], int, int | None]:
    """What is asked for, whoever asks; how many of the newest the caller may read; of how many that
    is, unless it is of all."""
    found = _filtered(select(AuditEvent), wanted)
    reached, edge = _walked(session, caller, found.order_by(*_newest_first), forward=True)
    some = reached.with_only_columns(AuditEvent.seq).limit(COUNTED + 1).subquery()
    count = session.scalar(select(func.count()).select_from(some)) or 0
    return found, count, None if edge is None else LOOKED_AT


def _walked(
    session: Session, caller: Caller, walk: Select[AuditEvent], forward: bool
) -> tuple[Select[AuditEvent], int | None]:
    """What the caller may read of this walk, and the number of the event at which it breaks off:
    no index knows scopes, so whoever has one would walk past millions to find that none is theirs.
    """
    readable_here = walk.where(readable(caller))
    if caller.scope.everything:
        return readable_here, None
    ends = walk.with_only_columns(AuditEvent.at, AuditEvent.seq).offset(LOOKED_AT - 1).limit(2)
    found = session.execute(ends).all()
    if len(found) < 2:
        return readable_here, None
    edge = found[0]
    within = _here >= tuple_(*edge) if forward else _here <= tuple_(*edge)
    return readable_here.where(within), edge.seq


def _onward(rows: Sequence[AuditEvent], limit: int, edge: int | None) -> int | None:
    """From which event the next page goes on, if there is one."""
    return rows[limit - 1].seq if len(rows) > limit else edge


def _rows(session: Session, query: Select[Any]) -> list[AuditEvent]:
    """The events of this query. Numbers alone are found in the indexes: for whole rows, PostgreSQL
    walked through all 10 million to find that none was there."""
    numbers = session.scalars(query.with_only_columns(AuditEvent.seq)).all()
    found = session.scalars(select(AuditEvent).where(AuditEvent.seq.in_(numbers)))
    known = {event.seq: event for event in found}
    return [known[number] for number in numbers]


def _place(session: Session, seq: int) -> tuple[datetime, int]:
    """Also of an event that the caller may not read: as numbers go by time, it tells nothing that
    the numbers of those beside it do not."""
    at = session.scalar(select(AuditEvent.at).where(AuditEvent.seq == seq))
    if at is None:
        release(session)
        raise InvalidRequest("This page address is damaged; go back to the list.")
    return at, seq


def _filtered(query: Select[Any], wanted: Wanted) -> Select[Any]:
    same = {
        AuditEvent.actor_label: wanted.actor,
        AuditEvent.action: wanted.action,
        AuditEvent.object_type if wanted.object_id is None else _type(): wanted.object_type,
        AuditEvent.object_id: wanted.object_id,
        AuditEvent.result: wanted.result,
        AuditEvent.ip: wanted.ip,
        AuditEvent.request_id: wanted.request_id,
    }
    for column, value in same.items():
        if value is not None:
            query = query.where(column == value)
    if wanted.at_from is not None:
        query = query.where(AuditEvent.at >= wanted.at_from)
    if wanted.at_to is not None:
        query = query.where(AuditEvent.at < wanted.at_to)
    return query


def whole(caller: Caller, wanted: Wanted) -> bool:
    """Whether these are all events there are, so that the chain can be followed through them."""
    return wanted == Wanted() and "audit" in caller.rights and caller.scope.everything


def events(
    session: Session, caller: Caller, wanted: Wanted, until: int
) -> Iterator[Sequence[dict[str, Any]]]:
    """All these events up to this number, oldest first, in batches: FIELDS, `prev_hash`, `hash`.

    No transaction stays open between the batches; rows never change, so it need not.
    """
    before = aliased(AuditEvent)
    columns = [getattr(AuditEvent, name) for name in (*chain.FIELDS, "hash")]
    query: Select[Any] = select(
        *columns, func.coalesce(before.hash, chain.GENESIS).label("prev_hash")
    )
    query = query.outerjoin(before, before.seq == AuditEvent.seq - 1)
    query = _filtered(query.where(readable(caller), AuditEvent.seq <= until), wanted)
    # The whole log goes by number, as it is chained; a part of it by time, as it is indexed.
    by_number = whole(caller, wanted)
    order = (AuditEvent.seq,) if by_number else (AuditEvent.at, AuditEvent.seq)
    query = query.order_by(*order).limit(BATCH)
    batch = session.execute(query).mappings().all()
    while batch:
        release(session)
        yield [dict(each) for each in batch]
        last = batch[-1]
        place = (last["seq"],) if by_number else (last["at"], last["seq"])
        batch = session.execute(query.where(tuple_(*order) > place)).mappings().all()
    release(session)
