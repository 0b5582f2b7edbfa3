"""The start page of people who play: what each role finds, and that numbers are those of lists."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from portal.core import holding, releasing, reviews
from portal.core.accounts import caller_for, user_by_email
from portal.core.audit import SYSTEM, Actor
from portal.core.models import new_id
from portal.core.roles import ROLE_MAY
from portal.core.transaction import utc_now
from portal.db import db
from portal.web.home import FACTS, TILES
from tests.conftest import PASSWORD, Portal
from tests.web.browsing import Person
from tests.web.home_facts import figures, in_department, played, scoped, titles

REVIEWING = {"Waiting for review", "On legal hold", "Received in the last 14 days",
             "Go on where you stopped", "Your last exports"}  # fmt: skip
INTEGRITY = {"Are the recordings what was received?"}
OPERATING = {"Uploads under way", "Failed in 24 hours", "Quarantined in 24 hours", "Jobs",
             "Audit log", "Storages", "Fullest disk"}  # fmt: skip
SENDING = {"Uploads under way", "What went wrong", "Your tokens"}
KEEPING = {"Marked, not yet deleted"}
DECIDING = {"Waiting for your decision"}
FOUND = {
    "admin": OPERATING | INTEGRITY | KEEPING | DECIDING,
    "officer": REVIEWING | INTEGRITY | KEEPING | DECIDING,
    "auditor": REVIEWING | INTEGRITY,
    "reviewer": REVIEWING,
    "source_owner": SENDING | {"Received in the last 14 days", "Go on where you stopped"},
    "uploader": SENDING,
}


@pytest.fixture
def department(portal: Portal) -> str:
    """A name that nothing else in the shared portal has."""
    return f"home {new_id()}"


def listed(person: Person, link: str) -> int:
    """How many recordings the page behind a tile lists."""
    return len(re.findall(r'<tr class="item"', person.get(link).text))


@pytest.mark.parametrize("role", list(ROLE_MAY))
def test_each_role_finds_its_tiles_and_no_others(
    portal: Portal, department: str, role: str
) -> None:
    in_department(portal, department, {})
    found = set(titles(Person(portal, role))) - {"Nothing has been received yet"}
    assert found == FOUND[role]


def test_no_role_is_shown_what_the_core_would_refuse() -> None:
    assert set(TILES) == set(ROLE_MAY)
    assert {name for names in TILES.values() for name in names} == set(FACTS)


def test_the_start_page_comes_first_in_the_menu_and_wants_a_sign_in(portal: Portal) -> None:
    person = Person(portal, "reviewer")
    menu = re.search(r'<nav class="menu".*?</nav>', person.get("/").text, re.DOTALL)[0]
    assert re.findall(r'<a href="([^"]+)"', menu)[:2] == ["/", "/recordings"]
    assert '<a href="/" aria-current="page">' in menu
    assert person.post("/logout").ok and "/login" in person.get("/").url


def test_every_number_is_that_of_its_list_and_of_the_scope_alone(
    portal: Portal, department: str
) -> None:
    rows = [{}, {}, {}, {"state": "quarantined"}, {"state": "deleted"}]
    mine = in_department(portal, department, *rows)
    theirs = in_department(portal, f"not {department}", {}, {})
    person = scoped(portal, "auditor", f"department:{department}")
    with portal.app.app_context():
        caller = caller_for(user_by_email(db.session, person.email), Actor("user", None, ""))
        reviews.mark(db.session, caller, mine[0], None)
        for each in (mine[1], mine[1], mine[2], theirs[0]):
            holding.hold(db.session, SYSTEM, each, "a case")
        releasing.end_holds(db.session, SYSTEM, mine[2])
    shown = figures(person)
    assert (shown["Waiting for review"].number, shown["On legal hold"].number) == ("3", "1")
    assert listed(person, shown["Waiting for review"].link) == 3
    assert listed(person, shown["On legal hold"].link) == 1
    assert re.findall(r"<b>([0-9]+)</b> (\w+)", person.get("/").text)[0] == ("4", "Verified")


def test_the_days_are_counted_as_the_list_counts_them(portal: Portal, department: str) -> None:
    today = utc_now().replace(hour=0, minute=0, second=0, microsecond=0)
    ages = (0, 0, 1, 13, 14)
    rows = [{"received_at": today - timedelta(days=age)} for age in ages]
    in_department(portal, department, *rows, {"state": "deleted"})
    in_department(portal, f"not {department}", {})
    person = scoped(portal, "reviewer", f"department:{department}")
    page = person.get("/").text
    table = re.search(r'<details class="numbers">.*?</details>', page, re.DOTALL)[0]
    days = re.findall(r'href="([^"]+)">[^<]+</a></th><td class="number">([0-9]+)', table)
    assert [int(number) for _, number in days] == [2, 1, *[0] * 11, 1]
    for link, number in days[:3]:
        assert listed(person, link.replace("&amp;", "&")) == int(number)
    assert page.count('class="bar-count"') == 3
    assert '<p class="figure-number">4</p>' in page


def test_what_is_new_is_counted_from_the_sign_in_before_this_one(
    portal: Portal, department: str
) -> None:
    person = scoped(portal, "auditor", f"department:{department}")
    in_department(portal, department, {"received_at": utc_now() - timedelta(hours=1)})
    assert "New since your last sign-in" not in figures(person)
    in_department(portal, department, {}, {})
    person.session.cookies.clear()
    assert person.sign_in(PASSWORD).ok
    assert figures(person)["New since your last sign-in"].number == "2"


def test_a_viewing_goes_on_where_it_stopped_and_is_nobody_elses(
    portal: Portal, department: str
) -> None:
    names = ("stopped.wav", "heard.wav", "opened.wav", "elsewhere.wav")
    made = in_department(portal, department, *({"filename": name} for name in names[:3]))
    other = in_department(portal, f"not {department}", {"filename": names[3]})
    person = scoped(portal, "auditor", f"department:{department}")
    for each, heard in zip([*made, *other], ([[0, 42_500]], [[0, 60_000]], [], []), strict=True):
        played(portal, person, each, heard)
    played(portal, person, made[2], [])
    page = person.get("/").text
    found = re.findall(r'href="(/recordings/[^"]+)">([a-z]+\.wav)</a>\s*<small>([^·]+) ·', page)
    assert found == [
        (f"/recordings/{made[2]}", "opened.wav", "opened, nothing heard yet"),
        (f"/recordings/{made[1]}", "heard.wav", "heard to the end"),
        (f"/recordings/{made[0]}#t=42", "stopped.wav", "heard up to 0:42 of 1:00"),
    ]
    colleague = scoped(portal, "auditor", f"department:{department}").get("/").text
    assert "stopped.wav" not in colleague


def test_ones_own_exports_lead_back_to_their_lists(portal: Portal, department: str) -> None:
    in_department(portal, department, {"kind": "audio"}, {"kind": "video"})
    person = scoped(portal, "auditor", f"department:{department}")
    assert person.get("/recordings/export.csv?kind=video").ok
    page = person.get("/").text
    assert '<a href="/recordings?kind=video">1 recording</a>' in page and "CSV ·" in page
    assert (
        "1 recording</a>" not in scoped(portal, "auditor", f"department:{department}").get("/").text
    )


def test_whoever_has_no_scope_is_told_whom_to_ask(portal: Portal, department: str) -> None:
    in_department(portal, department, {})
    page = scoped(portal, "auditor").get("/").text
    assert "No recordings are yours to see yet" in page and "curl" not in page
    assert "Waiting for review" not in page
