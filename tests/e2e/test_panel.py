"""The tabs below the player: what is typed there stays, and the last one chosen is shown."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.looking import OpenPage


@pytest.fixture
def page(open_page: OpenPage, uploaded: dict[str, str]) -> Page:
    opened = open_page("reviewer")
    opened.goto(f"/recordings/{uploaded['interview-room-2.m4a']}?tab=notes")
    return opened


def tab(page: Page, name: str) -> None:
    page.locator(".tabs").get_by_role("link", name=name, exact=True).click()


def test_a_typed_note_is_there_again_after_a_look_at_another_tab(page: Page) -> None:
    note = page.get_by_label("Note", exact=True)
    note.fill("half a sentence")
    page.get_by_label("From").fill("0:12")
    page.get_by_label("Others may read it").uncheck()
    tab(page, "Metadata")
    expect(note).to_have_count(0)
    tab(page, "Notes")
    expect(note).to_have_value("half a sentence")
    expect(page.get_by_label("From")).to_have_value("0:12")
    expect(page.get_by_label("Others may read it")).not_to_be_checked()
    page.get_by_role("button", name="Save the note").click()
    expect(page.locator(".notes .words")).to_have_text("half a sentence")
    expect(note).to_have_value("")
    tab(page, "Metadata")
    tab(page, "Notes")
    expect(page.locator(".notes .words")).to_have_count(1)
    expect(note).to_have_value("")


def test_a_slow_tab_is_given_up_for_the_one_chosen_after_it(page: Page) -> None:
    page.route("**/tab?tab=metadata", lambda route: None)  # it is never answered
    tab(page, "Metadata")
    with page.expect_event(
        "requestfailed", lambda asked: "tab=metadata" in asked.url, timeout=5000
    ):
        tab(page, "Notes")
    expect(page.get_by_label("Note", exact=True)).to_be_visible()
    expect(page.locator(".tabs [aria-current]")).to_have_text("Notes")
    assert "tab=notes" in page.url
