"""Tags for many recordings at once: shown first, done one by one, each told and written down."""

from __future__ import annotations

import re

import pytest

from portal.core import accounts
from portal.core.audit import SYSTEM
from portal.core.bulk import MOST
from portal.db import db
from tests.conftest import Portal
from tests.web.browsing import Person
from tests.web.listing import recorded

MISSING = "00000000-0000-7000-8000-000000000000"


def tagged(house: Portal, tag: str) -> set[str]:
    query = (
        "SELECT recording_id FROM recording_tag JOIN tag ON tag.id = recording_tag.tag_id "
        "WHERE tag.name = ?"
    )
    return {row["recording_id"] for row in house.rows(query, tag)}


def test_a_preview_changes_nothing_and_says_what_would(house: Portal) -> None:
    ids = recorded(house, [{}] * 12)
    officer = Person(house, "officer")
    page = officer.send("/recordings/tags/preview", [*ids, MISSING], tag="Preview me", act="add")
    assert "12 recordings change" in page.text and "1 refused" in page.text
    assert MISSING in page.text and "and 3 more" in page.text
    assert tagged(house, "preview me") == set()


def test_each_recording_is_told_and_has_its_own_event(house: Portal) -> None:
    ids = recorded(house, [{}] * 3)
    officer = Person(house, "officer")
    officer.send("/recordings/tags", ids[:1], tag="case 7", act="add")
    page = officer.send("/recordings/tags", [*ids, MISSING], tag="Case  7", act="add").text
    assert "2 ok, 1 unchanged, 1 refused" in page
    assert len(re.findall("Tag added", page)) == 2
    assert tagged(house, "case 7") == set(ids)
    query = "SELECT object_id FROM audit_event WHERE action = 'recording.tagged'"
    assert sorted(row["object_id"] for row in house.rows(query)) == sorted(ids)
    done = officer.send("/recordings/tags", ids, tag="case 7", act="remove")
    assert "3 ok, 0 unchanged, 0 refused" in done.text and tagged(house, "case 7") == set()


def test_all_that_the_list_has_means_all_that_fits_its_filters(house: Portal) -> None:
    ids = recorded(house, [{"department": "claims"}] * 60 + [{}])
    form = {"tag": "everything", "act": "add", "all": "1"}
    page = Person(house, "officer").send("/recordings/tags/preview?department=claims", [], **form)
    assert "60 recordings change" in page.text
    assert set(re.findall(r'name="id" value="([^"]+)"', page.text)) == set(ids[:60])


@pytest.mark.parametrize(
    ("ids", "form"),
    [
        (["x"], {"tag": "fine"}),
        ([MISSING] * (MOST + 1), {"tag": "fine"}),
        ([MISSING], {"tag": " "}),
        ([MISSING], {"tag": "x" * 65}),
        ([], {"tag": "fine"}),
    ],
)
def test_what_cannot_be_tagged_is_refused(
    house: Portal, ids: list[str], form: dict[str, str]
) -> None:
    assert Person(house, "officer").send("/recordings/tags", ids, **form).status_code == 400


@pytest.mark.parametrize("role", ["admin", "reviewer", "uploader"])
def test_who_may_not_label_tags_nothing(house: Portal, role: str) -> None:
    ids = recorded(house, [{}])
    person = Person(house, role)
    assert person.send("/recordings/tags", ids, tag="mine", act="add").status_code == 403
    assert tagged(house, "mine") == set() and "Add tag" not in person.get("/recordings").text


@pytest.mark.parametrize("act", ["tags/preview", "tags", "deletion/preview", "deletion"])
def test_acceptance_22_ids_beyond_the_scope_are_refused_and_each_is_an_event(
    house: Portal, act: str
) -> None:
    ids = recorded(house, [{"department": "sales"}] * 2)
    person = Person(house, "source_owner" if act.startswith("deletion") else "auditor")
    with house.app.app_context():
        accounts.set_scope(db.session, SYSTEM, person.email, ["department:finance"])
    person.send(f"/recordings/{act}", [*ids, MISSING], tag="mine", act="add", reason="gone")
    query = "SELECT object_id FROM audit_event WHERE action = 'authz.denied' AND actor_label = ?"
    assert sorted(row["object_id"] for row in house.rows(query, person.email)) == sorted(ids)
    assert tagged(house, "mine") == set()
