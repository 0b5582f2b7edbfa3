"""Reading recordings: which ones a caller may see, and what is served of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, or_, select, true
from sqlalchemy.orm import Session

from portal.core import audit, reasons
from portal.core.accounts import Caller
from portal.core.errors import NotAllowed, NotFound, NotPlayable
from portal.core.models import AuditEvent, Recording, RecordingDetail, Upload
from portal.core.reasons import Asked
from portal.core.scopes import Scope, inside, upload_inside
from portal.core.transaction import release, utc_now, writing

PIECES = timedelta(minutes=10)
BESIDES = {"first_piece", "sign_in"}
"""What may differ between the pieces of one download."""
UNDER_WAY = ("open", "finishing", "failed")
"""The states of uploads that somebody should look at."""


def visible(caller: Caller, right: str = "list") -> ColumnElement[bool]:
    """The one predicate that decides which recordings a caller may know of, or do more with.

    Every list, count, page and stream is a query with it. Raises NotAllowed, NotAuthenticated.
    """
    return _visible(*_reach(caller, right))


_Reach = tuple[str | None, Scope, Scope, frozenset[str]]


def _reach(caller: Caller, right: str) -> _Reach:
    """All that the predicate depends on. Raises the same."""
    leads = caller.leads if caller.actor.type == "token" else frozenset("*")
    return caller.owner_filter(right), caller.scope, caller.token_scope, leads


def _visible(
    owner: str | None, scope: Scope, token_scope: Scope, leads: frozenset[str]
) -> ColumnElement[bool]:
    whose = inside(scope) if owner is None else Recording.owner_id == owner
    return and_(whose, inside(token_scope), _of_leads(leads))


def _of_leads(leads: frozenset[str]) -> ColumnElement[bool]:
    """A token touches calls of the leads that it carries, and no others, on every path."""
    if "*" in leads:
        return true()
    said = RecordingDetail.recording_id == Recording.id
    lead = (RecordingDetail.name == "lead_id", RecordingDetail.value.in_(leads))
    return or_(Recording.source != "calls", exists().where(said, *lead))


def find(session: Session, caller: Caller, recording_id: str, right: str = "list") -> Recording:
    """One recording. Raises NotFound, also if it is beyond what the caller may see."""
    recording = session.scalar(_one(*_reach(caller, right)), {"recording": recording_id})
    release(session)
    if recording is None:
        note_denials(session, caller, [recording_id], right)
        raise NotFound("There is no such recording, or it is not yours to see.")
    return recording


@lru_cache(maxsize=256)
def _one(
    owner: str | None, scope: Scope, token_scope: Scope, leads: frozenset[str]
) -> Select[Recording]:
    """Kept, as a player asks it for each range: to build it takes as long as to run it."""
    wanted = Recording.id == bindparam("recording")
    return select(Recording).where(_visible(owner, scope, token_scope, leads), wanted)


def note_denials(session: Session, caller: Caller, ids: Collection[str], right: str) -> None:
    """Who asks for what is not theirs gets the same answer as for nothing, and is written down.
    `ids`: those that were asked for and are not theirs, whether they exist or not."""
    there = session.scalars(select(Recording.id).where(Recording.id.in_(ids))).all()
    release(session)
    if not there:
        return
    with writing(session):
        for each in there:
            act = ("authz.denied", ("recording", each), "denied")
            audit.record(session, caller.actor, *act, right=right)


def view(session: Session, caller: Caller, recording_id: str) -> Recording:
    """The same, written down in the audit log before anything is shown."""
    found = find(session, caller, recording_id).id
    audit.record_alone(session, caller.actor, "recording.view", ("recording", found))
    return find(session, caller, found)


def find_playable(
    session: Session, caller: Caller, recording_id: str, asked: Asked, right: str = "play"
) -> Recording:
    """A recording of which bytes, or pictures made of them, may be served to this caller.

    Raises NotFound, NotAllowed, ReasonMissing, and NotPlayable for one that is quarantined or
    damaged.
    """
    recording = find(session, caller, recording_id)
    mine = caller.owner_filter(right)
    if mine is not None and recording.owner_id != mine:
        raise NotAllowed("You may play your own recordings only.")
    if recording.state in ("deleting", "purging", "deleted"):
        raise NotFound("The recording was deleted.")
    if recording.state != "ready" or recording.integrity != "ok":
        raise NotPlayable("This recording is not served: it is quarantined or damaged.")
    reasons.given(session, caller, recording, asked)
    return recording


def find_downloadable(
    session: Session, caller: Caller, recording_id: str, asked: Asked
) -> Recording:
    """A recording whose original this caller may save. Raises the same."""
    return find_playable(session, caller, recording_id, asked, "download")


_HANDED_OUT = select(AuditEvent.details).where(
    AuditEvent.object_id == bindparam("recording"),
    AuditEvent.action == "recording.download",
    AuditEvent.actor_id.is_not_distinct_from(bindparam("actor")),
    AuditEvent.token_id.is_not_distinct_from(bindparam("token")),
    AuditEvent.at > bindparam("since"),
)


def hand_out(
    session: Session, caller: Caller, recording: Recording, asked: Asked, start: int, stop: int
) -> None:
    """Write down, before the first byte of this stretch leaves, that somebody gets the original.

    Whoever fetches it in pieces has downloaded it once: one event covers what the same person, or
    the same token, gets of it for the same reason within PIECES.
    """
    reason = reasons.given(session, caller, recording, asked)
    said: dict[str, Any] = {"sha256": recording.sha256} | (reason.told if reason else {})
    who = {"actor": caller.actor.id, "token": caller.actor.token_id}
    asked_for = who | {"recording": recording.id, "since": utc_now() - PIECES}
    before = session.scalars(_HANDED_OUT, asked_for).all()
    release(session)
    reasons_before = [{name: each[name] for name in each.keys() - BESIDES} for each in before]
    if said not in reasons_before:
        audit.record_alone(
            session,
            caller.actor,
            "recording.download",
            ("recording", recording.id),
            **said,
            first_piece=[start, stop],
        )


def history(
    session: Session, caller: Caller, recording_id: str, limit: int = 20, before: int | None = None
) -> Sequence[AuditEvent]:
    """What happened to one recording and its upload, newest first; nothing for whoever may not
    know it. `before`: older than the event of this number."""
    if "history" not in caller.rights:
        return []
    query = select(AuditEvent).where(AuditEvent.object_id == recording_id)
    if before is not None:
        query = query.where(AuditEvent.seq < before)
    events = session.scalars(query.order_by(AuditEvent.seq.desc()).limit(limit)).all()
    release(session)
    return events


CHECKS = ("upload.completed", "integrity.verified", "integrity.mismatch", "integrity.unread")


def checks(
    session: Session, recording_id: str, limit: int = 20, before: int | None = None
) -> Sequence[AuditEvent]:
    """When the bytes were compared with their SHA-256, and what came of it, the last first.
    `before`: earlier than the event of this number."""
    mine = AuditEvent.object_id == recording_id
    query = select(AuditEvent).where(mine, AuditEvent.action.in_(CHECKS))
    if before is not None:
        query = query.where(AuditEvent.seq < before)
    events = session.scalars(query.order_by(AuditEvent.seq.desc()).limit(limit)).all()
    release(session)
    return events


def uploads_visible(caller: Caller) -> ColumnElement[bool]:
    """The predicate that decides which uploads a caller may know of. Raises NotAllowed."""
    owner = caller.owner_filter("uploads")
    whose = upload_inside(caller.scope) if owner is None else Upload.owner_id == owner
    return and_(whose, upload_inside(caller.token_scope))


def uploads_under_way(
    session: Session, caller: Caller, limit: int, states: Sequence[str] = UNDER_WAY
) -> Sequence[Upload]:
    """Uploads that are open, being assembled, or failed, the newest first."""
    query = select(Upload).where(Upload.state.in_(states), uploads_visible(caller))
    rows = session.scalars(query.order_by(Upload.id.desc()).limit(limit)).all()
    release(session)
    return rows
