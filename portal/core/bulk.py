"""Tagging many recordings at once: first what would happen, then what did, one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.core import finding, tagging
from portal.core.accounts import Caller
from portal.core.errors import InvalidRequest, NotFound
from portal.core.finding import Beside
from portal.core.models import Recording
from portal.core.recordings import note_denials, visible
from portal.core.transaction import release

MOST = 1000
"""So many recordings in one go; each is a commit with its own event, 1,000 take a few seconds."""

CHANGE, SAME, REFUSED = "change", "same", "refused"


@dataclass(frozen=True)
class Outcome:
    """What will be, or became, of one recording; `name` is None for one that is not there."""

    recording_id: str
    name: str | None
    result: str


def preview(
    session: Session, caller: Caller, ids: Sequence[str], tag: str, remove: bool
) -> list[Outcome]:
    """What tagging these would do. Raises NotAllowed, InvalidRequest."""
    caller.must("label")
    label = tagging.label_of(tag)
    if not 0 < len(set(ids)) <= MOST:
        raise InvalidRequest(f"Choose 1 to {MOST} recordings.")
    mine = select(Recording.id, Recording.filename).where(visible(caller), Recording.id.in_(ids))
    names = {row.id: row.filename for row in session.execute(mine)}
    release(session)
    has = finding.beside(session, list(names))
    unique = dict.fromkeys(ids)
    note_denials(session, caller, unique.keys() - names.keys(), "label")
    return [_planned(each, names.get(each), has.get(each), label, remove) for each in unique]


def _planned(
    recording_id: str, name: str | None, has: Beside | None, label: str, remove: bool
) -> Outcome:
    if has is None:
        return Outcome(recording_id, None, REFUSED)
    changes = (label in has.tags) == remove
    return Outcome(recording_id, name, CHANGE if changes else SAME)


def tag_all(
    session: Session, caller: Caller, ids: Sequence[str], tag: str, remove: bool
) -> Iterator[Outcome]:
    """Do it: each recording in a commit of its own, with its event; what one refuses, the others
    do not notice. Raises as `preview`."""
    act = tagging.remove_tag if remove else tagging.add_tag
    for planned in preview(session, caller, ids, tag, remove):
        if planned.result != CHANGE:
            yield planned
            continue
        try:
            act(session, caller, planned.recording_id, tag)
            yield planned
        except NotFound:  # it left the caller's scope between two glances
            yield Outcome(planned.recording_id, planned.name, REFUSED)
