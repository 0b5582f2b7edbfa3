"""The filters of recordings as conditions of SQL, each so that an index answers it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, not_, select
from sqlalchemy.orm import Session

from portal.core import reviews
from portal.core.held import standing
from portal.core.models import (
    LegalHold,
    Recording,
    RecordingDetail,
    RecordingTag,
    Tag,
    User,
    place_at,
)
from portal.core.wanted import Wanted

HIDDEN = ("deleting", "purging", "deleted")
"""The states that are not among portal.core.wanted.SHOWN."""

INNER = {"deleting": ("deleting", "purging")}
"""What looks like one state from outside."""

FEW = 15_000
"""So many rows are sorted quickly. What fits more is met soon by walking in the list's order."""


def conditions(session: Session, wanted: Wanted, place: Any) -> list[ColumnElement[bool]]:
    """What a recording has to be. `place` is the column that the list is walked by."""
    return [
        _of_state(wanted.state),
        *_same(session, wanted),
        *_received(wanted, place),
        *_rare(session, wanted),
    ]


def _of_state(state: str | None) -> ColumnElement[bool]:
    # Not “one of those shown”: an index of states would be read for that, and all of it sorted.
    if state is None:
        return Recording.state.not_in(HIDDEN)
    return Recording.state.in_(INNER.get(state, (state,)))


def _same(session: Session, wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    """Columns that have an index which goes on with the place: in order at any number of rows.

    Of several, the one that few rows have is begun with, whatever the database thinks of the
    others: without that, it walked through all calls to find 20 archived ones.
    """
    asked = [(column, value) for column, value in _equal(wanted) if value is not None]
    places = [select(Recording.place).where(column == value) for column, value in asked]
    few = [len(asked) > 1 and are_few(session, each) for each in places]
    for (column, value), found, is_few in zip(asked, places, few, strict=True):
        if is_few:
            yield Recording.place.in_(found.limit(FEW + 1))
        else:
            yield (func.coalesce(column, "") if any(few) else column) == value


def _equal(wanted: Wanted) -> list[tuple[Any, Any]]:
    owner = select(User.id).where(User.email == wanted.owner).scalar_subquery()
    return [
        (Recording.source, wanted.source),
        (Recording.kind, wanted.kind),
        (Recording.owner_id, None if wanted.owner is None else owner),
        (Recording.department, wanted.department),
        (Recording.storage_id, wanted.storage),
        (Recording.token_id, wanted.token),
        (Recording.integrity, wanted.integrity),
    ]


def _received(wanted: Wanted, place: Any) -> Iterator[ColumnElement[bool]]:
    if wanted.received_from is not None:
        yield place >= place_at(wanted.received_from)
    if wanted.received_to is not None:
        yield place < place_at(wanted.received_to)


def _rare(session: Session, wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    """What may fit a few rows or most of them, and stands in no index by place."""
    for name, value in wanted.details.items():
        same = and_(RecordingDetail.name == name, RecordingDetail.value == value)
        yield _having(session, select(RecordingDetail.recording_id).where(same))
    if wanted.tag is not None:
        tag = select(Tag.id).where(Tag.name == wanted.tag).scalar_subquery()
        yield _having(session, select(RecordingTag.recording_id).where(RecordingTag.tag_id == tag))
    yield from _on_hold(session, wanted)
    if wanted.unreviewed:
        yield reviews.by_nobody()
    if wanted.reviewed_by is not None:
        yield _having(session, reviews.by(wanted.reviewed_by))
    for column, least, end in (
        (Recording.duration_ms, wanted.shortest, wanted.longest),
        (Recording.size, wanted.smallest, wanted.largest),
    ):
        if least is not None or end is not None:
            yield _between(session, column, least, end)


def _on_hold(session: Session, wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    some = select(LegalHold.recording_id).where(standing())
    if wanted.held is not None:
        held = exists().where(LegalHold.recording_id == Recording.id, standing())
        yield _having(session, some) if wanted.held else not_(held)
    if wanted.case is not None:
        yield _having(session, some.where(LegalHold.case_id == wanted.case))


def _between(session: Session, column: Any, least: int | None, end: int | None) -> Any:
    known = func.coalesce(column, -1)  # no index has this: the list's order is the one to walk in
    few = select(Recording.place).where(*_ends(column, least, end))
    if are_few(session, few):
        return Recording.place.in_(few.limit(FEW + 1))
    return and_(known >= 0, *_ends(known, least, end))


def _ends(column: Any, least: int | None, end: int | None) -> Iterator[ColumnElement[bool]]:
    if least is not None:
        yield column >= least
    if end is not None:
        yield column < end


def _having(session: Session, ids: Select[str]) -> ColumnElement[bool]:
    """That a recording's id is among these: all are fetched if they are few, else each recording
    that the walk meets is looked up among them."""
    if are_few(session, ids):
        return Recording.id.in_(ids.limit(FEW + 1))
    owner = ids.selected_columns[0]
    return ids.where(owner == Recording.id).exists()


def are_few(session: Session, found: Select[Any]) -> bool:
    """Then it goes into the query with its limit, too: PostgreSQL would else walk through a million
    rows in the hope to meet them soon."""
    some = found.limit(FEW + 1).subquery()
    return (session.scalar(select(func.count()).select_from(some)) or 0) <= FEW
