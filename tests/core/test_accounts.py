"""Who is calling and what they may do, on the database as `portal run` opens it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from portal.core import accounts, tokens
from portal.core.accounts import Caller
from portal.core.errors import InvalidRequest, NotAllowed, NotAuthenticated
from portal.core.models import Token, new_id
from portal.core.roles import IN_PERSON, ROLE_MAY
from portal.core.transaction import utc_now
from tests.core.conftest import Site
from tests.core.people import PASSWORD, VISITOR, app, change, session, user

__all__ = ["app", "session"]


def caller(session: Session, role: str, *scopes: str) -> Caller:
    """Whoever a fresh token with these scopes stands for."""
    token = tokens.create_token(session, f"{role}@example.org", list(scopes))
    return tokens.caller_by_token(session, token, VISITOR)


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
    assert caller(session, "admin", *tokens.SCOPES).rights == ROLE_MAY["admin"] - IN_PERSON
    assert "delete" not in caller(session, "officer", "read", "admin").rights


@pytest.mark.parametrize("role", ROLE_MAY)
def test_no_token_may_more_than_its_owner(session: Session, role: str) -> None:
    everything = caller(session, role, *tokens.SCOPES)
    person = accounts.caller_for(user(session, f"{role}@example.org"), VISITOR)
    assert everything.rights <= person.rights


def test_roles_may_what_their_work_needs(session: Session) -> None:
    may = {role: caller(session, role, *tokens.SCOPES).rights for role in ROLE_MAY}
    assert "play" not in may["admin"], "an administrator is no listener"
    listeners = {"officer", "auditor", "reviewer", "source_owner"}
    assert {role for role in may if "play" in may[role]} == listeners
    assert {role for role in may if "download" in may[role]} == {"officer", "auditor"}
    assert {role for role in may if "upload" in may[role]} == {"admin", "source_owner", "uploader"}
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


@pytest.mark.parametrize("text", ["rp_\x00_x", "rp_" + "9" * 5000 + "_x", "rp_'; --_x"])
def test_hostile_tokens_are_refused_on_either_database(site: Site, text: str) -> None:
    with pytest.raises(NotAuthenticated):
        tokens.caller_by_token(site.session, text, VISITOR)
