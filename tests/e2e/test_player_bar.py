"""The player's bar in a real Chromium: the picture and the time of the moment one points at."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import Portal
from tests.e2e.looking import OpenPage, until
from tests.e2e.test_player import opened

SHOWN = "document.getElementById('preview-picture')"


@pytest.fixture
def film(uploaded: dict[str, str]) -> str:
    return uploaded["rdp-finance-server-2026.mp4"]


def point_at(page: Page, share: float) -> None:
    box = page.locator("#waveform").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)


def test_pointing_at_the_bar_shows_the_picture_and_the_time(open_page: OpenPage, film: str) -> None:
    page = opened(open_page(), film)
    expect(page.locator("#preview")).to_be_hidden()
    point_at(page, 0.501)
    expect(page.locator("#preview")).to_be_visible()
    expect(page.locator("#preview-time")).to_have_text("0:45")
    until(page, f"{SHOWN}.offsetWidth === 160 && {SHOWN}.offsetHeight === 90")
    place = page.evaluate(f"getComputedStyle({SHOWN}).backgroundPosition")
    assert place.startswith("0% 55.5"), "the 51st of the sheet: first of the sixth row"
    point_at(page, -0.1)
    expect(page.locator("#preview")).to_be_hidden()


def test_the_preview_stays_inside_at_both_ends(open_page: OpenPage, film: str) -> None:
    page = opened(open_page(width=390), film)
    page.locator("#waveform").scroll_into_view_if_needed()
    for share in (0.005, 0.995):
        point_at(page, share)
        until(page, f"{SHOWN}.offsetWidth === 160")
        box, bar = (page.locator(each).bounding_box() for each in ("#preview", "#waveform"))
        assert box and bar and box["x"] >= bar["x"] - 1
        assert box["x"] + box["width"] <= bar["x"] + bar["width"] + 1


def test_the_keyboard_shows_it_too_and_escape_hides_it(open_page: OpenPage, film: str) -> None:
    page = opened(open_page(), film)
    page.locator("#media").focus()
    page.keyboard.press("5")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "waveform":
            break
    expect(page.locator("#preview-time")).to_have_text("0:45")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#preview-time")).to_have_text("0:50")
    page.keyboard.press("Escape")
    expect(page.locator("#preview")).to_be_hidden()


def test_sound_and_films_without_pictures_show_the_time_alone(
    open_page: OpenPage, portal: Portal, uploaded: dict[str, str]
) -> None:
    page = opened(open_page(), uploaded["interview-room-2.m4a"])
    point_at(page, 0.5)
    expect(page.locator("#preview-time")).to_have_text("0:45")
    expect(page.locator("#preview-picture")).to_be_hidden()
