"""The list in a real Chromium: found, selected, tagged, by mouse and by keyboard alone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.conftest import Portal
from tests.e2e.looking import Look, OpenPage, Picture, in_every_look, look_at
from tests.web.listing import recorded

NAMES = ("rdp-finance.mp4", "call-claims-4712.wav", "call-sales-0815.wav")


@pytest.fixture(scope="module")
def ids(portal: Portal) -> list[str]:
    made = [{"filename": name, "details": {"wats_user": "João", "set": "list"}} for name in NAMES]
    return recorded(portal, made)


def test_two_are_selected_with_shift_tagged_after_a_preview_and_found_by_it(
    open_page: OpenPage, ids: list[str]
) -> None:
    page = open_page("officer")
    page.goto("/recordings?detail=set%3Dlist")
    page.get_by_label(f"Select {NAMES[2]}").click()
    page.get_by_label(f"Select {NAMES[0]}").click(modifiers=["Shift"])
    expect(page.locator("#selected")).to_have_text("Selected: 3")
    page.locator("#bulk input[name=tag]").fill("Reviewed twice")
    page.get_by_role("button", name="Add tag").click()
    expect(page.get_by_text("3 recordings change")).to_be_visible()
    page.get_by_role("button", name="Add tag").click()
    expect(page.get_by_role("status")).to_have_text("3 ok, 0 unchanged, 0 refused")
    page.goto("/recordings?q=twice+list")
    expect(page.locator(".item")).to_have_count(3)


def test_the_list_is_walked_selected_and_opened_by_single_keys(
    open_page: OpenPage, ids: list[str]
) -> None:
    page = open_page("officer")
    page.goto("/recordings?detail=set%3Dlist")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("jx?")
    expect(page.get_by_role("searchbox")).to_have_value("jx?")
    page.get_by_role("heading", name="Recordings", exact=True).click()
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("J")
    expect(page.locator("#selected")).to_have_text("Selected: 2")
    page.keyboard.press("Escape")
    expect(page.locator(".pick:checked")).to_have_count(0)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_label("Single keys do something").uncheck()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("k")
    expect(page.locator(".marked")).to_contain_text(NAMES[1])
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/recordings/{ids[1]}")


def test_a_key_marks_as_reviewed_and_keeps_the_outcome(open_page: OpenPage, ids: list[str]) -> None:
    page = open_page("officer")
    page.goto(f"/recordings/{ids[1]}")
    page.get_by_label("Outcome").select_option("escalated")
    page.get_by_role("button", name="Mark as reviewed").click()
    expect(page.get_by_role("button", name="Save the outcome")).to_be_visible()
    page.goto("/recordings?detail=set%3Dlist")
    for _ in range(2):
        page.keyboard.press("j")
        page.keyboard.press("r")
        expect(page.locator(".marked .reviewed")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("Marked as reviewed")
    page.reload()
    expect(page.locator(".reviewed").filter(visible=True)).to_have_count(2)
    page.goto("/recordings?detail=set%3Dlist&reviewed=me")
    expect(page.locator(".item")).to_have_count(2)
    page.goto("/recordings?detail=set%3Dlist&outcome=escalated")
    expect(page.locator(".item")).to_have_count(1)


def test_the_row_that_has_the_focus_is_the_one_that_keys_mean_and_space_selects_it(
    open_page: OpenPage, ids: list[str]
) -> None:
    page = open_page("officer")
    page.goto("/recordings?detail=set%3Dlist")
    page.keyboard.press(" ")
    expect(page.locator(".pick:checked")).to_have_count(0)
    page.get_by_role("link", name=NAMES[0]).focus()  # by Tab, not by j and k
    page.keyboard.press(" ")
    expect(page.get_by_label(f"Select {NAMES[0]}")).to_be_checked()
    page.get_by_label(f"Select {NAMES[1]}").focus()
    page.keyboard.press(" ")
    expect(page.locator(".pick:checked")).to_have_count(2)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Space")


def test_new_recordings_are_announced_and_move_nothing(
    open_page: OpenPage, portal: Portal, ids: list[str]
) -> None:
    page = open_page("officer")
    page.clock.install()
    page.goto("/recordings?detail=set%3Dlater")
    recorded(portal, [{"details": {"set": "later"}}])
    page.clock.run_for(16_000)
    link = page.get_by_role("link", name="1 new recording: show it")
    expect(link).to_be_visible()
    expect(page.locator(".item")).to_have_count(0)
    link.click()
    expect(page.locator(".item")).to_have_count(1)


@in_every_look
def test_every_view_of_the_list_is_accessible_and_fits_its_screen(
    open_page: OpenPage,
    uploaded: dict[str, str],
    ids: list[str],
    picture: Picture,
    look: Look,
) -> None:
    page = open_page("officer", **look.window)
    for address, name in (
        ("/recordings?view=cards", "cards"),
        ("/recordings?view=table&density=dense", "dense"),
        ("/recordings?source=calls&kind=image&min_minutes=5&density=roomy", "no-match"),
        ("/recordings?from=yesterday", "bad-filter"),
    ):
        look_at(page, address, f"recordings-{name}-{look}", picture)
    page.goto("/recordings")
    page.locator(".menu-filter summary").first.click()
    picture(page, f"recordings-menu-{look}")
    expect(page.locator(".menu-body").first).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
