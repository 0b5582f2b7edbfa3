"""People and their roles: who is calling, what may they do, and which recordings do they reach?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.core import audit, login_sessions
from portal.core.audit import SYSTEM, Actor
from portal.core.errors import Conflict, InvalidRequest, NotAllowed, NotAuthenticated
from portal.core.models import User
from portal.core.passwords import hash_password
from portal.core.roles import ROLE_MAY, SCOPED
from portal.core.scopes import EVERYTHING, NOTHING, Scope, of_words
from portal.core.transaction import one_at_a_time, utc_now, writing

APPOINTING = 7261007  # any number that nothing else in this database locks


@dataclass(frozen=True)
class Caller:
    """An authenticated person or token. `rights` are the role's, narrowed by a token's scopes.

    `scope`: which recordings the account reaches; `token_scope`: which of them the token does.
    `lapsed`: the token has run out and may only continue the uploads that it began. `dialect`: the
    one that is spoken; uploads that another one began are out of its reach. None: a page.
    """

    user_id: str
    label: str
    role: str
    rights: frozenset[str]
    actor: Actor
    leads: frozenset[str] = frozenset()
    lapsed: bool = False
    dialect: str | None = None
    scope: Scope = NOTHING
    token_scope: Scope = EVERYTHING

    def must(self, right: str, continuing: bool = False) -> None:
        """Raises NotAllowed unless this caller has the right, NotAuthenticated if it lapsed."""
        if self.lapsed and not continuing:
            raise NotAuthenticated("The token has expired; ask for a new one.")
        if right not in self.rights:
            raise NotAllowed(f"Your account may not do this; it needs the right “{right}”.")

    def owner_filter(self, right: str) -> str | None:
        """The user id whose things alone may be seen, or None for everybody's in the scope.

        Raises NotAllowed if the caller may see neither.
        """
        self.must(right if right in self.rights else f"{right}_own")
        return None if right in self.rights else self.user_id

    def must_reach(self, lead: str) -> None:
        """Raises NotAllowed unless the calls of this lead are the caller's business."""
        if not self.leads & {"*", lead}:
            raise NotAllowed("You are not authorized to access this lead")


def scope_of(user: User) -> Scope:
    """What the account reaches right now. Roles without a scope reach everything."""
    return of_words(user.scope) if user.role in SCOPED else EVERYTHING


def clean_email(email: str) -> str:
    """The address as it is stored. Raises InvalidRequest."""
    cleaned = email.strip().casefold()
    name, at, domain = cleaned.partition("@")
    if not (name and at and domain) or len(cleaned) > 255 or not cleaned.isprintable():
        raise InvalidRequest(f"{email!r} is no e-mail address; write it as name@example.org.")
    return cleaned


def create_user(
    session: Session,
    email: str,
    role: str,
    password: str,
    scope: Sequence[str] = (),
    actor: Actor = SYSTEM,
    must_change: bool = False,
) -> User:
    """A new account. `scope`: as portal.core.scopes.words makes it; `must_change`: the password
    is good for one that its owner chooses, and nothing else.

    Raises InvalidRequest for a known address, a short password, a bad role.
    """
    email = clean_email(email)
    _refuse_unknown(role)
    hashed = hash_password(password)
    with writing(session):
        if session.scalar(select(User.id).where(User.email == email)):
            raise InvalidRequest(f"There is a user {email} already.")
        user = User(email=email, role=role, password_hash=hashed, created_at=utc_now())
        user.scope, user.must_change = list(scope), must_change
        session.add(user)
        session.flush()
        subject, reach = ("user", user.id), user.scope
        audit.record(session, actor, "user.created", subject, email=email, role=role, scope=reach)
    return user


def _refuse_unknown(role: str) -> None:
    if role not in ROLE_MAY:
        raise InvalidRequest(f"{role!r} is no role; choose one of {', '.join(ROLE_MAY)}.")


def set_password(
    session: Session, email: str, password: str, actor: Actor = SYSTEM, must_change: bool = False
) -> None:
    """A new password; every open session of the account ends. Raises InvalidRequest."""
    hashed = hash_password(password)
    with writing(session):
        user = user_by_email(session, email)
        user.password_hash, user.must_change = hashed, must_change
        login_sessions.end_all(session, user.id)
        audit.record(session, actor, "user.password_changed", ("user", user.id))


def set_role(session: Session, actor: Actor, email: str, role: str) -> User:
    """Another role; every open session of the account ends.

    Raises InvalidRequest, and Conflict for the last administrator.
    """
    _refuse_unknown(role)
    with writing(session):
        user = user_by_email(session, email)
        if role != "admin":
            _refuse_last_admin(session, user)
        subject, before = ("user", user.id), user.role
        user.role = role
        login_sessions.end_all(session, user.id)
        audit.record(session, actor, "user.role_changed", subject, before=before, after=role)
        return user


def set_scope(session: Session, actor: Actor, email: str, scope: Sequence[str]) -> User:
    """Another scope, which counts from the next request on. Raises InvalidRequest."""
    with writing(session):
        user = user_by_email(session, email)
        subject, before, after = ("user", user.id), user.scope, list(scope)
        user.scope = after
        audit.record(session, actor, "user.scope_changed", subject, before=before, after=after)
        return user


def disable(session: Session, actor: Actor, email: str) -> User:
    """Nobody signs in with the account any more, and its sessions and tokens are dead.

    Raises InvalidRequest, and Conflict for the last administrator.
    """
    with writing(session):
        user = user_by_email(session, email)
        _refuse_last_admin(session, user)
        user.active = False
        login_sessions.end_all(session, user.id)
        audit.record(session, actor, "user.disabled", ("user", user.id))
        return user


def enable(session: Session, actor: Actor, email: str) -> User:
    """The opposite: its tokens live again, its sessions do not. Raises InvalidRequest."""
    with writing(session):
        user = user_by_email(session, email)
        user.active = True
        audit.record(session, actor, "user.enabled", ("user", user.id))
        return user


def _refuse_last_admin(session: Session, user: User) -> None:
    one_at_a_time(session, APPOINTING)  # two administrators may disable each other at once
    others = select(func.count()).where(
        User.role == "admin", User.active.is_(True), User.id != user.id
    )
    if user.role == "admin" and user.active and not session.scalar(others):
        raise Conflict("This is the last administrator; make somebody else one first.")


def end_sessions(session: Session, actor: Actor, email: str) -> int:
    """Sign an account out everywhere, and return of how many browsers. Raises InvalidRequest."""
    with writing(session):
        user = user_by_email(session, email)
        count = login_sessions.end_all(session, user.id)
        audit.record(session, actor, "auth.sessions_ended", ("user", user.id), count=count)
        return count


def user_by_email(session: Session, email: str) -> User:
    user = session.scalar(select(User).where(User.email == clean_email(email)))
    if user is None:
        raise InvalidRequest(f"There is no user {email}; create one with `portal create-user`.")
    return user


def any_user(session: Session) -> bool:
    return session.scalar(select(User.id).limit(1)) is not None


def actor_of(user: User, visitor: Actor, token_id: str | None = None) -> Actor:
    """The same visitor, now known by name."""
    kind = "token" if token_id else "user"
    return replace(visitor, type=kind, id=user.id, label=user.email, token_id=token_id)


def caller_for(user: User, visitor: Actor) -> Caller:
    """A person at a browser, with everything that the role may do."""
    actor = actor_of(user, visitor)
    return Caller(user.id, user.email, user.role, ROLE_MAY[user.role], actor, scope=scope_of(user))
