"""Two people on the pages: one asks for a deletion, the other looks at exactly that and decides."""

from __future__ import annotations

import re

import pytest
import requests

from tests.conftest import Portal
from tests.web.browsing import Person
from tests.web.listing import recorded


def state(house: Portal, recording_id: str) -> str:
    [row] = house.rows("SELECT state FROM recording WHERE id = ?", recording_id)
    return str(row["state"])


def asked(person: Person, ids: list[str]) -> str:
    """The path of a new request for the deletion of these."""
    answer = person.send("/recordings/deletion", ids, reason="sent by mistake")
    assert answer.status_code == 200, answer.text
    return re.search(r"/approvals/[0-9a-f-]{36}$", answer.url)[0]


def decide(person: Person, path: str, verb: str, **form: str) -> requests.Response:
    shown = re.search(r'name="sha256" value="([0-9a-f]{64})"', person.get(path).text)
    return person.post(f"{path}/{verb}", **{"sha256": shown[1] if shown else "0" * 64} | form)


def test_one_asks_another_approves(house: Portal) -> None:
    gone, kept = recorded(house, [{"filename": "wrong.wav"}, {}])
    anna, bert = Person(house, "officer"), Person(house, "officer")
    preview = anna.send("/recordings/deletion/preview", [gone]).text
    assert "Ask for the deletion of 1 recording?" in preview and "1.0 MB in all" in preview
    path = asked(anna, [gone])
    assert "Waits for somebody else" in anna.get("/approvals").text
    assert 'formaction="' not in anna.get(path).text  # nothing to decide with
    assert anna.post(f"{path}/approve", sha256="0" * 64).status_code == 403
    assert state(house, gone) == "ready"
    page = bert.get(path).text
    assert "wrong.wav" in page and "sent by mistake" in page and anna.email in page
    assert "Approved" in decide(bert, path, "approve").text
    assert state(house, gone) == "deleting" and state(house, kept) == "ready"
    assert "Approved" in anna.get("/approvals?over=1").text


def test_a_denial_says_why(house: Portal) -> None:
    ids = recorded(house, [{}])
    anna, bert = Person(house, "admin"), Person(house, "officer")
    path = asked(anna, ids)
    empty = decide(bert, path, "deny")
    assert empty.status_code == 400 and "Say why you deny it" in empty.text
    assert (
        "still needed for case 9" in decide(bert, path, "deny", why="still needed for case 9").text
    )
    assert decide(bert, path, "approve").status_code == 409
    assert state(house, ids[0]) == "ready"


def test_who_asked_may_take_it_back(house: Portal) -> None:
    ids = recorded(house, [{}])
    anna, bert = Person(house, "officer"), Person(house, "officer")
    path = asked(anna, ids)
    assert bert.post(f"{path}/withdraw").status_code == 404
    assert "Taken back" in anna.post(f"{path}/withdraw").text
    assert decide(bert, path, "approve").status_code == 409


def test_a_preview_names_what_cannot_go(house: Portal) -> None:
    ids = recorded(house, [{}, {"state": "deleting"}])
    anna = Person(house, "officer")
    page = anna.send("/recordings/deletion/preview", ids).text
    assert "1 recording cannot go, and is left out." in page
    assert re.findall(r'name="id" value="([^"]+)"', page) == ids[:1]
    assert anna.send("/recordings/deletion", ids, reason="x").status_code == 409
    without = anna.send("/recordings/deletion", ids[:1], reason=" ")
    assert without.status_code == 400 and "Say why" in without.text


@pytest.mark.parametrize("role", ["auditor", "reviewer", "uploader"])
def test_who_may_not_ask_sees_no_requests(house: Portal, role: str) -> None:
    ids = recorded(house, [{}])
    path = asked(Person(house, "officer"), ids)
    person = Person(house, role)
    assert person.send("/recordings/deletion", ids, reason="x").status_code == 403
    assert person.get(path).status_code == 404
    assert decide(person, path, "approve").status_code == 404
    assert state(house, ids[0]) == "ready"


def test_a_request_needs_the_forms_token(house: Portal) -> None:
    ids = recorded(house, [{}])
    anna, bert = Person(house, "officer"), Person(house, "officer")
    path = asked(anna, ids)
    answer = bert.session.post(f"{house.url}{path}/approve", data={"sha256": "0" * 64})
    assert answer.status_code == 400 and state(house, ids[0]) == "ready"
