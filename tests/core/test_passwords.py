"""Signing in: passwords, attempts that fail, and what is no account."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.core import accounts, sign_in, tokens
from portal.core.audit import Actor
from portal.core.errors import InvalidRequest, NotAuthenticated, TooManyAttempts
from portal.core.models import AuditEvent, User
from tests.core.conftest import Site
from tests.core.people import PASSWORD, VISITOR, app, change, session

__all__ = ["app", "session"]


def signed_in(session: Session, email: str, password: str, visitor: Actor) -> str:
    """The id of the account that this opens."""
    return sign_in.log_in(session, email, password, visitor, timedelta(hours=1))[0].id


def test_a_password_opens_the_account_whatever_the_case_of_the_address(session: Session) -> None:
    made = accounts.create_user(session, " Jörg.MEIER@Straße.example ", "auditor", PASSWORD)
    assert made.email == "jörg.meier@strasse.example"
    for email in (
        "jörg.meier@strasse.example",
        "JÖRG.meier@STRASSE.example ",
        " Jörg.Meier@straße.example",
    ):
        assert signed_in(session, email, PASSWORD, VISITOR) == made.id
    with pytest.raises(InvalidRequest, match="already"):
        accounts.create_user(session, "jörg.meier@strasse.EXAMPLE", "auditor", PASSWORD)


def attempt(session: Session, email: str, password: str, ip: str) -> str:
    with pytest.raises((NotAuthenticated, TooManyAttempts)) as refused:
        signed_in(session, email, password, replace(VISITOR, ip=ip))
    return f"{refused.type.__name__}: {refused.value}"


def test_nobody_learns_which_addresses_exist(session: Session) -> None:
    gone = accounts.create_user(session, "gone@example.org", "auditor", PASSWORD)
    change(session, gone, active=False)
    sentences = {
        attempt(session, email, password, "192.0.2.2")
        for email, password in (
            ("auditor@example.org", "wrong"),
            ("unknown@example.org", PASSWORD),
            ("gone@example.org", PASSWORD),
            ("auditor@example.org", ""),
            ("", ""),
        )
    }
    assert sentences == {"NotAuthenticated: E-mail or password is wrong."}


def test_signing_in_is_written_down_without_the_password(session: Session) -> None:
    signed_in(session, "officer@example.org", PASSWORD, replace(VISITOR, ip="192.0.2.5"))
    attempt(session, "officer@example.org", "Wr0ngPassw0rd", "192.0.2.5")
    events = session.scalars(select(AuditEvent).where(AuditEvent.ip == "192.0.2.5")).all()
    noted = [(each.action, each.result, each.actor_label) for each in events]
    assert noted == [
        ("auth.login", "ok", "officer@example.org"),
        ("auth.failed", "denied", ""),
    ]
    assert "Wr0ngPassw0rd" not in str([vars(each) for each in events])


def test_a_new_password_replaces_the_old_one(session: Session) -> None:
    accounts.create_user(session, "forgetful@example.org", "reviewer", PASSWORD)
    accounts.set_password(session, "Forgetful@example.org", "an entirely new password")
    assert attempt(session, "forgetful@example.org", PASSWORD, "192.0.2.6")
    assert signed_in(session, "forgetful@example.org", "an entirely new password", VISITOR)


def test_a_short_password_is_refused(session: Session) -> None:
    with pytest.raises(InvalidRequest, match="at least 12"):
        accounts.create_user(session, "short@example.org", "auditor", "x" * 11)
    with pytest.raises(InvalidRequest, match="at least 12"):
        accounts.set_password(session, "auditor@example.org", "x" * 11)
    assert not session.scalars(select(User).where(User.email == "short@example.org")).all()


@pytest.mark.parametrize(
    "email", ["", "nobody", "@example.org", "a@", "a\n@b.org", "a" * 250 + "@b.org"]
)
def test_what_is_no_address_is_refused(session: Session, email: str) -> None:
    with pytest.raises(InvalidRequest, match="no e-mail address"):
        accounts.create_user(session, email, "auditor", PASSWORD)


def test_an_unknown_role_or_user_is_refused(session: Session) -> None:
    with pytest.raises(InvalidRequest, match="admin, officer"):
        accounts.create_user(session, "new@example.org", "root", PASSWORD)
    with pytest.raises(InvalidRequest, match="There is no user"):
        accounts.set_password(session, "new@example.org", PASSWORD)
    with pytest.raises(InvalidRequest, match="There is no user"):
        tokens.create_token(session, "new@example.org", ["upload"])


@pytest.mark.parametrize("email", ["nul\x00@example.org", "x" * 5000 + "@example.org", "'; --"])
def test_hostile_addresses_are_refused_on_either_database(site: Site, email: str) -> None:
    with pytest.raises(NotAuthenticated):
        signed_in(site.session, email, PASSWORD, VISITOR)
