"""Who is calling and what they may do, on the database as `portal run` opens it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import migrate
from portal.app import create_app
from portal.config import Settings
from portal.core import accounts, tokens
from portal.core.accounts import ROLE_MAY, Caller
from portal.core.audit import Actor
from portal.core.errors import InvalidRequest, NotAllowed, NotAuthenticated, TooManyAttempts
from portal.core.models import AuditEvent, Token, User, new_id
from portal.core.transaction import utc_now
from portal.db import db
from tests.core.conftest import Site

PASSWORD = "correct horse battery staple"
VISITOR = Actor("visitor", None, "", ip="192.0.2.1", user_agent="pytest", request_id="r1")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """With one person of each role, called role@example.org."""
    data = tmp_path_factory.mktemp("accounts") / "data"
    made = create_app(Settings.from_env({"PORTAL_DATA_DIR": str(data)}))
    with made.app_context():
        migrate.upgrade(db.engine)
        for role in ROLE_MAY:
            accounts.create_user(db.session, f"{role}@example.org", role, PASSWORD)
    return made


@pytest.fixture
def session(app: Flask) -> Iterator[Session]:
    with app.app_context():
        yield db.session
        db.session.rollback()


def user(session: Session, email: str) -> User:
    return session.scalars(select(User).where(User.email == email)).one()


def caller(session: Session, role: str, *scopes: str) -> Caller:
    """Whoever a fresh token with these scopes stands for."""
    token = tokens.create_token(session, f"{role}@example.org", list(scopes))
    return tokens.caller_by_token(session, token, VISITOR)


def change(session: Session, thing: User | Token, **values: object) -> None:
    for name, value in values.items():
        setattr(thing, name, value)
    session.commit()


def test_a_token_stands_for_its_owner(session: Session) -> None:
    found = caller(session, "uploader", "upload")
    assert (found.label, found.role) == ("uploader@example.org", "uploader")
    assert found.rights == {"upload"}
    assert (found.actor.type, found.actor.ip) == ("token", "192.0.2.1")
    assert found.actor.token_id


def test_the_secret_of_a_token_is_stored_nowhere(session: Session, app: Flask) -> None:
    token = tokens.create_token(session, "uploader@example.org", ["upload"])
    secret = token.split("_", 2)[2]
    assert len(secret) >= 43
    tokens.caller_by_token(session, token, VISITOR)
    data = app.config["SETTINGS"].data_dir
    for path in data.glob("portal.sqlite3*"):
        assert secret.encode() not in path.read_bytes(), path.name
    assert tokens.create_token(session, "uploader@example.org", ["upload"]) != token


def with_wrong_secret(session: Session, token: str) -> str:
    return token[:-1] + ("A" if token[-1] != "A" else "B")


def with_unknown_id(session: Session, token: str) -> str:
    return f"rp_{new_id()}_{token.split('_', 2)[2]}"


def of_another_kind(session: Session, token: str) -> str:
    return token.replace("rp_", "xx_", 1)


def without_secret(session: Session, token: str) -> str:
    return token.rpartition("_")[0]


def expired(session: Session, token: str) -> str:
    change(session, token_row(session, token), expires_at=utc_now() - timedelta(seconds=1))
    return token


def revoked(session: Session, token: str) -> str:
    change(session, token_row(session, token), revoked_at=utc_now())
    return token


def of_a_disabled_user(session: Session, token: str) -> str:
    change(session, user(session, "disabled@example.org"), active=False)
    return token


def token_row(session: Session, token: str) -> Token:
    return session.get_one(Token, token.split("_")[1])


SPOILT = [with_wrong_secret, with_unknown_id, of_another_kind, without_secret]
SPOILT += [revoked, of_a_disabled_user]


def test_every_token_that_does_not_live_is_refused_with_the_same_sentence(session: Session) -> None:
    accounts.create_user(session, "disabled@example.org", "uploader", PASSWORD)
    sentences = set()
    for spoil in SPOILT:
        token = tokens.create_token(session, "disabled@example.org", ["upload"])
        assert tokens.caller_by_token(session, token, VISITOR).rights == {"upload"}
        bad = spoil(session, token)
        with pytest.raises(NotAuthenticated) as refused:
            tokens.caller_by_token(session, bad, VISITOR)
        sentences.add(str(refused.value))
    assert len(sentences) == 1


@pytest.mark.parametrize("text", ["", "_", "rp_", "rp__", "rp_\u0130_ß", "rp_1_\x00", "x" * 9999])
def test_nonsense_is_no_token(session: Session, text: str) -> None:
    with pytest.raises(NotAuthenticated):
        tokens.caller_by_token(session, text, VISITOR)


def test_a_token_lives_until_it_expires(session: Session) -> None:
    later = utc_now() + timedelta(minutes=1)
    token = tokens.create_token(session, "uploader@example.org", ["upload"], later)
    assert tokens.caller_by_token(session, token, VISITOR).role == "uploader"
    lapsed = tokens.caller_by_token(session, expired(session, token), VISITOR)
    with pytest.raises(NotAuthenticated):
        lapsed.must("upload")
    with pytest.raises(NotAuthenticated):
        lapsed.owner_filter("list")
    lapsed.must("upload", continuing=True)


def test_scopes_narrow_what_the_role_may(session: Session) -> None:
    caller(session, "uploader", "upload").must("upload")
    with pytest.raises(NotAllowed):
        caller(session, "uploader", "read").must("upload")
    with pytest.raises(NotAllowed):
        caller(session, "auditor", "upload").must("upload")
    with pytest.raises(NotAllowed):
        caller(session, "auditor", "upload").must("play")
    caller(session, "auditor", "read").must("play")
    assert caller(session, "admin", *tokens.SCOPES).rights == ROLE_MAY["admin"]
    assert "delete" not in caller(session, "officer", "read", "admin").rights


@pytest.mark.parametrize("role", ROLE_MAY)
def test_no_token_may_more_than_its_owner(session: Session, role: str) -> None:
    everything = caller(session, role, *tokens.SCOPES)
    person = accounts.caller_for(user(session, f"{role}@example.org"), VISITOR)
    assert everything.rights <= person.rights


def test_roles_may_what_their_work_needs(session: Session) -> None:
    may = {role: caller(session, role, *tokens.SCOPES).rights for role in ROLE_MAY}
    assert "play" not in may["admin"], "an administrator is no listener"
    assert {role for role in may if "play" in may[role]} == {"officer", "auditor", "reviewer"}
    assert {role for role in may if "upload" in may[role]} == {"admin", "uploader"}
    assert "list" not in may["uploader"]


def test_an_uploader_sees_only_what_is_theirs(session: Session) -> None:
    uploader = accounts.caller_for(user(session, "uploader@example.org"), VISITOR)
    assert uploader.owner_filter("list") == uploader.user_id
    with pytest.raises(NotAllowed):
        uploader.owner_filter("audit")
    assert caller(session, "auditor", "read").owner_filter("list") is None


def test_unknown_scopes_are_refused(session: Session) -> None:
    for scopes in ([], ["everything"], ["upload", "everything"], ["Upload"]):
        with pytest.raises(InvalidRequest, match="upload, read"):
            tokens.create_token(session, "uploader@example.org", scopes)


def test_a_password_opens_the_account_whatever_the_case_of_the_address(session: Session) -> None:
    made = accounts.create_user(session, " Jörg.MEIER@Straße.example ", "auditor", PASSWORD)
    assert made.email == "jörg.meier@strasse.example"
    for email in (
        "jörg.meier@strasse.example",
        "JÖRG.meier@STRASSE.example ",
        " Jörg.Meier@straße.example",
    ):
        assert accounts.log_in(session, email, PASSWORD, VISITOR).id == made.id
    with pytest.raises(InvalidRequest, match="already"):
        accounts.create_user(session, "jörg.meier@strasse.EXAMPLE", "auditor", PASSWORD)


def attempt(session: Session, email: str, password: str, ip: str) -> str:
    with pytest.raises((NotAuthenticated, TooManyAttempts)) as refused:
        accounts.log_in(session, email, password, replace(VISITOR, ip=ip))
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


def test_after_20_failures_an_address_waits_and_others_do_not(session: Session) -> None:
    guesses = {
        attempt(session, "auditor@example.org", f"guess {n}", "192.0.2.3") for n in range(20)
    }
    assert guesses == {"NotAuthenticated: E-mail or password is wrong."}
    assert attempt(session, "auditor@example.org", PASSWORD, "192.0.2.3").startswith("TooMany")
    elsewhere = replace(VISITOR, ip="192.0.2.4")
    assert accounts.log_in(session, "auditor@example.org", PASSWORD, elsewhere)
    for event in session.scalars(select(AuditEvent).where(AuditEvent.ip == "192.0.2.3")):
        event.at -= timedelta(minutes=16)
    session.commit()
    waited = replace(VISITOR, ip="192.0.2.3")
    assert accounts.log_in(session, "auditor@example.org", PASSWORD, waited)


def test_signing_in_is_written_down_without_the_password(session: Session) -> None:
    accounts.log_in(session, "officer@example.org", PASSWORD, replace(VISITOR, ip="192.0.2.5"))
    attempt(session, "officer@example.org", "Wr0ngPassw0rd", "192.0.2.5")
    events = session.scalars(select(AuditEvent).where(AuditEvent.ip == "192.0.2.5")).all()
    noted = [(each.action, each.result, each.actor_label) for each in events]
    assert noted == [
        ("auth.login", "ok", "officer@example.org"),
        ("auth.failed", "denied", ""),
    ]
    assert "Wr0ngPassw0rd" not in str([vars(each) for each in events])


def test_a_new_password_replaces_the_old_one_and_ends_open_sessions(session: Session) -> None:
    made = accounts.create_user(session, "forgetful@example.org", "reviewer", PASSWORD)
    before = made.login_epoch
    accounts.set_password(session, "Forgetful@example.org", "an entirely new password")
    assert user(session, "forgetful@example.org").login_epoch > before
    assert attempt(session, "forgetful@example.org", PASSWORD, "192.0.2.6")
    assert accounts.log_in(session, "forgetful@example.org", "an entirely new password", VISITOR)


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
        accounts.log_in(site.session, email, PASSWORD, VISITOR)


@pytest.mark.parametrize("text", ["rp_\x00_x", "rp_" + "9" * 5000 + "_x", "rp_'; --_x"])
def test_hostile_tokens_are_refused_on_either_database(site: Site, text: str) -> None:
    with pytest.raises(NotAuthenticated):
        tokens.caller_by_token(site.session, text, VISITOR)
