"""People, their roles and their tokens: who is calling, and what may they do."""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.audit import SYSTEM, Actor
from portal.core.errors import InvalidRequest, NotAllowed, NotAuthenticated, TooManyAttempts
from portal.core.models import User
from portal.core.transaction import release, utc_now, writing

ROLE_MAY: dict[str, frozenset[str]] = {
    # An administrator runs the system and is no listener.
    "admin": frozenset({"list", "uploads", "upload", "audit"}),
    "officer": frozenset({"list", "uploads", "play", "note", "audit", "delete", "hold"}),
    "auditor": frozenset({"list", "uploads", "play", "note", "audit"}),
    "reviewer": frozenset({"list", "play", "note"}),
    "uploader": frozenset({"list_own", "uploads_own", "upload", "play_own", "delete_own"}),
}
MIN_PASSWORD = 12
LOGIN_WINDOW = timedelta(minutes=15)
LOGIN_ATTEMPTS = 20
_checking = threading.BoundedSemaphore(2)


@dataclass(frozen=True)
class Caller:
    """An authenticated person or token. `rights` are the role's, narrowed by a token's scopes.

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

    def must(self, right: str, continuing: bool = False) -> None:
        """Raises NotAllowed unless this caller has the right, NotAuthenticated if it lapsed."""
        if self.lapsed and not continuing:
            raise NotAuthenticated("The token has expired; ask for a new one.")
        if right not in self.rights:
            raise NotAllowed(f"Your account may not do this; it needs the right “{right}”.")

    def owner_filter(self, right: str) -> str | None:
        """The user id whose things alone may be seen, or None for everybody's.

        Raises NotAllowed if the caller may see neither.
        """
        self.must(right if right in self.rights else f"{right}_own")
        return None if right in self.rights else self.user_id

    def must_reach(self, lead: str) -> None:
        """Raises NotAllowed unless the calls of this lead are the caller's business."""
        if not self.leads & {"*", lead}:
            raise NotAllowed("You are not authorized to access this lead")


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobody_hash() -> str:
    """What the password of an unknown address is checked against, so that it takes as long."""
    return _hasher().hash(secrets.token_urlsafe())


def clean_email(email: str) -> str:
    """The address as it is stored. Raises InvalidRequest."""
    cleaned = email.strip().casefold()
    name, at, domain = cleaned.partition("@")
    if not (name and at and domain) or len(cleaned) > 255 or not cleaned.isprintable():
        raise InvalidRequest(f"{email!r} is no e-mail address; write it as name@example.org.")
    return cleaned


def create_user(session: Session, email: str, role: str, password: str) -> User:
    """A new account. Raises InvalidRequest for a known address, a short password, a bad role."""
    email = clean_email(email)
    if role not in ROLE_MAY:
        raise InvalidRequest(f"{role!r} is no role; choose one of {', '.join(ROLE_MAY)}.")
    hashed = _hash_password(password)
    with writing(session):
        if session.scalar(select(User.id).where(User.email == email)):
            raise InvalidRequest(f"There is a user {email} already.")
        user = User(email=email, role=role, password_hash=hashed, created_at=utc_now())
        session.add(user)
        session.flush()
        audit.record(session, SYSTEM, "user.created", ("user", user.id), email=email, role=role)
    return user


def set_password(session: Session, email: str, password: str) -> None:
    """A new password; every open session of the account ends. Raises InvalidRequest."""
    hashed = _hash_password(password)
    with writing(session):
        user = user_by_email(session, email)
        user.password_hash = hashed
        user.login_epoch += 1
        audit.record(session, SYSTEM, "user.password_changed", ("user", user.id))


def _hash_password(password: str) -> str:
    if len(password) < MIN_PASSWORD:
        raise InvalidRequest(f"The password is too short; use at least {MIN_PASSWORD} characters.")
    return _hasher().hash(password)


def user_by_email(session: Session, email: str) -> User:
    user = session.scalar(select(User).where(User.email == clean_email(email)))
    if user is None:
        raise InvalidRequest(f"There is no user {email}; create one with `portal create-user`.")
    return user


def _user_if_any(session: Session, email: str) -> User | None:
    with contextlib.suppress(InvalidRequest):
        return session.scalar(select(User).where(User.email == clean_email(email)))
    return None


def any_user(session: Session) -> bool:
    return session.scalar(select(User.id).limit(1)) is not None


def log_in(session: Session, email: str, password: str, visitor: Actor) -> User:
    """The user with this address and password.

    Raises NotAuthenticated, with the same sentence and delay whatever was wrong, and
    TooManyAttempts after 20 failures from one address in 15 minutes.
    """
    with _few_at_once():
        return _log_in(session, email, password, visitor)


@contextlib.contextmanager
def _few_at_once() -> Iterator[None]:
    """Each check of a password takes 64 MiB: two at a time, the others wait or are sent away."""
    if not _checking.acquire(timeout=5):
        raise TooManyAttempts("Too many people sign in at once; try again in a minute.")
    try:
        yield
    finally:
        _checking.release()


def _log_in(session: Session, email: str, password: str, visitor: Actor) -> User:
    since = utc_now() - LOGIN_WINDOW
    if audit.count_recent(session, "auth.failed", visitor.ip, since) >= LOGIN_ATTEMPTS:
        raise TooManyAttempts("Too many failed sign-ins from your address; wait 15 minutes.")
    user = _user_if_any(session, email)
    release(session)  # checking a password takes 50 ms: hold no transaction meanwhile
    if _password_fits(user, password) and user is not None and user.active:
        audit.record_alone(session, actor_of(user, visitor), "auth.login", ("user", user.id))
        return user
    audit.record_alone(session, visitor, "auth.failed", None, "denied", email=email[:255])
    raise NotAuthenticated("E-mail or password is wrong.")


def _password_fits(user: User | None, password: str) -> bool:
    try:
        return _hasher().verify(user.password_hash if user else _nobody_hash(), password)
    except (VerificationError, InvalidHashError):
        return False


def actor_of(user: User, visitor: Actor, token_id: str | None = None) -> Actor:
    """The same visitor, now known by name."""
    kind = "token" if token_id else "user"
    return Actor(
        kind, user.id, user.email, token_id, visitor.ip, visitor.user_agent, visitor.request_id
    )


def caller_for(user: User, visitor: Actor) -> Caller:
    """A person at a browser, with everything that the role may do."""
    return Caller(user.id, user.email, user.role, ROLE_MAY[user.role], actor_of(user, visitor))
