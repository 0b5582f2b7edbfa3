"""Who is signed in where: sessions that the server knows, and can end.

The cookie carries 256 random bits and nothing else; their SHA-256 is the row's id.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, select, update
from sqlalchemy.orm import Session

from portal.core import audit, last_seen
from portal.core.audit import Actor
from portal.core.errors import NotFound
from portal.core.models import LoginSession, User
from portal.core.transaction import release, utc_now, writing

KEPT = timedelta(days=90)
"""How long the row of a session that is over stays: an address of it is no strange one."""


def add(
    session: Session, user: User, visitor: Actor, lifetime: timedelta
) -> tuple[LoginSession, str]:
    """A new session in the caller's transaction, for this long at most; and what its cookie
    carries."""
    secret, now = secrets.token_urlsafe(32), utc_now()
    session.execute(
        delete(LoginSession).where(
            LoginSession.user_id == user.id, LoginSession.expires_at < now - KEPT
        )
    )
    made = LoginSession(id=_digest(secret), user_id=user.id, created_at=now, seen_at=now)
    made.expires_at = now + lifetime
    made.ip, made.user_agent = visitor.ip, (visitor.user_agent or "")[:255] or None
    session.add(made)
    return made, secret


def _digest(secret: str) -> str:
    """Plain SHA-256 is enough: nothing can guess its way to 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def find(
    session: Session, secret: str, idle: timedelta, used: bool = True
) -> tuple[LoginSession, User] | None:
    """The living session with this secret and whose it is: one SELECT. None if it is over.
    `used`: somebody is at it, so that its idle time begins anew."""
    found = living(session, _digest(secret), idle)
    if found is not None and used:
        last_seen.note(session, found[0], LoginSession.seen_at)
    return found


def living(session: Session, session_id: str, idle: timedelta) -> tuple[LoginSession, User] | None:
    """The same by its id, which is no secret. To be asked for is no use of it."""
    query = (
        select(LoginSession, User)
        .join(User, User.id == LoginSession.user_id)
        .where(LoginSession.id == session_id, _alive(idle), User.active.is_(True))
    )
    found = session.execute(query).first()
    release(session)
    return (found[0], found[1]) if found else None


def _alive(idle: timedelta) -> ColumnElement[bool]:
    now = utc_now()
    in_time = and_(LoginSession.expires_at > now, LoginSession.seen_at > now - idle)
    return and_(LoginSession.revoked_at.is_(None), in_time)


def of_user(session: Session, user_id: str, idle: timedelta) -> Sequence[LoginSession]:
    """Where somebody is signed in, the latest first."""
    query = select(LoginSession).where(LoginSession.user_id == user_id, _alive(idle))
    found = session.scalars(query.order_by(LoginSession.seen_at.desc())).all()
    release(session)
    return found


def before(session: Session, user_id: str, session_id: str) -> datetime | None:
    """When this person signed in last before this session began; None if they never did."""
    begun = select(LoginSession.created_at).where(LoginSession.id == session_id).scalar_subquery()
    mine = (LoginSession.user_id == user_id, LoginSession.created_at < begun)
    query = select(LoginSession.created_at).where(*mine)
    found = session.scalar(query.order_by(LoginSession.created_at.desc()).limit(1))
    release(session)
    return found


def end_all(session: Session, user_id: str, keep: str | None = None) -> int:
    """End the sessions of an account in the caller's transaction, but for the one to `keep`."""
    ended = (
        update(LoginSession)
        .where(LoginSession.user_id == user_id, LoginSession.revoked_at.is_(None))
        .values(revoked_at=utc_now())
    )
    if keep is not None:
        ended = ended.where(LoginSession.id != keep)
    return int(session.execute(ended).rowcount)  # type: ignore[attr-defined]


def log_out(session: Session, actor: Actor, session_id: str) -> None:
    """End the session that is being used; copies of its cookie are worth nothing from now on."""
    with writing(session):
        _end_one(session, actor, session_id)
        audit.record(session, actor, "auth.logout", sign_in=session_id)


def end_one(session: Session, actor: Actor, session_id: str) -> None:
    """End one of the actor's own sessions; harmless to repeat. Raises NotFound."""
    mine = and_(LoginSession.id == session_id, LoginSession.user_id == actor.id)
    with writing(session):
        if _end_one(session, actor, session_id):
            subject: tuple[str, str] = ("user", str(actor.id))
            audit.record(
                session, actor, "auth.sessions_ended", subject, count=1, sign_in=session_id
            )
        elif session.scalar(select(LoginSession.id).where(mine)) is None:
            if session.get(LoginSession, session_id) is not None:
                audit.denied(session, actor, ("session", session_id))
            raise NotFound("You have no such session.")


def _end_one(session: Session, actor: Actor, session_id: str) -> bool:
    """Whether it had not been ended before."""
    mine = and_(LoginSession.id == session_id, LoginSession.user_id == actor.id)
    ended = update(LoginSession).where(mine, LoginSession.revoked_at.is_(None))
    done = session.execute(ended.values(revoked_at=utc_now()))
    return bool(done.rowcount)  # type: ignore[attr-defined]


def end_others(session: Session, actor: Actor, keep: str) -> int:
    """End all of the actor's own sessions but this one, and return how many there were."""
    with writing(session):
        count = end_all(session, str(actor.id), keep)
        audit.record(session, actor, "auth.sessions_ended", ("user", str(actor.id)), count=count)
        return count
