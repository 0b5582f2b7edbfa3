"""Looking people up: all accounts page by page, one of them, and when each was last here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from portal.core.accounts import Caller
from portal.core.errors import NotFound
from portal.core.models import LoginSession, Token, User
from portal.core.transaction import release


@dataclass(frozen=True)
class Person:
    """An account, its tokens that are not revoked, and when it last signed in or used a page."""

    user: User
    tokens: int
    seen_at: datetime | None


def page(
    session: Session,
    caller: Caller,
    limit: int,
    words: str = "",
    role: str | None = None,
    after: str | None = None,
) -> tuple[list[Person], str | None]:
    """Accounts by address, those after `after`, and where the next page begins.

    `words`: what the address contains. Raises NotAllowed.
    """
    caller.must("see_people")
    query = _listed().order_by(User.email).limit(limit + 1)
    if words:
        query = query.where(User.email.contains(words.casefold(), autoescape=True))
    if role is not None:
        query = query.where(User.role == role)
    if after is not None:
        query = query.where(User.email > after)
    rows = [Person(user, tokens, seen) for user, tokens, seen in session.execute(query)]
    release(session)
    return rows[:limit], rows[limit - 1].user.email if len(rows) > limit else None


def find(session: Session, caller: Caller, user_id: str) -> Person:
    """One account. Raises NotAllowed, NotFound."""
    caller.must("see_people")
    row = session.execute(_listed().where(User.id == user_id)).first()
    release(session)
    if row is None:
        raise NotFound("There is no such account.")
    user, tokens, seen = row
    return Person(user, tokens, seen)


def _listed() -> Select[User, int, datetime | None]:
    alive = (Token.user_id == User.id, Token.revoked_at.is_(None))
    tokens = select(func.count()).select_from(Token).where(*alive).scalar_subquery()
    seen = select(func.max(LoginSession.seen_at)).where(LoginSession.user_id == User.id)
    return select(User, tokens, seen.scalar_subquery())


def token_owner(session: Session, caller: Caller, token_id: str) -> tuple[Token, User]:
    """A token, revoked or not, and whose it is. Raises NotAllowed, NotFound."""
    caller.must("see_people")
    query = select(Token, User).join(User, User.id == Token.user_id).where(Token.id == token_id)
    found = session.execute(query).first()
    release(session)
    if found is None:
        raise NotFound("There is no such token.")
    return found[0], found[1]
