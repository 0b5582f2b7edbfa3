"""Uploads as people see them on the pages: how far each is, and ending or keeping one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from portal.core import audit, chunks, ending
from portal.core.accounts import Caller
from portal.core.errors import Conflict, InvalidRequest, NotAllowed, NotFound
from portal.core.models import Part, Upload
from portal.core.recordings import UNDER_WAY, uploads_visible
from portal.core.storages import Stores
from portal.core.transaction import release, utc_now, writing

CELLS = 60
"""Of a map of parts, at most."""
MOST_DAYS = 30
LIVELY = timedelta(minutes=1)
"""Whose last bytes are older than this sends nothing right now."""


@dataclass(frozen=True)
class Cell:
    """The parts from `first` to `last`, and how many of them are here."""

    first: int
    last: int
    here: int

    @property
    def full(self) -> bool:
        return self.here > self.last - self.first


@dataclass(frozen=True)
class PartsMap:
    """Which numbered parts are here. `total`: as far as it is known; `missing`: the first one."""

    total: int
    here: int
    missing: int | None
    cells: Sequence[Cell]


@dataclass(frozen=True)
class Shown:
    """An upload with what is computed of it. `rate`: bytes per second since it began, while some
    are arriving. `parts`: of numbered uploads."""

    upload: Upload
    parts: PartsMap | None
    rate: float | None


def reach(caller: Caller) -> ColumnElement[bool]:
    """The predicate that decides which uploads somebody sees on the pages: those that they may
    know of, and what they send themselves. Raises NotAllowed."""
    visible = uploads_visible(caller)
    mine = Upload.owner_id == caller.user_id
    return or_(visible, mine) if "upload" in caller.rights else visible


def page(
    session: Session,
    caller: Caller,
    limit: int,
    state: str | None = None,
    before: str | None = None,
) -> tuple[list[Shown], str | None]:
    """Uploads that somebody should look at, the newest first, and where older ones begin.
    `state`: only those of it. Raises NotAllowed."""
    states = (state,) if state else UNDER_WAY
    query = select(Upload).where(Upload.state.in_(states), reach(caller))
    if before is not None:
        query = query.where(Upload.id < before)
    rows = session.scalars(query.order_by(Upload.id.desc()).limit(limit + 1)).all()
    shown = [_shown(session, upload) for upload in rows[:limit]]
    release(session)
    return shown, rows[limit - 1].id if len(rows) > limit else None


def find(session: Session, caller: Caller, upload_id: str) -> Shown:
    """One upload in any state. Raises NotFound, also for one beyond their reach."""
    shown = _shown(session, _one(session, caller, upload_id))
    release(session)
    return shown


def _one(session: Session, caller: Caller, upload_id: str, locked: bool = False) -> Upload:
    query = select(Upload).where(Upload.id == upload_id, reach(caller))
    found = session.scalar(query.with_for_update() if locked else query)
    if found is None:
        if session.get(Upload, upload_id) is not None:
            audit.denied(session, caller.actor, ("upload", upload_id))
        raise NotFound("There is no such upload, or it is not yours to see.")
    return found


def _shown(session: Session, upload: Upload) -> Shown:
    waits = upload.numbered and upload.state in UNDER_WAY
    return Shown(upload, _parts_map(session, upload) if waits else None, _rate(upload, utc_now()))


def _rate(upload: Upload, now: datetime) -> float | None:
    seconds = (upload.progress_at - upload.created_at).total_seconds()
    lively = upload.state == "open" and upload.progress_at > now - LIVELY
    return upload.offset / seconds if lively and upload.offset and seconds > 0 else None


def _parts_map(session: Session, upload: Upload) -> PartsMap | None:
    """Counted by the database in as many groups as there are cells: 100,000 parts are 60 rows."""
    mine = Part.upload_id == upload.id
    last = session.scalar(select(func.max(Part.number)).where(mine))
    total = chunks.total_chunks(upload) or (0 if last is None else last + 1)
    if not total:
        return None
    width = -(-total // CELLS)
    group = (Part.number // width).label("cell")
    counted = select(group, func.count()).where(mine).group_by("cell")
    here = dict(session.execute(counted).all())
    cells = [
        Cell(first, min(first + width, total) - 1, here.get(first // width, 0))
        for first in range(0, total, width)
    ]
    return PartsMap(total, sum(here.values()), _first_missing(session, upload, cells), cells)


def _first_missing(session: Session, upload: Upload, cells: Sequence[Cell]) -> int | None:
    cell = next((each for each in cells if not each.full), None)
    if cell is None:
        return None
    inside = Part.number.between(cell.first, cell.last)
    known = set(session.scalars(select(Part.number).where(Part.upload_id == upload.id, inside)))
    return next(number for number in range(cell.first, cell.last + 1) if number not in known)


def may_change(caller: Caller, upload: Upload) -> bool:
    """Whether the caller may end or keep this upload, which they see: its sender, and whoever
    runs the system."""
    mine = upload.owner_id == caller.user_id and "upload" in caller.rights
    return mine or "operate" in caller.rights


def _to_change(session: Session, caller: Caller, upload_id: str) -> Upload:
    """An open upload inside the caller's transaction. Raises NotFound, NotAllowed, Conflict."""
    upload = _one(session, caller, upload_id, locked=True)
    if not may_change(caller, upload):
        raise NotAllowed("Only its sender and administrators may do this to an upload.")
    if upload.state != "open":
        raise Conflict("The upload is not open any more; look at what became of it.")
    return upload


def cancel(session: Session, stores: Stores, caller: Caller, upload_id: str) -> None:
    """Give an open upload up, and its bytes with it. Raises NotFound, NotAllowed, Conflict."""
    with writing(session):
        ending.give_up(session, caller, _to_change(session, caller, upload_id))
    ending.tidy(session, stores, upload_id)


def extend(session: Session, caller: Caller, upload_id: str, days: int) -> datetime:
    """Let an open upload wait so many days for its next bytes, MOST_DAYS at most, and return when
    it expires; never sooner than it was to. Raises NotFound, NotAllowed, Conflict, InvalidRequest.
    """
    if not 1 <= days <= MOST_DAYS:
        raise InvalidRequest(f"An upload can wait for 1 to {MOST_DAYS} days.")
    with writing(session):
        upload = _to_change(session, caller, upload_id)
        before, until = upload.expires_at, utc_now() + timedelta(days=days)
        upload.expires_at = max(before, until)
        times = {"before": before.isoformat(), "after": upload.expires_at.isoformat()}
        audit.record(session, caller.actor, "upload.extended", ("upload", upload_id), **times)
        return upload.expires_at
