"""Asking for legal holds on the pages: an auditor asks, an officer looks at it and decides."""

from __future__ import annotations

import re

import pytest

from portal.core import accounts
from portal.core.audit import SYSTEM
from portal.db import db
from tests.conftest import Portal
from tests.web.browsing import Person
from tests.web.home_facts import figures
from tests.web.listing import recorded
from tests.web.test_approvals import decide

ABOUT = {"name": "Smith against Jones", "reason": "The court asked for the calls."}


def asked(person: Person, ids: list[str]) -> str:
    """The path of a new request for a hold of these."""
    answer = person.send("/holds/request", ids, **ABOUT)
    assert answer.status_code == 200, answer.text
    return re.search(r"/approvals/[0-9a-f-]{36}$", answer.url)[0]


def held(house: Portal, recording_id: str) -> int:
    query = "SELECT 1 FROM legal_hold WHERE recording_id = ? AND released_at IS NULL"
    return len(house.rows(query, recording_id))


def test_an_auditor_asks_from_the_list_and_an_officer_approves(house: Portal) -> None:
    one, other = recorded(house, [{"filename": "claim.wav"}, {}])
    anna, olga = Person(house, "auditor"), Person(house, "officer")
    assert "Ask for a legal hold" in anna.get("/recordings").text
    page = anna.send("/holds/request/preview", [one]).text
    assert "Ask for a legal hold of 1 recording?" in page and "1.0 MB in all" in page
    path = asked(anna, [one])
    assert path in anna.get("/approvals").text and "You asked for this" in anna.get(path).text
    page = olga.get(path).text
    assert "Hold 1 recording as “Smith against Jones”" in page and "claim.wav" in page
    assert ABOUT["reason"] in page and anna.email in page
    approved = decide(olga, path, "approve").text
    case = re.search(r'href="(/holds/[0-9a-f-]{36})"', approved)[1]
    assert f"{anna.email} / {olga.email}" in olga.get(case).text
    assert (held(house, one), held(house, other)) == (1, 0)
    assert "Approved" in anna.get(path).text and case not in anna.get(path).text


def test_who_may_decide_finds_the_request_on_the_start_page(house: Portal) -> None:
    olga, ina = Person(house, "officer"), Person(house, "admin")

    def waiting(person: Person) -> int:
        tile = figures(person)["Waiting for your decision"]
        assert tile.link == "/approvals"
        return int(tile.number)

    before = waiting(olga), waiting(ina)
    asked(Person(house, "auditor"), recorded(house, [{}]))
    assert (waiting(olga), waiting(ina)) == (before[0] + 1, before[1])


def test_a_recordings_page_asks_or_holds_as_the_role_may(house: Portal) -> None:
    [one] = recorded(house, [{}])
    for role, action in (
        ("auditor", "/holds/request/preview"),
        ("officer", "/holds/new"),
        ("reviewer", None),
    ):
        person = Person(house, role)
        page = person.get(f"/recordings/{one}").text
        form = re.search(r'<form method="post" action="(/holds/[^"]+)">', page)
        assert (form and form[1]) == action
        if action:
            assert f'name="id" value="{one}"' in person.send(action, [one]).text


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [({"name": "\x00"}, "Give the case a name, of 255"), ({"reason": " "}, "Say why it is held.")],
)
def test_what_is_missing_is_said_at_the_field_and_nothing_is_lost(
    house: Portal, wrong: dict[str, str], sentence: str
) -> None:
    ids, anna = recorded(house, [{}]), Person(house, "auditor")
    answer = anna.send("/holds/request", ids, **(ABOUT | wrong))
    assert answer.status_code == 400 and sentence in answer.text
    for name, typed in ABOUT.items():
        assert name in wrong or typed in answer.text
    assert re.findall(r'name="id" value="([^"]+)"', answer.text) == ids


def test_what_is_beyond_the_scope_is_neither_shown_nor_asked_for(house: Portal) -> None:
    [secret] = recorded(house, [{"filename": "secret.wav", "department": "sales"}])
    anna = Person(house, "auditor")
    with house.app.app_context():
        accounts.set_scope(db.session, SYSTEM, anna.email, ["department:finance"])
    page = anna.send("/holds/request/preview", [secret]).text
    assert "1 recording is deleted, or is not yours to see." in page and "secret" not in page
    assert anna.send("/holds/request", [secret], **ABOUT).status_code == 409
    assert house.rows("SELECT 1 FROM approval WHERE asked_by = ?", anna.email) == []


@pytest.mark.parametrize("role", ["admin", "reviewer", "source_owner", "uploader"])
def test_other_roles_do_not_ask(house: Portal, role: str) -> None:
    ids, person = recorded(house, [{}]), Person(house, role)
    for path in ("/holds/request/preview", "/holds/request"):
        assert person.send(path, ids, **ABOUT).status_code == 403
    assert "Ask for a legal hold" not in person.get("/recordings").text
