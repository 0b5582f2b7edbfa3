"""Finding recordings: the filters, the order, and page after page of whatever fits.

The list, its counts, its export and the API all ask here, so that they cannot differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, func, literal, select, tuple_
from sqlalchemy.orm import Session

from portal.core import search
from portal.core.accounts import Caller
from portal.core.errors import InvalidRequest
from portal.core.filtering import FEW, conditions
from portal.core.held import standing
from portal.core.models import LENGTH, LegalHold, Recording, RecordingTag, Tag, is_id
from portal.core.recordings import note_denials, visible
from portal.core.transaction import release
from portal.core.wanted import Wanted

COUNTED = 1000
"""What there is more of is only called more: to count a million takes up to a second."""

ANY = Wanted()
Keys = tuple[Any, ...]
"""Columns."""


@dataclass(frozen=True)
class Sort:
    """An order that an index has: by these columns, and whether the greatest come first."""

    columns: Keys
    descending: bool = True


BY_TIME = ("newest", "oldest")
"""The orders that words are found in; to sort all hits of a frequent one takes half a second."""

SORTS = {
    "newest": Sort((Recording.place,)),
    "oldest": Sort((Recording.place,), descending=False),
    "longest": Sort((LENGTH, Recording.place)),
    "largest": Sort((Recording.size, Recording.place)),
}


@dataclass(frozen=True)
class Page:
    """Some rows in their order, and the ids to continue from in both directions (None: the end).
    `count`: how many there are, if that was asked for; COUNTED + 1 for whatever is more."""

    rows: Sequence[Recording]
    older: str | None
    newer: str | None
    count: int = 0


def page(
    session: Session,
    caller: Caller,
    limit: int,
    wanted: Wanted = ANY,
    before: str | None = None,
    after: str | None = None,
    sort: str = "newest",
    counting: bool = False,
) -> Page:
    """The recordings that the caller may see. `before`: what follows this id; `after`: what
    precedes it. Raises InvalidRequest for an id that is not there, or not the caller's.

    A walk along an index: the depth does not matter, 0.2 ms for any page of a million rows.
    """
    order = SORTS[sort]
    found, place = _found(session, caller, wanted)
    forward = before is not None or after is None
    here = before if before is not None else after
    keys = _keys(order, place)
    upwards = order.descending != forward
    query = found.order_by(*_directed(keys, upwards))
    if here is not None:
        query = query.where(_beyond(session, caller, order, keys, here, upwards))
    # To begin with words that many have takes SQLite 20 ms: the count is not to do it once more.
    counted = counting and here is None and place is not Recording.place
    most = max(limit, COUNTED) if counted else limit
    ids = session.scalars(query.with_only_columns(Recording.id).limit(most + 1)).all()
    more, rows = len(ids) > limit, _rows(session, ids[:limit])
    if not forward:
        rows.reverse()
    counted = counted or (here is None and not more)
    count = len(ids) if counted else _counted(session, found, COUNTED) if counting else 0
    release(session)
    return _page(rows, more, forward, here is None, count)


def _rows(session: Session, ids: Sequence[str]) -> list[Recording]:
    """Their rows. Ids alone are sorted: whole rows take three times as long."""
    rows = session.scalars(select(Recording).where(Recording.id.in_(ids)))
    known = {row.id: row for row in rows}
    return [known[each] for each in ids]


def _found(session: Session, caller: Caller, wanted: Wanted) -> tuple[Select[Recording], Any]:
    """All of them, in no order, and the column of their places.

    Many words come in the order of theirs by themselves: 0.4 ms where to sort 31,000 takes 95. The
    places of few are asked for once: to find the words again would take as long each time.
    """
    of_reviewers = (wanted.reviewed, wanted.reviewed_by, wanted.outcome, wanted.noted)
    if any(each is not None for each in of_reviewers):
        caller.must("note")
    if wanted.played_by is not None:
        caller.must("history")
    query, place = select(Recording).where(visible(caller)), cast(Any, Recording.place)
    matches = search.matching(session, wanted.words, notes="note" in caller.rights)
    if matches is not None:
        hits = session.scalars(select(search.WORDS.c.rowid).where(matches).limit(FEW + 1)).all()
        if len(hits) <= FEW:
            query = query.where(search.at(session, hits))
        else:
            place = search.WORDS.c.rowid
            query = query.join(search.WORDS, place == Recording.place).where(matches)
    return query.where(*conditions(session, wanted, place)), place


def _keys(order: Sort, place: Any) -> Keys:
    return (*order.columns[:-1], place)


def _directed(keys: Keys, upwards: bool) -> list[ColumnElement[Any]]:
    return [key.asc() if upwards else key.desc() for key in keys]


def _beyond(
    session: Session, caller: Caller, order: Sort, keys: Keys, here: str, upwards: bool
) -> ColumnElement[bool]:
    mine, there = tuple_(*keys), tuple_(*_place_of(session, caller, order, here))
    return mine > there if upwards else mine < there


def _place_of(session: Session, caller: Caller, order: Sort, cursor: str) -> Sequence[Any]:
    """Where in this order the recording stands from which a page goes on. Every list comes here
    with whatever stood in its address; what is somebody else's gets the answer of what is not
    there, or it would tell that it is there, and between which of one's own."""
    found = select(*order.columns).where(visible(caller), Recording.id == cursor)
    values = session.execute(found).first() if is_id(cursor) else None
    if values is None:
        release(session)
        if is_id(cursor):
            note_denials(session, caller, [cursor], "list")
        raise InvalidRequest("There is no recording at this cursor; begin the list anew.")
    return values


def _page(rows: list[Recording], more: bool, forward: bool, first: bool, count: int) -> Page:
    if not rows:
        return Page([], None, None, count)
    has_older = more if forward else True
    has_newer = not first if forward else more
    older, newer = rows[-1].id if has_older else None, rows[0].id if has_newer else None
    return Page(rows, older, newer, count)


def count(session: Session, caller: Caller, wanted: Wanted, most: int = COUNTED) -> int:
    """How many there are; `most` + 1 for whatever is more."""
    counted = _counted(session, _found(session, caller, wanted)[0], most)
    release(session)
    return counted


def newer(session: Session, caller: Caller, wanted: Wanted, than: str | None, most: int) -> int:
    """How many were received after the recording of this id, or at all; `most` + 1 for more.

    Raises InvalidRequest for an id that is not there, or not the caller's."""
    query, place = _found(session, caller, wanted)
    if than is not None:
        order = SORTS["newest"]
        keys = _keys(order, place)
        query = query.where(_beyond(session, caller, order, keys, than, upwards=True))
    counted = _counted(session, query, most)
    release(session)
    return counted


def _counted(session: Session, query: Select[Recording], most: int) -> int:
    some = query.with_only_columns(literal(1)).limit(most + 1).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


@dataclass(frozen=True)
class Beside:
    """What a list shows of a recording that is in other tables."""

    tags: list[str]
    held: bool


def beside(session: Session, ids: Sequence[str]) -> dict[str, Beside]:
    """That of each of these recordings, which the caller of this has been let see."""
    given = select(RecordingTag.recording_id, Tag.name).join(Tag, Tag.id == RecordingTag.tag_id)
    given = given.where(RecordingTag.recording_id.in_(ids)).order_by(Tag.name)
    tags: dict[str, list[str]] = {each: [] for each in ids}
    for recording_id, name in session.execute(given):
        tags[recording_id].append(name)
    open_holds = select(LegalHold.recording_id).where(standing())
    held = set(session.scalars(open_holds.where(LegalHold.recording_id.in_(ids))))
    release(session)
    return {each: Beside(tags[each], each in held) for each in ids}
