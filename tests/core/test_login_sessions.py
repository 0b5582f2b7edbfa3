"""Sessions that the server knows: they end when they should, and whenever somebody wants it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.core import accounts, login_sessions, sign_in
from portal.core.accounts import Caller
from portal.core.audit import SYSTEM
from portal.core.errors import Conflict, NotAuthenticated, NotFound
from portal.core.models import AuditEvent, LoginSession, User, new_id
from portal.core.transaction import utc_now
from tests.core.people import PASSWORD, VISITOR, app, session

__all__ = ["app", "session"]

HOUR = timedelta(hours=1)


@pytest.fixture
def person(session: Session) -> User:
    email = f"{new_id()}@example.org"
    return accounts.create_user(session, email, "auditor", PASSWORD, ["*"])


def signed_in(session: Session, person: User, lifetime: timedelta = HOUR) -> str:
    return sign_in.log_in(session, person.email, PASSWORD, VISITOR, lifetime)[1]


def lives(session: Session, secret: str, idle: timedelta = HOUR) -> bool:
    return login_sessions.find(session, secret, idle) is not None


def row(session: Session, secret: str) -> LoginSession:
    found = login_sessions.find(session, secret, HOUR)
    assert found is not None
    return found[0]


def caller(session: Session, person: User) -> Caller:
    return accounts.caller_for(person, VISITOR)


def test_each_sign_in_is_a_session_of_its_own(session: Session, person: User) -> None:
    one, other = signed_in(session, person), signed_in(session, person)
    assert one != other and len(one) >= 43
    login_sessions.log_out(session, caller(session, person).actor, row(session, one).id)
    assert (lives(session, one), lives(session, other)) == (False, True)


def test_the_secret_is_not_in_the_database(session: Session, person: User) -> None:
    secret = signed_in(session, person)
    kept = [str(vars(each)) for each in session.scalars(select(LoginSession))]
    assert kept and not any(secret in each for each in kept)


def test_a_session_ends_unused_and_in_any_case_after_its_time(
    session: Session, person: User
) -> None:
    secret = signed_in(session, person)
    assert not lives(session, secret, idle=timedelta(0))
    assert lives(session, secret)
    assert not lives(session, signed_in(session, person, lifetime=timedelta(0)))


def test_it_is_seen_at_most_once_a_minute(session: Session, person: User) -> None:
    secret = signed_in(session, person)
    first = row(session, secret).seen_at
    lives(session, secret)
    assert row(session, secret).seen_at == first
    earlier = utc_now() - timedelta(minutes=2)
    session.get_one(LoginSession, row(session, secret).id).seen_at = earlier
    session.commit()
    lives(session, secret)
    assert row(session, secret).seen_at > earlier + timedelta(minutes=1)


def new_password(session: Session, person: User) -> None:
    accounts.set_password(session, person.email, "an entirely new password")


def new_role(session: Session, person: User) -> None:
    accounts.set_role(session, SYSTEM, person.email, "reviewer")


def disabled(session: Session, person: User) -> None:
    accounts.disable(session, SYSTEM, person.email)


def disabled_and_enabled(session: Session, person: User) -> None:
    accounts.disable(session, SYSTEM, person.email)
    accounts.enable(session, SYSTEM, person.email)


def ended(session: Session, person: User) -> None:
    assert accounts.end_sessions(session, SYSTEM, person.email) == 1


@pytest.mark.parametrize("act", [new_password, new_role, disabled, disabled_and_enabled, ended])
def test_what_an_administrator_does_ends_every_session(
    session: Session, person: User, act: Callable[[Session, User], None]
) -> None:
    secret = signed_in(session, person)
    act(session, person)
    assert not lives(session, secret)


def test_another_scope_ends_no_session(session: Session, person: User) -> None:
    secret = signed_in(session, person)
    accounts.set_scope(session, SYSTEM, person.email, ["source:calls"])
    found = login_sessions.find(session, secret, HOUR)
    assert found is not None and found[1].scope == ["source:calls"]


def test_a_new_password_of_ones_own_keeps_the_session_that_asks(
    session: Session, person: User
) -> None:
    here, elsewhere = signed_in(session, person), signed_in(session, person)
    keep = row(session, here).id
    change = (session, caller(session, person))
    with pytest.raises(NotAuthenticated):
        sign_in.change_password(*change, "not my password", "another long one", keep)
    assert lives(session, elsewhere)
    sign_in.change_password(*change, PASSWORD, "another long password", keep)
    assert (lives(session, here), lives(session, elsewhere)) == (True, False)
    assert sign_in.log_in(session, person.email, "another long password", VISITOR, HOUR)


def test_nobody_ends_sessions_of_others(session: Session, person: User) -> None:
    secret = signed_in(session, person)
    stranger = accounts.create_user(session, f"{new_id()}@example.org", "officer", PASSWORD)
    with pytest.raises(NotFound):
        actor = caller(session, stranger).actor
        login_sessions.end_one(session, actor, row(session, secret).id)
    assert login_sessions.end_others(session, caller(session, stranger).actor, "") == 0
    assert lives(session, secret)


def test_a_session_that_is_over_is_not_ended_again(session: Session, person: User) -> None:
    secret = signed_in(session, person)
    ended = row(session, secret).id
    actor = caller(session, person).actor
    login_sessions.end_one(session, actor, ended)
    at = session.get_one(LoginSession, ended).revoked_at
    session.rollback()
    login_sessions.end_one(session, actor, ended)
    login_sessions.log_out(session, actor, ended)
    assert session.get_one(LoginSession, ended).revoked_at == at
    told = select(AuditEvent.details).where(AuditEvent.action == "auth.sessions_ended")
    mine = session.scalars(told.where(AuditEvent.actor_id == person.id)).all()
    assert mine == [{"count": 1, "sign_in": ended}]


def test_the_last_administrator_stays(session: Session) -> None:
    names = [f"{new_id()}@example.org" for _ in range(2)]
    for name in names:
        accounts.create_user(session, name, "admin", PASSWORD)
    accounts.disable(session, SYSTEM, "admin@example.org")
    accounts.set_role(session, SYSTEM, names[0], "reviewer")
    for act in (
        lambda: accounts.disable(session, SYSTEM, names[1]),
        lambda: accounts.set_role(session, SYSTEM, names[1], "auditor"),
    ):
        with pytest.raises(Conflict, match="last administrator"):
            act()
    accounts.enable(session, SYSTEM, "admin@example.org")
    assert not accounts.disable(session, SYSTEM, names[1]).active


def test_what_happened_is_in_the_audit_log(session: Session, person: User) -> None:
    signed_in(session, person)
    new_role(session, person)
    accounts.set_scope(session, SYSTEM, person.email, ["tag:vip"])
    disabled(session, person)
    query = select(AuditEvent).where(AuditEvent.object_id == person.id).order_by(AuditEvent.seq)
    events = [(each.action, each.details) for each in session.scalars(query)]
    assert [action for action, _ in events] == [
        "user.created",
        "auth.login",
        "user.role_changed",
        "user.scope_changed",
        "user.disabled",
    ]
    assert events[2][1] == {"before": "auditor", "after": "reviewer"}
    assert events[3][1] == {"before": ["*"], "after": ["tag:vip"]}
