"""What an operator does with accounts and tokens at a shell."""

from __future__ import annotations

import json

import pytest
import requests

from tests.conftest import PASSWORD, Portal
from tests.web.browsing import Person, sign_in


@pytest.fixture(scope="module")
def own_admin(tmp_path_factory: pytest.TempPathFactory) -> Portal:
    """A portal that does not run, with one administrator."""
    made = Portal(tmp_path_factory.mktemp("admin"))
    words = ("create-user", "admin@portal.local", "--role", "admin", "--password-stdin")
    made.cli(*words, given=PASSWORD)
    return made


def test_an_account_is_made_with_its_scope_and_gets_another(portal: Portal) -> None:
    words = ("create-user", "scoped@example.org", "--role", "reviewer", "--password-stdin")
    named = ("--source", "calls", "--tag", "VIP", "--tag", "complaint", "--department", "Sales")
    made = portal.cli(*words, *named, given=PASSWORD)
    assert made.stderr == ""
    assert scope_of(portal, "scoped@example.org") == [
        "department:sales",
        "source:calls",
        "tag:complaint",
        "tag:vip",
    ]
    changed = portal.cli("set-scope", "scoped@example.org", "--source", "*")
    assert changed.stdout == "scoped@example.org reaches: *.\n"
    assert portal.cli("set-scope", "scoped@example.org").stdout.endswith("reaches: nothing.\n")
    assert scope_of(portal, "scoped@example.org") == []


def scope_of(portal: Portal, email: str) -> list[str]:
    row = portal.rows("SELECT scope FROM user WHERE email = ?", email)[0]
    return list(json.loads(row["scope"]))


def test_an_account_that_reaches_nothing_is_made_with_a_warning(portal: Portal) -> None:
    words = ("create-user", "blind@example.org", "--role", "auditor", "--password-stdin")
    made = portal.cli(*words, given=PASSWORD)
    assert made.stdout == "Created blind@example.org (auditor).\n"
    assert made.stderr == "The account reaches no recordings yet: see `portal set-scope`.\n"


def test_an_account_is_disabled_and_enabled(portal: Portal) -> None:
    person = Person(portal, "auditor")
    assert portal.cli("disable-user", person.email).stdout == f"{person.email} is disabled.\n"
    assert "/login" in person.get("/recordings").url
    assert sign_in(requests.Session(), portal, person.email, PASSWORD).status_code == 401
    portal.cli("enable-user", person.email)
    assert sign_in(requests.Session(), portal, person.email, PASSWORD).ok


def test_a_role_is_changed_and_sessions_are_ended_by_name(portal: Portal) -> None:
    person = Person(portal, "auditor")
    assert portal.cli("end-sessions", person.email).stdout == "1 session(s) ended.\n"
    assert "/login" in person.get("/recordings").url
    changed = portal.cli("set-role", person.email, "reviewer")
    assert changed.stdout == f"{person.email} is reviewer now.\n"
    assert Person.sign_in(person, PASSWORD).url == f"{person.portal.url}/"
    query = "SELECT actor_label FROM audit_event WHERE action = 'user.role_changed'"
    assert portal.rows(query)[-1]["actor_label"].endswith(" (shell)")


def test_a_token_is_revoked_by_its_id(portal: Portal) -> None:
    token = portal.token("officer", "read")
    headers = {"Authorization": f"Bearer {token}"}
    portal.cli("revoke-token", token.split("_")[1])
    answer = requests.get(f"{portal.url}/api/recordings", headers=headers)
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("disable-user", "nobody@example.org"), "There is no user"),
        (("set-role", "nobody@example.org", "auditor"), "There is no user"),
        (("disable-user", "admin@portal.local"), "last administrator"),
        (("set-role", "admin@portal.local", "auditor"), "last administrator"),
        (("revoke-token", "rp_x"), "no id of a token"),
        (("revoke-token", "00000000-0000-7000-8000-000000000000"), "no such token"),
        (("set-scope", "admin@portal.local", "--tag", "x" * 65), "no name of a source"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(
    own_admin: Portal, words: tuple[str, ...], said: str
) -> None:
    refused = own_admin.cli(*words, check=False)
    assert refused.returncode == 1 and said in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
