"""What keys change on the recording's page: what it shows, which clock, and which recording."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tusclient.client import TusClient

from tests.conftest import TUS, Portal, upload_id
from tests.e2e.looking import OpenPage, opened


@pytest.fixture
def call(uploaded: dict[str, str]) -> str:
    return uploaded["interview-room-2.m4a"]


@pytest.mark.parametrize(
    ("key", "shown", "button"), [("t", "#timeline", "Time line"), ("i", "#facts", "Facts")]
)
def test_a_part_is_hidden_by_key_or_button_and_stays_so(
    open_page: OpenPage, call: str, key: str, shown: str, button: str
) -> None:
    page = opened(open_page(), call)
    expect(page.locator(shown)).to_be_visible()
    page.keyboard.press(key)
    expect(page.locator(shown)).to_be_hidden()
    page.reload()
    expect(page.locator(shown)).to_be_hidden()
    again = page.get_by_role("button", name=button, exact=True)
    expect(again).to_have_attribute("aria-pressed", "false")
    again.click()
    expect(page.locator(shown)).to_be_visible()


def test_the_time_of_day_is_shown_where_the_recorder_told_its_beginning(
    open_page: OpenPage, portal: Portal, token: str, media: Callable[..., Path]
) -> None:
    call = sent_with(portal, token, media("call-sales-0815.wav"), start_time="2026-10-26T15:00:22")
    page = opened(open_page(), call, "#t=2")
    expect(page.locator("#clock")).to_have_text("0:02 / 0:04")
    page.keyboard.press("a")
    expect(page.locator("#clock")).to_have_text(re.compile(r"15:00:24|3:00:24"))
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Time of day")


def test_without_a_beginning_there_is_no_key_for_the_time_of_day(
    open_page: OpenPage, call: str
) -> None:
    page = opened(open_page(), call)
    page.keyboard.press("a")
    expect(page.locator("#clock")).to_have_text("0:00 / 1:30")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).not_to_contain_text("Time of day")


def sent_with(portal: Portal, token: str, file: Path, **details: str) -> str:
    """Uploads a file of which something is said."""
    client = TusClient(portal.url + TUS, headers={"Authorization": f"Bearer {token}"})
    uploader = client.uploader(str(file), metadata={"filename": "told.wav"} | details)
    uploader.upload()
    portal.recording(upload_id(uploader.url))
    return upload_id(uploader.url)


def test_the_sheet_names_every_key_that_there_is(open_page: OpenPage, call: str) -> None:
    page = opened(open_page(), call)
    page.keyboard.press("?")
    listed = page.locator("#keys kbd").all_inner_texts()
    known = page.evaluate("Object.keys(KEYS)")
    spelt = {key.replace("Arrow", "").replace("Left", "←").replace("Right", "→") for key in known}
    assert spelt - set("12345678") - {" ", "a"} <= set(listed), "a: only where there is a beginning"
    assert set(listed) - spelt == {"Space", "Alt+←", "Alt+→", "?", "g", "u"}


def test_keys_lead_from_any_page_to_any_and_are_switched_off_for_all(open_page: OpenPage) -> None:
    page = open_page()
    page.goto("/account")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_hidden()
    page.keyboard.press("g")
    page.keyboard.press("a")
    page.wait_for_url("**/audit*")
    page.keyboard.press("?")
    page.get_by_label("Single keys do something").uncheck()
    page.goto("/recordings")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_hidden()


def test_alt_and_an_arrow_walk_the_results_that_one_came_from(
    open_page: OpenPage, uploaded: dict[str, str]
) -> None:
    page = open_page()
    page.goto("/recordings?kind=video")
    listed = page.locator("#list .name a").evaluate_all("all => all.map(each => each.pathname)")
    assert len(listed) >= 2
    page.locator("#list .name a").first.click()
    page.wait_for_url(f"**{listed[0]}")
    page.keyboard.press("Alt+ArrowRight")
    page.wait_for_url(f"**{listed[1]}")
    page.get_by_role("button", name="Previous result").click()
    page.wait_for_url(f"**{listed[0]}")
    page.keyboard.press("Alt+ArrowLeft")
    expect(page.get_by_text("There are no more results")).to_be_visible()
    page.locator("#to-list").click()
    page.wait_for_url("**/recordings?kind=video")


def test_whoever_came_otherwise_has_no_results_to_walk(open_page: OpenPage, call: str) -> None:
    page = opened(open_page(), call)
    expect(page.get_by_role("button", name="Next result")).to_be_hidden()
