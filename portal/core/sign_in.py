"""Signing in, and how often somebody may try.

A try is counted before the password is looked at, in one transaction with the count itself: many
at once get no more tries than one after another. A try that succeeds is taken off again.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from portal.core import audit, login_sessions, passwords
from portal.core.accounts import Caller, actor_of, clean_email
from portal.core.audit import Actor
from portal.core.errors import InvalidRequest, NotAuthenticated, TooManyAttempts
from portal.core.models import LoginAttempt, LoginSession, User
from portal.core.transaction import one_at_a_time, release, utc_now, writing

COUNTING = 7261008  # any number that nothing else in this database locks
WINDOW = timedelta(minutes=15)
MOST_BY_NETWORK, MOST_BY_STRANGERS = 20, 10


def log_in(
    session: Session, email: str, password: str, visitor: Actor, lifetime: timedelta
) -> tuple[User, str]:
    """The user with this address and password, and the secret of a new session, which ends at
    the latest after `lifetime`.

    Raises NotAuthenticated, with the same sentence and delay whatever was wrong, and
    TooManyAttempts after 20 failures from one network in 15 minutes, or 10 for one account from
    networks that it was never used from.
    """
    user = _user_if_any(session, email)
    attempt = _count(session, email, user, visitor)
    known = user.password_hash if user else None
    if passwords.fits(known, password) and user:
        with writing(session):
            user = session.get_one(User, user.id, with_for_update=True)
            if user.active and user.password_hash == known:
                made, secret = login_sessions.add(session, user, visitor, lifetime)
                _take_off(session, attempt)
                who, subject = actor_of(user, visitor), ("user", user.id)
                audit.record(session, who, "auth.login", subject, sign_in=made.id)
                return user, secret
    audit.record_alone(session, visitor, "auth.failed", None, "denied", email=email[:255])
    raise NotAuthenticated("E-mail or password is wrong.")


def _user_if_any(session: Session, email: str) -> User | None:
    with contextlib.suppress(InvalidRequest):
        found = session.scalar(select(User).where(User.email == clean_email(email)))
        release(session)
        return found
    return None


def _count(session: Session, email: str, user: User | None, visitor: Actor) -> str:
    """Note one try and return its id. Raises TooManyAttempts."""
    with writing(session):
        one_at_a_time(session, COUNTING)
        now = utc_now()
        session.execute(delete(LoginAttempt).where(LoginAttempt.at < now - WINDOW))
        network, account = network_of(visitor.ip), _account(email)
        if _tries(session, LoginAttempt.network == network) >= MOST_BY_NETWORK:
            raise TooManyAttempts("Too many failed sign-ins from your address; wait 15 minutes.")
        tries = _tries(session, LoginAttempt.account == account)
        if tries >= MOST_BY_STRANGERS and not _known(session, user, network):
            raise TooManyAttempts("Too many failed sign-ins to this account; wait 15 minutes.")
        attempt = LoginAttempt(at=now, network=network, account=account)
        session.add(attempt)
        session.flush()
        return attempt.id


def network_of(ip: str | None) -> str:
    """The address, or for IPv6 its first 64 bits: whoever has one address there has them all."""
    try:
        address = ipaddress.ip_address(ip or "")
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def _account(email: str) -> str:
    return hashlib.sha256(email.strip().casefold().encode("utf-8", "replace")).hexdigest()


def _tries(session: Session, whose: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(LoginAttempt).where(whose)) or 0


def _known(session: Session, user: User | None, network: str) -> bool:
    """Whether the account was used from there in the last 90 days: a stranger's guesses do not
    lock its owner out."""
    if user is None:
        return False
    used = select(LoginSession.ip).where(LoginSession.user_id == user.id).distinct()
    return network in {network_of(ip) for ip in session.scalars(used)}


def _take_off(session: Session, attempt: str) -> None:
    session.execute(delete(LoginAttempt).where(LoginAttempt.id == attempt))


def change_password(session: Session, caller: Caller, old: str, new: str, keep: str) -> None:
    """Somebody's own new password; all their sessions but the one to `keep` end.

    Raises NotAuthenticated if the old one is wrong, TooManyAttempts, InvalidRequest.
    """
    user = session.get_one(User, caller.user_id)
    release(session)
    attempt = _count(session, user.email, user, caller.actor)
    if not passwords.fits(user.password_hash, old):
        subject = ("user", user.id)
        audit.record_alone(session, caller.actor, "auth.failed", subject, "denied")
        raise NotAuthenticated("The old password is wrong.")
    hashed = passwords.hash_password(new)
    with writing(session):
        changed = session.get_one(User, user.id)
        changed.password_hash, changed.must_change = hashed, False
        login_sessions.end_all(session, user.id, keep)
        _take_off(session, attempt)
        audit.record(session, caller.actor, "user.password_changed", ("user", user.id))
