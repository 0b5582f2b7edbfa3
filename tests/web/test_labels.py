"""Tags and the department on a recording's page: seen by all, changed by those who may."""

from __future__ import annotations

import json

import pytest

from tests.conftest import Portal
from tests.web.browsing import Person, csrf
from tests.web.listing import recorded


@pytest.fixture
def call(portal: Portal) -> str:
    [made] = recorded(portal, [{}])
    return made


def events(portal: Portal, call: str, action: str) -> list[dict[str, object]]:
    query = "SELECT details FROM audit_event WHERE object_id = ? AND action = ? ORDER BY seq"
    return [json.loads(row["details"]) for row in portal.rows(query, call, action)]


def test_tags_and_the_department_are_changed_on_the_page(portal: Portal, call: str) -> None:
    person = Person(portal, "officer")
    path = f"/recordings/{call}/labels"
    assert "tag=fraud" not in person.get(f"/recordings/{call}").text
    assert "tag=fraud" in person.post(path, tag="fraud").text
    assert 'value="sales"' in person.post(path, department="sales").text
    part = person.session.post(
        portal.url + path,
        data={"csrf_token": csrf(person.get("/recordings").text), "remove": "fraud"},
        headers={"X-Part": "yes"},
    ).text
    assert "tag=fraud" not in part and 'value="sales"' in part and "<html" not in part
    assert 'value="sales"' not in person.post(path, department=" ").text
    assert [each["after"] for each in events(portal, call, "recording.tagged")] == [["fraud"], []]
    changes = [each["department"] for each in events(portal, call, "recording.metadata_changed")]
    assert changes == [{"before": None, "after": "sales"}, {"before": "sales", "after": None}]


def test_who_may_not_label_sees_both_and_changes_neither(portal: Portal, call: str) -> None:
    Person(portal, "officer").post(f"/recordings/{call}/labels", tag="fraud")
    reader = Person(portal, "source_owner")
    page = reader.get(f"/recordings/{call}").text
    assert "tag=fraud" in page and "/labels" not in page
    assert reader.post(f"/recordings/{call}/labels", tag="late").status_code == 403
    assert reader.post(f"/recordings/{call}/labels", department="sales").status_code == 403
    assert len(events(portal, call, "recording.tagged")) == 1


def test_what_is_no_label_is_refused(portal: Portal, call: str) -> None:
    person = Person(portal, "officer")
    for form in ({"tag": ""}, {"tag": "x" * 65}, {"department": "x\x00"}, {}):
        assert person.post(f"/recordings/{call}/labels", **form).status_code == 400, form
    assert events(portal, call, "recording.tagged") == []
