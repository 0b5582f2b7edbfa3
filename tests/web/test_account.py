"""One's own account: the password, the sessions, the tokens."""

from __future__ import annotations

import html
import re

import pytest
import requests

from tests.conftest import PASSWORD, Portal, Tus
from tests.web.browsing import Person, csrf, sign_in

NEW = "a new and long password"


def elsewhere(person: Person) -> requests.Session:
    session = requests.Session()
    answer = sign_in(session, person.portal, person.email, PASSWORD)
    assert answer.url == f"{person.portal.url}/"
    return session


def is_in(person: Person, session: requests.Session) -> bool:
    return "/login" not in session.get(f"{person.portal.url}/recordings").url


def change_password(person: Person, old: str, new: str, again: str = "") -> requests.Response:
    return person.post("/account/password", old=old, new=new, again=again or new)


def test_a_new_password_ends_the_other_sessions_and_not_this_one(portal: Portal) -> None:
    person = Person(portal, "auditor")
    other = elsewhere(person)
    answer = change_password(person, PASSWORD, NEW)
    assert answer.history[0].status_code == 302, "a reload does not send it again"
    assert "Your password is changed." in answer.text
    assert not is_in(person, other)
    assert is_in(person, person.session)
    assert sign_in(requests.Session(), portal, person.email, PASSWORD).status_code == 401
    assert sign_in(requests.Session(), portal, person.email, NEW).ok


@pytest.mark.parametrize(
    ("old", "new", "again", "said"),
    [
        ("not my password", NEW, NEW, "This is not your current password."),
        ("", NEW, NEW, "Enter the password that you have now."),
        (PASSWORD, "short", "short", "Use at least 12 characters."),
        (PASSWORD, NEW, NEW + "x", "The two are not the same."),
    ],
)
def test_a_password_that_cannot_be_is_refused_at_its_field(
    portal: Portal, old: str, new: str, again: str, said: str
) -> None:
    person = Person(portal, "auditor")
    answer = change_password(person, old, new, again)
    assert answer.status_code == 400 and said in answer.text
    assert NEW not in answer.text
    assert sign_in(requests.Session(), portal, person.email, PASSWORD).ok


def test_sessions_are_listed_with_device_and_address_and_end_one_by_one(portal: Portal) -> None:
    person = Person(portal, "reviewer")
    other = elsewhere(person)
    other.headers["User-Agent"] = "Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140"
    answer = sign_in(other, portal, person.email, PASSWORD)
    page = person.get("/account").text
    assert "127.0.0.1" in page and "This one" in page
    third = requests.Session()
    third.headers["User-Agent"] = other.headers["User-Agent"]
    sign_in(third, portal, person.email, PASSWORD)
    assert "Edge · Windows" in person.get("/account").text
    for each in ending(person):
        person.post("/account/sessions/end", session_id=each)
    assert [is_in(person, each) for each in (other, third, person.session)] == [False, False, True]
    assert answer.ok


def ending(person: Person) -> list[str]:
    """The ids of the sessions that have a button to end them."""
    return re.findall(r'name="session_id" value="([0-9a-f]{64})"', person.get("/account").text)


def test_all_others_end_at_once(portal: Portal) -> None:
    person = Person(portal, "auditor")
    others = [elsewhere(person) for _ in range(2)]
    assert "All other sessions have ended." in person.post("/account/sessions/end").text
    assert [is_in(person, each) for each in others] == [False, False]
    assert ending(person) == [] and is_in(person, person.session)


def test_nobody_ends_a_session_or_a_token_of_somebody_else(portal: Portal) -> None:
    victim, stranger = Person(portal, "auditor"), Person(portal, "officer")
    other = elsewhere(victim)
    secret = make_token(victim, "read")
    refused = stranger.post("/account/sessions/end", session_id=ending(victim)[0])
    assert refused.status_code == 404 and is_in(victim, other)
    assert stranger.post(f"/account/tokens/{secret.split('_')[1]}/revoke").status_code == 404
    assert works(portal, secret)
    query = "SELECT object_type FROM audit_event WHERE action = 'authz.denied' AND actor_label = ?"
    denied = [row["object_type"] for row in portal.rows(query, stranger.email)]
    assert denied == ["session", "token"]


def make_token(person: Person, *scopes: str, **form: str) -> str:
    """A token made on the page, as the page shows it."""
    page = ask_for_token(person, *scopes, **form)
    return html.unescape(re.search(r'class="secret"[^>]*>([^<]+)<', page.text)[1])


def ask_for_token(person: Person, *scopes: str, **form: str) -> requests.Response:
    fields = {"label": "for a test", "leads": "", "days": "30"} | form
    fields["csrf_token"] = csrf(person.get("/account").text)
    sent = [*fields.items(), *(("scopes", each) for each in scopes)]
    return person.session.post(f"{person.portal.url}/account/tokens", data=sent)


def works(portal: Portal, token: str) -> bool:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{portal.url}/api/recordings", headers=headers).ok


def test_a_token_is_shown_once_and_works_until_it_is_revoked(portal: Portal) -> None:
    person = Person(portal, "auditor")
    secret = make_token(person, "read", label="<b>Archive</b>", leads="4711, 4712")
    page = person.get("/account").text
    assert secret not in page and "&lt;b&gt;Archive&lt;/b&gt;" in page and "4711, 4712" in page
    assert "Never used" in page
    assert works(portal, secret)
    assert "Never used" not in person.get("/account").text
    answer = person.post(f"/account/tokens/{secret.split('_')[1]}/revoke")
    assert "The token is revoked." in answer.text
    assert not works(portal, secret)
    row = portal.rows("SELECT * FROM token WHERE id = ?", secret.split("_")[1])[0]
    assert row["expires_at"] and row["leads"] == '["4711", "4712"]'


def test_the_scopes_are_those_that_the_role_has_a_use_for(portal: Portal) -> None:
    offered = {
        role: re.findall(r'name="scopes"[^>]* value="(\w+)"', page_of(portal, role))
        for role in ("admin", "auditor", "uploader", "source_owner")
    }
    assert offered == {
        "admin": ["upload", "read", "admin"],
        "auditor": ["read", "admin"],
        "uploader": ["upload", "read", "delete"],
        "source_owner": ["upload", "read", "admin"],
    }
    auditor = Person(portal, "auditor")
    assert ask_for_token(auditor, "upload").status_code == 400


def page_of(portal: Portal, role: str) -> str:
    return Person(portal, role).get("/account").text


@pytest.mark.parametrize(
    ("scopes", "form", "said"),
    [
        ((), {}, "Choose at least one."),
        (("read",), {"label": ""}, "Give it a name"),
        (("read",), {"label": "x" * 101}, "Use 100 characters at most."),
        (("read",), {"label": "a\x07b"}, "Use letters, digits and signs only."),
        (("read",), {"leads": ",".join("x" * 21)}, "Write up to 20 leads"),
    ],
)
def test_a_token_that_cannot_be_is_refused_at_its_field(
    portal: Portal, scopes: tuple[str, ...], form: dict[str, str], said: str
) -> None:
    answer = ask_for_token(Person(portal, "auditor"), *scopes, **form)
    assert answer.status_code == 400 and said in answer.text


def test_a_token_of_an_uploader_sends(portal: Portal) -> None:
    secret = make_token(Person(portal, "uploader"), "upload", days="")
    assert Tus(portal, secret).create(10).status_code == 201


@pytest.mark.parametrize("name", ["password", "sessions/end", "tokens"])
def test_a_form_without_its_token_changes_nothing(portal: Portal, name: str) -> None:
    person = Person(portal, "auditor")
    assert person.session.post(f"{portal.url}/account/{name}").status_code == 400


def test_the_page_says_who_one_is_and_what_one_reaches(portal: Portal) -> None:
    person = Person(portal, "source_owner", "pt-BR")
    page = person.get("/account").text
    assert person.email in page and "Responsável pela origem" in page
    assert 'href="/account"' in person.get("/recordings").text
