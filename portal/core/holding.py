"""Placing legal holds: cases of recordings that are named, or that filters find, now and later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, func, literal, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from portal.core import approvals, audit, cases, deletion, filtering, kept_filters, search
from portal.core.accounts import Caller
from portal.core.audit import SYSTEM, Actor
from portal.core.errors import Conflict, Held, InvalidRequest, NotFound
from portal.core.models import LegalCase, LegalHold, Recording, User
from portal.core.recordings import visible
from portal.core.retention import marking
from portal.core.transaction import release, utc_now, writing
from portal.core.wanted import Wanted

MOST = 1000
"""So many recordings may be named at once; filters find any number."""
LONGEST_NAME, LONGEST_NUMBER = 255, 100
COLUMNS = ("case_id", "recording_id", "reason", "placed_by", "placed_at")
INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
NONE_LEFT = "There is nothing to hold: these recordings are deleted, or not yours to see."


@dataclass(frozen=True)
class NewCase:
    """What a case is about. `number`: the one that others know it by; `owner`: of
    portal.core.owning.candidates, else whoever places it."""

    name: str
    reason: str
    number: str = ""
    review_on: date | None = None
    owner: User | None = None


@dataclass(frozen=True)
class Chosen:
    """Recordings: those of `ids`, or all that fit `wanted`. `filters`: how the list's address says
    it; `future`: with whatever comes to fit later."""

    ids: Sequence[str] = ()
    wanted: Wanted | None = None
    filters: dict[str, list[str]] = field(default_factory=dict)
    future: bool = False


@dataclass(frozen=True)
class Preview:
    """What would be held; `missing`: named, but deleted, or not the caller's to see."""

    count: int
    size: int
    oldest: datetime | None
    missing: int


def preview(session: Session, caller: Caller, chosen: Chosen, right: str = "hold") -> Preview:
    """What a hold of these would be about, for whoever has this right to them.

    Raises NotAllowed, InvalidRequest for too many ids.
    """
    sums = (func.count(), func.coalesce(func.sum(Recording.size), 0))
    query = select(*sums, func.min(Recording.received_at))
    there = Recording.state.not_in(deletion.GONE)
    found = query.where(*which(session, caller, chosen, right), there)
    count, size, oldest = session.execute(found).one()
    release(session)
    missing = len(set(chosen.ids)) - count if chosen.wanted is None else 0
    return Preview(count, int(size), oldest, missing)


def place(session: Session, caller: Caller, new: NewCase, chosen: Chosen) -> LegalCase:
    """A new case that holds all of these. What waited for its deletion goes back.

    Raises NotAllowed, InvalidRequest, and Held if there is nothing to hold.
    """
    caller.must("hold")
    made = new_case(new, caller.label)
    made.owner_id, made.future = caller.user_id, chosen.future and chosen.wanted is not None
    if new.owner is not None:
        made.owner_id, made.owner_label = new.owner.id, new.owner.email
    if chosen.wanted is not None:
        wanted = kept_filters.written(chosen.wanted)
        made.query = {"filters": chosen.filters, "wanted": wanted}
    with writing(session):
        found = which(session, caller, chosen)
        if not place_case(session, caller.actor, made, found) and not made.future:
            raise Held(NONE_LEFT)
        return made


def hold(session: Session, actor: Actor, recording_id: str, reason: str) -> LegalCase:
    """A case of this recording alone, as the command line places it.

    Raises NotFound, InvalidRequest without a reason, Held if it is too late.
    """
    made = new_case(NewCase(reason.strip()[:LONGEST_NAME], reason), actor.label)
    with writing(session):
        if deletion.locked(session, recording_id).state in deletion.GONE:
            raise Held("The recording is deleted already; nothing is left to hold.")
        place_case(session, actor, made, [Recording.id == recording_id])
        return made


def add(session: Session, caller: Caller, case_id: str, chosen: Chosen) -> int:
    """Have a case hold these as well, and return how many were not in it before.

    Raises NotAllowed, NotFound, InvalidRequest; Conflict for a case that was released, and for
    recordings that were released from it.
    """
    caller.must("hold")
    with writing(session):
        case = session.get(LegalCase, case_id, with_for_update={"read": True})
        if case is None:
            raise NotFound("There is no such case.")
        if case.released_at is not None:
            raise Conflict("This case was released; place a new one.")
        found = which(session, caller, chosen)
        _refuse_released(session, case, found)
        return len(_take_in(session, caller.actor, case, found))


def take_in(session: Session, recording_id: str) -> None:
    """Let the cases that go on taking recordings in have this one, if it fits by now. Belongs into
    the transaction that changed it, after `search.index`."""
    _take_in_everywhere(session, Recording.id == recording_id)


def catch_up(session: Session) -> int:
    """The same for all recordings, and how many came into a case: notes and what other ways there
    are to come to fit call nobody."""
    with writing(session):
        return _take_in_everywhere(session)


def review(session: Session, caller: Caller, case_id: str, again_on: date | None) -> LegalCase:
    """Somebody has looked whether the case is still needed, and says when to look again.

    Raises NotAllowed, NotFound, Conflict.
    """
    caller.must("hold")
    with writing(session):
        case = locked(session, case_id)
        before, case.review_on = _day(case.review_on), again_on
        act, after = (caller.actor, "hold.reviewed", ("case", case.id)), _day(again_on)
        audit.record(session, *act, name=case.name, before=before, after=after)
        return case


def _day(review_on: date | None) -> dict[str, str | None]:
    return {"review_on": review_on.isoformat() if review_on else None}


def locked(session: Session, case_id: str) -> LegalCase:
    """A case that stands, for the caller's transaction alone. Raises NotFound, Conflict."""
    case = session.get(LegalCase, case_id, with_for_update=True)
    if case is None:
        raise NotFound("There is no such case.")
    if case.released_at is not None:
        raise Conflict("This case was released already.")
    return case


def new_case(new: NewCase, who: str) -> LegalCase:
    """A row that is in no session yet. Raises InvalidRequest for what cannot be kept as it is."""
    name, number = new.name.strip(), new.number.strip()
    if not 0 < len(name) <= LONGEST_NAME or len(number) > LONGEST_NUMBER:
        raise InvalidRequest(f"Give the case a name, of {LONGEST_NAME} characters at most.")
    made = LegalCase(name=name, number=number or None, reason=approvals.said(new.reason))
    made.placed_at, made.placed_by, made.owner_label = utc_now(), who, who
    made.review_on, made.future = new.review_on, False
    return made


def which(
    session: Session, caller: Caller, chosen: Chosen, right: str = "hold"
) -> list[ColumnElement[bool]]:
    """The chosen as conditions on recordings. Raises NotAllowed, InvalidRequest."""
    mine = visible(caller, right)
    if chosen.wanted is not None:
        return [mine, *_fitting(session, chosen.wanted)]
    if not 0 < len(set(chosen.ids)) <= MOST:
        raise InvalidRequest(f"Choose 1 to {MOST} recordings.")
    return [mine, Recording.id.in_(set(chosen.ids))]


def _fitting(session: Session, wanted: Wanted) -> list[ColumnElement[bool]]:
    """What the list shows with these filters; who holds may read the notes, too."""
    found = list(filtering.conditions(session, wanted, Recording.place))
    words = search.matching(session, wanted.words, notes=True)
    if words is not None:
        found.append(Recording.place.in_(select(search.WORDS.c.rowid).where(words)))
    return found


def place_case(
    session: Session,
    actor: Actor,
    case: LegalCase,
    found: Sequence[ColumnElement[bool]],
    **facts: Any,
) -> list[str]:
    """Have a new case hold these, in the caller's transaction; their ids, sorted."""
    session.add(case)
    session.flush()
    ids = _insert(session, case, case.placed_by, found)
    facts |= {"reason": case.reason, "query": case.query, "future": case.future}
    facts["owner"] = case.owner_label
    cases.tell(session, actor, "hold.placed", case, ids, **facts)
    return ids


def _take_in(
    session: Session, actor: Actor, case: LegalCase, which: Sequence[ColumnElement[bool]]
) -> list[str]:
    ids = _insert(session, case, actor.label, which)
    if ids:
        cases.tell(session, actor, "hold.item_added", case, ids)
    return ids


def _take_in_everywhere(session: Session, *only: ColumnElement[bool]) -> int:
    """A case that is being released meanwhile is waited for, and then left alone."""
    growing = (LegalCase.future, LegalCase.released_at.is_(None))
    query = select(LegalCase).where(*growing).order_by(LegalCase.id)
    count = 0
    for case in session.scalars(query.with_for_update(read=True)).all():
        assert case.query is not None  # noqa: S101 - only found recordings have a future
        fitting = _fitting(session, kept_filters.read(case.query["wanted"]))
        count += len(_take_in(session, SYSTEM, case, [*only, *fitting]))
    return count


def _insert(
    session: Session, case: LegalCase, who: str, which: Sequence[ColumnElement[bool]]
) -> list[str]:
    """Hold what fits, is not gone and was never in the case, in one statement; its ids, sorted.

    The rows are locked in their order: a purge of one has begun before, or finds the hold.
    """
    known = exists().where(LegalHold.case_id == case.id, LegalHold.recording_id == Recording.id)
    now = literal(utc_now(), LegalHold.placed_at.type)
    row = (literal(case.id), Recording.id, literal(case.reason), literal(who), now)
    there = (Recording.state.not_in(deletion.GONE), ~known)
    found = select(*row).where(*there, *which).order_by(Recording.id)
    put = INSERT[session.get_bind().dialect.name](LegalHold).from_select(
        COLUMNS, found.with_for_update()
    )
    made = put.on_conflict_do_nothing().returning(LegalHold.recording_id)
    ids = sorted(session.scalars(made))
    _keep(session, case)
    return ids


def _keep(session: Session, case: LegalCase) -> None:
    """What a case holds and waits for its deletion goes back to where it was; retention's marks are
    taken away."""
    mine = select(LegalHold.recording_id).where(LegalHold.case_id == case.id)
    going = or_(Recording.state == "deleting", Recording.marked_at.is_not(None))
    waiting = select(Recording).where(going, Recording.id.in_(mine))
    for each in session.scalars(waiting.with_for_update()).all():
        if each.state == "deleting":
            deletion.give_back(session, each, "a legal hold was placed")
        marking.unmark(session, each, "held")


def _refuse_released(
    session: Session, case: LegalCase, which: Sequence[ColumnElement[bool]]
) -> None:
    again = select(LegalHold.recording_id).join(Recording, Recording.id == LegalHold.recording_id)
    again = again.where(LegalHold.case_id == case.id, LegalHold.released_at.is_not(None), *which)
    if session.scalar(again.limit(1)) is not None:
        raise Conflict("Some of these were released from this case; hold them in a new one.")
