"""What administrators do in a real browser, and how their pages look."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.conftest import Portal
from tests.e2e.looking import Look, OpenPage, Picture, in_every_look, look_at

PAGES = {
    "people": "/people",
    "people-new": "/people/new",
    "system": "/system",
    "jobs": "/jobs",
    "storages": "/storages",
}


@in_every_look
def test_their_pages_are_accessible_and_fit_their_screen(
    open_page: OpenPage,
    portal: Portal,
    picture: Picture,
    look: Look,
) -> None:
    page = open_page(role="admin", **look.window)
    for name, address in PAGES.items():
        look_at(page, address, f"{name}-{look}", picture)
    email = portal.person("auditor")
    page.goto(f"/people?q={email}")
    page.get_by_role("link", name=email).click()
    page.locator("details summary").click()
    page.locator("#label").fill("Nightly export")
    page.locator("input[value=read]").check()
    page.locator("#networks").fill("192.0.2.0/24")
    page.locator("details button").click()
    expect(page.locator(".secret")).to_have_text(re.compile("^rp_"))
    look_at(page, page.url, f"person-{look}", picture)


def test_a_new_colleague_with_the_keyboard_alone(open_page: OpenPage) -> None:
    page = open_page(role="admin")
    page.goto("/people")
    page.get_by_role("link", name="New account").focus()
    page.keyboard.press("Enter")
    page.locator("#email").focus()
    page.keyboard.type("new.colleague@example.org")
    page.keyboard.press("Tab")
    page.keyboard.type("Aud")
    page.get_by_role("button", name="Make the account").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".secret")).to_have_text(re.compile(r"^[a-z2-9]{5}(-[a-z2-9]{5}){3}$"))
    expect(page.locator("h1")).to_have_text("new.colleague@example.org")
