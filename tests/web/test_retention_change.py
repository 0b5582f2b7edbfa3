"""Retention rules change on the pages with a preview, a reason and, if shorter, two people."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from portal.core.retention.deciding import Rule
from tests.conftest import Portal, wait_for
from tests.web.browsing import Person
from tests.web.listing import recorded
from tests.web.retaining import CALLS, change, form, house, in_force, running_house, send

__all__ = ["house", "running_house"]


def test_the_way_of_a_new_policy_through_two_people(house: Portal) -> None:
    anna, bert = Person(house, "admin"), Person(house, "officer")
    assert "Nothing is ever deleted by itself" in anna.get("/retention").text
    preset = send(anna, "edit", base="0", act="preset:sac").text
    assert 'value="SAC"' in preset and "no legal advice" in preset
    preview = send(anna, "edit", CALLS, base="0", act="preview").text
    assert "a second person has to approve this" in preview and 'name="base" value="0"' in preview
    asked = change(anna, 0, CALLS)
    assert re.search(r"/approvals/[0-9a-f-]{36}$", asked.url) and "Take it back" in asked.text
    path = asked.url.removeprefix(house.url)
    page = bert.get(path).text
    assert "after 180 days" in page and "There were none." in page and "Calls" in page
    sha256 = re.search(r'name="sha256" value="([0-9a-f]{64})"', page)[1]
    assert "Approved" in bert.post(f"{path}/approve", sha256=sha256).text
    rules = anna.get("/retention").text
    assert "Version 1" in rules and "after 180 days" in rules and "the approval" in rules


def test_lengthening_is_in_force_at_once_and_planned_by_a_worker(
    own_portal: Callable[..., Portal],
) -> None:
    portal = own_portal()
    [call] = recorded(portal, [{"source": "calls"}])
    in_force(portal, Rule("Calls", "calls", keep_days=90, delete_days=36_000))
    anna = Person(portal, "officer")
    longer = CALLS | {"delete": "36500"}
    assert "Nothing goes sooner than today" in send(anna, "edit", longer, base="1").text
    assert "The new rules are in force." in change(anna, 1, longer).text
    query = "SELECT planned_policy, delete_at FROM recording WHERE id = ? AND planned_policy = 2"
    [row] = wait_for(lambda: portal.rows(query, call))
    assert row["delete_at"].startswith("2126-")


def test_every_wrong_field_is_told_and_nothing_typed_is_lost(house: Portal) -> None:
    anna = Person(house, "admin")
    wrong = {"name": " ", "tag": "<b>x</b>", "min": "5", "max": "2", "keep": "x", "delete": "0"}
    answer = send(anna, "edit", CALLS, CALLS | {"delete": "7.5"}, wrong, base="0")
    page = answer.text
    assert answer.status_code == 400
    for sentence in (
        "Give the rule a name",
        "Another rule has this name already",
        "Write whole days",
        "The largest size is smaller",
    ):
        assert sentence in page
    assert 'value="7.5"' in page and 'value="&lt;b&gt;x&lt;/b&gt;"' in page
    assert page.count('aria-invalid="true"') == page.count('class="field-problem"') == 6
    assert policies_of(house) == []


def policies_of(house: Portal) -> list[dict[str, Any]]:
    return house.rows("SELECT number FROM retention_policy")


def test_rows_are_added_moved_and_removed_without_scripts(house: Portal) -> None:
    anna = Person(house, "admin")
    two = [{"name": "first"}, {"name": "second"}]

    def names(act: str) -> list[str]:
        return re.findall(
            r'name="name" value="([^"]*)"', send(anna, "edit", *two, base="0", act=act).text
        )

    assert names("add") == ["first", "second", ""]
    assert names("up:1") == ["second", "first"]
    assert names("remove:0") == ["second"]
    for odd in ("up:0", "remove:9", "preset:x", "remove:-1", "nonsense"):
        assert names(odd) == ["first", "second"]


def test_the_second_of_two_editors_is_told_and_keeps_what_they_typed(house: Portal) -> None:
    in_force(house, Rule("Calls", "calls", keep_days=90, delete_days=180))
    anna, bert = Person(house, "admin"), Person(house, "officer")
    assert "in force" in change(bert, 1, CALLS | {"keep": "100"}).text
    for answer in (
        change(anna, 1, CALLS | {"keep": "120"}),
        send(anna, "edit", CALLS | {"keep": "120"}, base="1"),
    ):
        assert answer.status_code == 409
        assert f"{bert.email} has changed the rules meanwhile" in answer.text
        assert 'value="120"' in answer.text and 'name="base" value="2"' in answer.text
    assert "in force" in change(anna, 2, CALLS | {"keep": "120"}).text
    assert len(policies_of(house)) == 3


def test_deleting_much_is_asked_again(house: Portal) -> None:
    recorded(house, [{"source": "calls"}] * 3 + [{"source": "tus"}] * 3)
    in_force(house)
    anna = Person(house, "admin")
    soon = CALLS | {"keep": "1", "delete": "1"}
    preview = send(anna, "edit", soon, base="1").text
    assert "Type how many more than today: 3" in preview and "recording-0.wav" in preview
    for typed in ("", "2", "many"):
        again = change(anna, 1, soon, typed=typed)
        assert again.status_code == 409 and "Type the number of recordings" in again.text
        assert ">the law</textarea>" in again.text
    assert "/approvals/" in change(anna, 1, soon, typed=" 3 ").url
    no_reason = change(anna, 1, soon, typed="3", reason=" ")
    assert no_reason.status_code == 400 and "Say why" in no_reason.text


def test_a_damaged_or_forged_form_changes_nothing(house: Portal) -> None:
    anna = Person(house, "admin")
    for damaged in (
        form(CALLS, base="x"),
        form(CALLS, base="0") | {"keep": ["1", "2"]},
        form(*[CALLS] * 51, base="0"),
    ):
        assert anna.post("/retention/edit", **damaged).status_code == 400
    hostile = {
        "name": "x\0",
        "source": "\0",
        "min": "1e999999",
        "max": "NaN",
        "keep": "٣",
        "delete": "-1",
    }
    answer = send(anna, "edit", hostile, base="0")
    assert answer.status_code == 400 and answer.text.count('class="field-problem"') == 6
    assert change(anna, 0, CALLS, reason="a\0b").status_code == 400
    forged = anna.session.post(f"{house.url}/retention/change", data=form(CALLS, base="0"))
    assert forged.status_code == 400
    assert anna.get("/retention?policy=9").status_code == 404
    assert anna.get("/retention?policy=x").status_code == 400
    assert policies_of(house) == []
