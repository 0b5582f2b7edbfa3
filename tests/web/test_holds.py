"""Legal holds on the pages: placed from the list, added to, reviewed, released by two people."""

from __future__ import annotations

import re

import pytest
import requests
from sqlalchemy import text

from portal.db import db
from tests.conftest import Portal
from tests.web.browsing import Person
from tests.web.listing import recorded

ABOUT = {"name": "Smith against Jones", "number": "12/2026", "reason": "A claim for damages."}


def placed(person: Person, ids: list[str], **form: str) -> str:
    """The path of a new case that holds these."""
    answer = person.send("/holds", ids, **(ABOUT | form))
    assert answer.status_code == 200 and "The hold is placed." in answer.text
    return re.search(r"/holds/[0-9a-f-]{36}$", answer.url)[0]


def held(house: Portal, path: str) -> set[str]:
    query = "SELECT recording_id FROM legal_hold WHERE case_id = ? AND released_at IS NULL"
    return {row["recording_id"] for row in house.rows(query, path.rpartition("/")[2])}


def approve(person: Person, path: str) -> requests.Response:
    shown = re.search(r'name="sha256" value="([0-9a-f]{64})"', person.get(path).text)
    return person.post(f"{path}/approve", sha256=shown[1])


def test_selected_recordings_are_held_after_a_look(house: Portal) -> None:
    one, other = recorded(house, [{"filename": "claim.wav"}, {}])
    anna = Person(house, "officer")
    page = anna.send("/holds/new", [one]).text
    assert "Hold 1 recording?" in page and "1.0 MB in all" in page
    path = placed(anna, [one], review_on="2999-01-31")
    assert held(house, path) == {one}
    page = anna.get(path).text
    for shown in ("claim.wav", "12/2026", "A claim for damages.", anna.email, "2999-01-31"):
        assert shown in page
    assert other not in page
    assert "Smith against Jones" in anna.get("/holds").text
    assert "is under a legal hold" in anna.send("/recordings/deletion/preview", [one]).text


def test_all_that_a_filtered_list_has_is_held(house: Portal) -> None:
    ids = recorded(house, [{"department": "sales"}] * 60 + [{"department": "support"}])
    anna = Person(house, "officer")
    page = anna.get("/holds/new?department=sales").text
    assert "Hold 60 recordings?" in page and "<b>sales</b>" in page
    path = placed_by_filters(anna, "department=sales")
    assert held(house, path) == set(ids[:60])
    page = anna.get(path).text
    assert "and whatever comes to match later" in page and 'href="/recordings?department=sales"'
    older = re.search(rf'href="({path}\?before=[0-9a-f-]+)#items"', page)
    assert len(set(re.findall(r'name="id" form="release" value="([^"]+)"', page))) == 50
    assert len(re.findall(r'name="id" form="release"', anna.get(older[1]).text)) == 10


def test_the_list_shows_what_a_case_holds(house: Portal) -> None:
    ids = recorded(house, [{}, {}, {}])
    anna = Person(house, "officer")
    path = placed(anna, ids[:2])
    shown = re.search(r'href="(/recordings\?case=[0-9a-f-]+)"', anna.get(path).text)
    page = anna.get(shown[1]).text
    assert {each for each in ids if f"/recordings/{each}" in page} == set(ids[:2])
    assert anna.get("/recordings?case=12/2026").status_code == 400


def test_what_is_tagged_later_comes_into_the_case(house: Portal) -> None:
    first, later, never = recorded(house, [{}, {}, {}])
    anna = Person(house, "officer")
    anna.send("/recordings/tags", [first], tag="urgent", act="add")
    path = placed_by_filters(anna, "tag=urgent")
    assert held(house, path) == {first}
    anna.send("/recordings/tags", [later], tag="urgent", act="add")
    anna.send("/recordings/tags", [never], tag="harmless", act="add")
    assert held(house, path) == {first, later}
    assert "Added to a legal hold · 1 recording" in anna.get(path).text


def placed_by_filters(person: Person, filters: str) -> str:
    answer = person.send(f"/holds?{filters}", [], all="1", future="1", **ABOUT)
    return re.search(r"/holds/[0-9a-f-]{36}$", answer.url)[0]


def test_recordings_are_added_to_a_case_that_stands(house: Portal) -> None:
    first, second = recorded(house, [{}, {}])
    anna, bert = Person(house, "officer"), Person(house, "officer")
    path = placed(anna, [first])
    case = path.rpartition("/")[2]
    assert f'<option value="{case}"' in bert.send("/holds/new", [second]).text
    answer = bert.send("/holds/add", [first, second], case=case)
    assert "1 recording was added." in answer.text
    assert held(house, path) == {first, second}


def test_a_case_is_released_when_somebody_else_approves(house: Portal) -> None:
    ids = recorded(house, [{}, {}])
    anna, bert = Person(house, "officer"), Person(house, "officer")
    path = placed(anna, ids)
    asked = anna.send(f"{path}/release", [], whole="1", reason="settled")
    request = re.search(r"/approvals/[0-9a-f-]{36}$", asked.url)[0]
    assert "Release the legal hold “Smith against Jones”" in asked.text
    assert "Waits for somebody else" in anna.get("/approvals").text
    assert held(house, path) == set(ids)
    assert "Approved" in approve(bert, request).text
    assert held(house, path) == set()
    page = anna.get(path).text
    assert f"{anna.email} / {bert.email}" in page and 'id="release"' not in page
    assert path in anna.get("/holds?released=1").text and path not in anna.get("/holds").text


def test_selected_recordings_of_a_case_are_released(house: Portal) -> None:
    gone, kept = recorded(house, [{"filename": "gone.wav"}, {"filename": "kept.wav"}])
    anna, bert = Person(house, "officer"), Person(house, "officer")
    path = placed(anna, [gone, kept])
    asked = anna.send(f"{path}/release", [gone], reason="not part of it")
    assert "Release 1 recording from the legal hold" in asked.text
    assert "gone.wav" in asked.text and "kept.wav" not in asked.text
    approve(bert, re.search(r"/approvals/[0-9a-f-]{36}$", asked.url)[0])
    assert held(house, path) == {kept}
    again = anna.send(f"{path}/release", [gone], reason="not part of it")
    assert again.status_code == 409 and "It has changed meanwhile" in again.text
    with_it = anna.send("/holds/add", [gone], case=path.rpartition("/")[2])
    assert with_it.status_code == 409 and "need a new case" in with_it.text


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": " "}, "Give the case a name."),
        ({"reason": ""}, "Say why it is held."),
        ({"review_on": "31.1.2027"}, "Write a day as"),
        ({"review_on": "2020-01-31"}, "This day is over."),
        ({"number": "12\x07"}, "Write it in letters, digits and signs."),
    ],
)
def test_what_is_missing_is_said_at_the_field_and_nothing_is_lost(
    house: Portal, wrong: dict[str, str], sentence: str
) -> None:
    ids = recorded(house, [{}])
    anna = Person(house, "officer")
    answer = anna.send("/holds", ids, **(ABOUT | wrong))
    assert answer.status_code == 400 and sentence in answer.text
    for name, typed in ABOUT.items():
        assert name in wrong or typed in answer.text
    assert re.findall(r'name="id" value="([^"]+)"', answer.text)[:1] == ids
    assert house.rows("SELECT 1 FROM legal_hold WHERE recording_id = ?", ids[0]) == []


def test_a_review_is_written_down_and_an_overdue_one_marked(house: Portal) -> None:
    anna = Person(house, "officer")
    path = placed(anna, recorded(house, [{}]), review_on="2999-01-31")
    assert "Overdue" not in anna.get(path).text
    with house.app.app_context():
        late = text("UPDATE legal_case SET review_on = '2026-01-01' WHERE id = :id")
        db.session.execute(late, {"id": path.rpartition("/")[2]})
        db.session.commit()
    assert "Overdue" in anna.get(path).text and "Overdue" in anna.get("/holds").text
    assert anna.post(f"{path}/review", review_on="tomorrow").status_code == 400
    assert "The review is written down." in anna.post(f"{path}/review", review_on="2999-12-31").text
    assert "Overdue" not in anna.get(path).text and "Legal hold reviewed" in anna.get(path).text


@pytest.mark.parametrize("role", ["admin", "auditor", "reviewer", "uploader"])
def test_who_may_not_hold_sees_no_cases(house: Portal, role: str) -> None:
    ids = recorded(house, [{}])
    path = placed(Person(house, "officer"), ids)
    person = Person(house, role)
    for address in ("/holds", "/holds/new", path):
        assert person.get(address).status_code == 403
    for address in ("/holds", "/holds/add", f"{path}/release", f"{path}/review"):
        sent = {**ABOUT, "case": path.rpartition("/")[2], "whole": "1"}
        assert person.send(address, ids, **sent).status_code == 403
    assert held(house, path) == set(ids)
    assert "Place a legal hold" not in person.get("/recordings").text


@pytest.mark.parametrize("path", ["/holds/nothing", "/holds/00000000-0000-7000-8000-000000000000"])
def test_no_such_case(house: Portal, path: str) -> None:
    assert Person(house, "officer").get(path).status_code == 404


def test_the_menus_entry_leads_to_the_first_page_that_one_may_open(house: Portal) -> None:
    for role, path in (
        ("officer", "/retention"),
        ("admin", "/retention"),
        ("source_owner", "/approvals"),
        ("reviewer", None),
    ):
        page = Person(house, role).get("/recordings").text
        entry = re.search(r'<a href="([^"]+)">\s*<svg[^>]*>.*?</svg>\s*Retention</a>', page)
        assert (entry and entry[1]) == path
    page = Person(house, "officer").get("/approvals").text
    assert 'href="/holds">Legal holds</a>' in page
    assert re.search(r'href="/approvals" aria-current="true">Approvals</a>', page)


def test_a_case_has_the_owner_that_was_chosen_and_gets_another(house: Portal) -> None:
    anna, bob, admin = Person(house, "officer"), Person(house, "officer"), Person(house, "admin")
    ids = {row["email"]: row["id"] for row in house.rows("SELECT id, email FROM user")}
    one = recorded(house, [{}])
    form = anna.send("/holds/new", one).text
    assert f'value="{ids[anna.email]}" selected' in form and admin.email not in form
    refused = anna.send("/holds", one, **ABOUT, owner=ids[admin.email])
    assert refused.status_code == 400 and "who may place legal holds" in refused.text
    assert ABOUT["name"] in refused.text, "nothing that was typed is lost"
    path = placed(anna, one, owner=ids[bob.email])
    assert f"<dd>{bob.email}</dd>" in anna.get(path).text
    assert anna.post(f"{path}/owner", owner="nobody").status_code == 400
    page = bob.post(f"{path}/owner", owner=ids[anna.email]).text
    assert f"<dd>{anna.email}</dd>" in page and "given to another owner" in page
    assert admin.post(f"{path}/owner", owner=ids[bob.email]).status_code == 403
