"""The filters of recordings as conditions of SQL, each so that an index answers it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, func, not_, select, true
from sqlalchemy.orm import Session

from portal.core import reviews
from portal.core.held import standing
from portal.core.models import (
    LENGTH,
    LegalHold,
    Note,
    PlaySession,
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

HOUR, WEEK, THURSDAY = 3_600_000_000, 7 * 24, 3 * 24
"""An hour in places; hours of a week, and those of its days before a Thursday, as 1970 began."""

FEW = 15_000
"""So many rows are fetched and sorted quickly. What more have is met soon on a walk in the list's
order."""


@dataclass(frozen=True)
class Filter:
    """One filter in three shapes: the `rows` that fit, known by their `key`; a condition that a row
    `met` on a walk has to fulfil, for no index to lead to; and one that an index `led` to."""

    key: Any
    rows: Select[Any]
    met: ColumnElement[bool]
    led: ColumnElement[bool]


def conditions(session: Session, wanted: Wanted, place: Any) -> Iterator[ColumnElement[bool]]:
    """What a recording has to be. `place` is the column that the list is walked by: if that is one
    of another table, no index of ours shall lead.

    Whatever few rows have is begun with, whatever the database thinks of the other filters: without
    that, it walked through all calls to find 20 archived ones.
    """
    yield _of_state(wanted.state)
    yield from _received(wanted, place)
    yield from _lacking(wanted)
    filters = [*_equal(wanted), *_among(wanted), *_seen(wanted), *_measured(wanted)]
    few = [few_of(session, each.rows) for each in filters]
    walked = place is not Recording.place
    leads = not walked and all(rows is None for rows in few)
    for each, rows in zip(filters, few, strict=True):
        if rows is None:
            yield each.led if leads else each.met
        elif walked:
            yield _beside_words(session, place, each, rows)
        else:
            yield each.key.in_(rows)


def _beside_words(
    session: Session, place: Any, each: Filter, rows: Select[Any]
) -> ColumnElement[bool]:
    """As places, so that a word that all have is looked through without a look at recordings."""
    if each.key is not Recording.place:
        rows = select(Recording.place).where(each.key.in_(rows))
    # Without + 0, SQLite would look each of them up among the words: 5 ms for one.
    walked: ColumnElement[int] = place + 0 if _is_sqlite(session) else place
    return walked.in_(rows)


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def few_of(session: Session, found: Select[Any]) -> Select[Any] | None:
    """The same rows, if they are few. The limit tells PostgreSQL how few: it would else expect
    thousands, and walk through a million rows to meet them soon."""
    some = found.limit(FEW + 1).subquery()
    count = session.scalar(select(func.count()).select_from(some)) or 0
    return found.limit(2 * count + 100) if count <= FEW else None


def _of_state(state: str | None) -> ColumnElement[bool]:
    # Not “one of those shown”: an index of states would be read for that, and all of it sorted.
    if state is None:
        return Recording.state.not_in(HIDDEN)
    return Recording.state.in_(INNER.get(state, (state,)))


def _equal(wanted: Wanted) -> Iterator[Filter]:
    """Columns that have an index which goes on with the place: in order at any number of rows."""
    owner = select(User.id).where(User.email == wanted.owner).scalar_subquery()
    for columns in (
        # These two are one: what a source sends is mostly of one kind, or never of another.
        ((Recording.source, wanted.source), (Recording.kind, wanted.kind)),
        ((Recording.owner_id, None if wanted.owner is None else owner),),
        ((Recording.department, wanted.department),),
        ((Recording.storage_id, wanted.storage),),
        ((Recording.token_id, wanted.token),),
        ((Recording.integrity, wanted.integrity),),
    ):
        asked = [(column, value) for column, value in columns if value is not None]
        if asked:
            led = and_(*(column == value for column, value in asked))
            met = and_(*(func.coalesce(column, "") == value for column, value in asked))
            yield Filter(Recording.place, select(Recording.place).where(led), met, led)


def _received(wanted: Wanted, place: Any) -> Iterator[ColumnElement[bool]]:
    if wanted.received_from is not None:
        yield place >= place_at(wanted.received_from)
    if wanted.received_to is not None:
        yield place < place_at(wanted.received_to)
    if wanted.hours is not None:
        yield ((place // HOUR + THURSDAY) % WEEK).in_(sorted(wanted.hours))


def _among(wanted: Wanted) -> Iterator[Filter]:
    """What was said of it, and what holds it."""
    for name, value in wanted.details.items():
        yield _said(name, value)
    if wanted.tag is not None:
        tag = select(Tag.id).where(Tag.name == wanted.tag).scalar_subquery()
        yield _having(select(RecordingTag.recording_id).where(RecordingTag.tag_id == tag))
    if wanted.held:
        yield _having(_held())
    if wanted.case is not None:
        yield _having(_held().where(LegalHold.case_id == wanted.case))


def _seen(wanted: Wanted) -> Iterator[Filter]:
    """What people, and the portal itself, have looked at."""
    if wanted.reviewed or wanted.reviewed_by is not None or wanted.outcome is not None:
        yield _having(reviews.by(wanted.reviewed_by, wanted.outcome))
    if wanted.reviewed is False:
        yield _unreviewed()
    if wanted.noted:
        yield _having(_noted())
    if wanted.verified_before is not None:
        yield _overdue(wanted.verified_before)
    if wanted.due_before is not None:
        yield _due(wanted.due_before)
    if wanted.played_by is not None:
        person = select(User.id).where(User.email == wanted.played_by).scalar_subquery()
        yield _having(select(PlaySession.recording_id).where(PlaySession.user_id == person))


def _unreviewed() -> Filter:
    led = Recording.reviewed == false()
    met = func.coalesce(Recording.reviewed, true()) == false()
    return Filter(Recording.place, select(Recording.place).where(led), met, led)


def _said(name: str, value: str) -> Filter:
    same = and_(RecordingDetail.name == name, RecordingDetail.value == value)
    of_it = select(RecordingDetail.name).where(same, RecordingDetail.recording_id == Recording.id)
    rows, met = select(RecordingDetail.place).where(same), of_it.exists()
    return Filter(Recording.place, rows, met, met)


def _having(ids: Select[str]) -> Filter:
    met = ids.where(ids.selected_columns[0] == Recording.id).exists()
    return Filter(Recording.id, ids, met, met)


def _held() -> Select[str]:
    return select(LegalHold.recording_id).where(standing())


def _noted() -> Select[str]:
    return select(Note.recording_id).where(Note.shared)


def _overdue(late: datetime) -> Filter:
    kept, intact = Recording.state.not_in(HIDDEN), func.coalesce(Recording.integrity, "") == "ok"
    met = and_(kept, intact, Recording.verified_at < late)
    # The indexes of verifications are of rows that say this: without it, none of them leads.
    rows = select(Recording.place).where(
        Recording.deleted_at.is_(None), Recording.integrity == "ok"
    )
    return Filter(Recording.place, rows.where(kept, Recording.verified_at < late), met, met)


def _due(end: datetime) -> Filter:
    # As the index of these dates says it, which is of rows that still have bytes.
    met = and_(Recording.deleted_at.is_(None), Recording.delete_at < end)
    return Filter(Recording.place, select(Recording.place).where(met), met, met)


def _lacking(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    if wanted.held is False:
        yield not_(_held().where(LegalHold.recording_id == Recording.id).exists())
    if wanted.noted is False:
        yield not_(_noted().where(Note.recording_id == Recording.id).exists())


def _measured(wanted: Wanted) -> Iterator[Filter]:
    for column, least, end in (
        (LENGTH, wanted.shortest, wanted.longest),
        (Recording.size, wanted.smallest, wanted.largest),
    ):
        if least is not None or end is not None:
            rows = select(Recording.place).where(*_ends(column, least or 0, end))
            met = and_(*_ends(column + 0, least or 0, end))  # no index has it like this
            yield Filter(Recording.place, rows, met, met)


def _ends(column: Any, least: int, end: int | None) -> Iterator[ColumnElement[bool]]:
    yield column >= least
    if end is not None:
        yield column < end
