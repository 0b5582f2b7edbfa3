"""The start page in a real Chromium: by keyboard, and how it looks to each kind of people."""

from __future__ import annotations

import sqlite3
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from portal.core.transaction import utc_now
from tests.conftest import PASSWORD, Portal, Tus
from tests.e2e.conftest import sign_in
from tests.e2e.filling import fill_the_log, fill_the_uploads
from tests.e2e.looking import Look, OpenPage, Picture, in_every_look, look_at
from tests.web.browsing import Person
from tests.web.home_facts import played
from tests.web.listing import recorded


@pytest.fixture(scope="module")
def house(portal: Portal, uploaded: dict[str, str], token: str) -> dict[str, str]:
    """What fills the page: two weeks of calls, uploads under way and failed, a sealed log."""
    now = utc_now()
    calls = [
        {"received_at": now - timedelta(days=number % 13, minutes=number), "source": "calls"}
        for number in range(60)
        if number % 13 not in (4, 5) and (number % 7 or number < 20)
    ]
    recorded(portal, calls)
    fill_the_uploads(Tus(portal, token))
    fill_the_log(portal)
    return uploaded


@pytest.fixture
def auditor(portal: Portal, house: dict[str, str]) -> Person:
    """Somebody who was here yesterday, has played two recordings and exported a list."""
    person = Person(portal, "auditor")
    query = "UPDATE login_session SET created_at = datetime('now', '-1 day') WHERE user_id = ?"
    [user] = portal.rows("SELECT id FROM user WHERE email = ?", person.email)
    with sqlite3.connect(portal.data / "portal.sqlite3", timeout=20) as connection:
        connection.execute(query, [user["id"]])
    played(portal, person, house["call-support-4711.aac"], [[0, 90_000]], 90_000)
    played(portal, person, house["rdp-finance-server-2026.mp4"], [[0, 42_000]], 90_000)
    assert person.get("/recordings/export.csv?source=tus").ok
    return person


def test_by_keyboard_from_the_sign_in_to_where_one_stopped(
    open_page: OpenPage, portal: Portal, auditor: Person
) -> None:
    page = open_page(role=None)
    page.goto("/login")
    expect(page.locator("#email")).to_be_focused()
    page.keyboard.type(auditor.email)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # skip to the content
    page.wait_for_url("**/#*")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Waiting for review")).to_be_focused()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "rdp-finance-server-2026.mp4":
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**#t=42")


def test_the_bars_can_be_read_as_a_table_by_keyboard(
    open_page: OpenPage, house: dict[str, str]
) -> None:
    page = open_page("reviewer")
    summary = page.get_by_text("As a table")
    summary.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("table")).to_be_visible()
    expect(page.get_by_role("row")).to_have_count(15)
    expect(page.locator(".bar-of")).to_have_count(14)


@in_every_look
def test_the_start_page_of_each_is_accessible_and_fits_its_screen(
    open_page: OpenPage,
    portal: Portal,
    auditor: Person,
    token: str,
    picture: Picture,
    look: Look,
) -> None:
    page = open_page(role=None, **look.window)
    sign_in(page, auditor.email)
    look_at(page, "/", f"home-auditor-{look}", picture)
    page.locator(".numbers summary").click()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    look_at(open_page("admin", **look.window), "/", f"home-admin-{look}", picture)
    [sender] = portal.rows("SELECT email FROM user WHERE id = ?", _owner(portal, token))
    page = open_page(role=None, **look.window)
    sign_in(page, sender["email"])
    look_at(page, "/", f"home-uploader-{look}", picture)
    look_at(open_page("uploader", **look.window), "/", f"home-first-{look}", picture)


def _owner(portal: Portal, token: str) -> str:
    identity = token.removeprefix("rp_").partition("_")[0]
    [row] = portal.rows("SELECT user_id FROM token WHERE id = ?", identity)
    return str(row["user_id"])
