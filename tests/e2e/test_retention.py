"""Retention in a real Chromium: rules are changed by two people, and each page fits its screen."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from portal.core.audit import SYSTEM
from portal.core.models import RetentionRun
from portal.core.retention import planning, policies
from portal.core.retention.deciding import Rule
from portal.core.transaction import utc_now, writing
from portal.db import db
from tests.conftest import Portal
from tests.e2e.looking import Look, OpenPage, Picture, in_every_look, look_at, violations
from tests.web.listing import recorded

WHERE = "retention tests"


@pytest.fixture(scope="module")
def ids(portal: Portal) -> list[str]:
    """A kept, a marked and a deleted recording, rules that fit them alone, and two runs."""
    now = utc_now()
    of_ours = {"department": WHERE, "filename": "call-claims-4712.wav", "source": "calls"}
    gone = {"state": "deleted", "deleted_at": now, "deleted_by": "retention"}
    gone |= {"deletion_reason": "Retention rule “SAC” of policy 1", "marked_rule": "SAC"}
    marked = {"marked_at": now, "purge_at": now, "marked_rule": "SAC", "marked_policy": 1}
    young = {"received_at": now}
    made = recorded(portal, [of_ours | each for each in (young, marked, gone, {})])
    rules = [Rule("SAC", "calls", department=WHERE, keep_days=90, delete_days=180)]
    rules.append(Rule("Big films", "tus", "video", department=WHERE, min_size=10**9))
    with portal.app.app_context():
        with writing(db.session):
            policies.adopt(db.session, SYSTEM, rules, "Decreto 11.034/2022, see ticket 4711")
            for ended in (now, None):
                run = RetentionRun(policy=1, begun_at=now, ended_at=ended, purged=2, size=10**9)
                db.session.add(run)
        planning.plan_all(db.session)
    return made


def test_two_people_change_the_rules(open_page: OpenPage, ids: list[str]) -> None:
    anna, bert = open_page("admin"), open_page("officer")
    anna.goto("/retention")
    anna.get_by_role("link", name="Change the rules").click()
    first = anna.get_by_role("group", name="Rule 1")
    first.get_by_label("Delete after (days)").fill("ten")
    anna.keyboard.press("Enter")
    expect(anna.get_by_text("Write whole days")).to_be_visible()
    expect(first.get_by_label("Delete after (days)")).to_have_value("ten")
    first.get_by_label("Delete after (days)").fill("120")
    anna.get_by_role("button", name="Show what would happen").last.click()
    anna.get_by_label("Reason").fill("The ticket says 120.")
    anna.get_by_role("button", name="Ask for approval").click()
    expect(anna.get_by_text("You asked for this yourself")).to_be_visible()
    bert.goto(anna.url)
    expect(bert.get_by_text("after 120 days")).to_be_visible()
    bert.get_by_role("button", name="Approve").click()
    bert.goto("/retention")
    expect(bert.get_by_role("cell", name="after 120 days")).to_be_visible()
    expect(bert.get_by_text(re.compile("Version [0-9]+, in force since"))).to_be_visible()


@in_every_look
def test_every_page_of_retention_is_accessible_and_fits_its_screen(
    open_page: OpenPage,
    ids: list[str],
    picture: Picture,
    look: Look,
) -> None:
    page = open_page("officer", **look.window)
    for name, address in (
        ("retention", f"/retention?id={ids[0]}"),
        ("retention-edit", "/retention/edit"),
        ("retention-calendar", "/retention/calendar"),
        ("retention-runs", "/retention/runs"),
        ("retention-certificates", "/retention/certificates"),
        ("retention-certificate", f"/recordings/{ids[2]}/certificate"),
    ):
        look_at(page, address, f"{name}-{look}", picture)


def test_the_preview_is_accessible(open_page: OpenPage, ids: list[str]) -> None:
    page = open_page("officer", width=390)
    page.goto("/retention/edit")
    page.locator("input[name=delete]").first.fill("91")
    page.get_by_role("button", name="Show what would happen").last.click()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
