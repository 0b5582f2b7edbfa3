"""The recording's page in a real Chromium: playing, what it is logged as, notes, keys, links."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.conftest import Portal
from tests.core.test_content import remuxed
from tests.e2e.conftest import by_tuspy
from tests.e2e.looking import OpenPage, opened, play, until, violations
from tests.waiting import wait_for

TIME = "document.getElementById('media').currentTime"


@pytest.fixture
def call(uploaded: dict[str, str]) -> str:
    return uploaded["interview-room-2.m4a"]


def plays(portal: Portal, recording_id: str) -> int:
    query = "SELECT 1 FROM play_session WHERE recording_id = ?"
    return len(portal.rows(query, recording_id))


def last_play(portal: Portal, recording_id: str) -> dict[str, Any]:
    query = "SELECT * FROM play_session WHERE recording_id = ? ORDER BY id DESC LIMIT 1"
    return portal.rows(query, recording_id)[0]


def test_to_open_the_page_is_not_to_play_and_one_click_or_key_is(
    open_page: OpenPage, portal: Portal, call: str
) -> None:
    page, asked = open_page(), []
    page.on("request", lambda request: asked.append(request.url))
    before = plays(portal, call)
    page.goto(f"/recordings/{call}#t=42", wait_until="networkidle")
    expect(page.locator("#clock")).to_have_text("0:42 / 1:30")
    until(page, "peaks.length === 1000")
    assert plays(portal, call) == before and not [each for each in asked if "/media" in each]
    page.get_by_role("button", name="Play", exact=True).click()
    until(page, f"{TIME} > 42.3")
    expect(page.get_by_role("button", name="Play", exact=True)).to_have_count(0)
    assert plays(portal, call) == before + 1
    page.goto("/recordings")
    page.goto(f"/recordings/{call}")
    page.keyboard.press("5")
    page.keyboard.press("l")
    until(page, f"Math.abs({TIME} - 55) < 0.3 && document.getElementById('media').readyState > 0")
    assert plays(portal, call) == before + 2, "two keys, one beginning"


def test_a_key_before_the_first_byte_moves_on_from_the_place_before(
    open_page: OpenPage, call: str
) -> None:
    page, held = open_page(), []
    page.route("**/media*", lambda route: held.append(route))
    page.goto(f"/recordings/{call}")
    page.keyboard.press("5")
    until(page, "document.getElementById('media').networkState === 2")
    page.keyboard.press("l")
    wait_for(lambda: page.title() and held)
    for route in held:
        route.continue_()
    until(page, f"Math.abs({TIME} - 55) < 0.3 && document.getElementById('media').readyState > 0")


def test_what_is_played_is_what_the_log_says_was_heard(
    open_page: OpenPage, portal: Portal, call: str
) -> None:
    page = opened(open_page(), call)
    page.evaluate(f"{TIME} = 20")
    until(page, "!document.getElementById('media').seeking")
    play(page)
    until(page, f"{TIME} > 22")
    page.evaluate("document.getElementById('media').pause()")
    [[start, stop]] = wait_for(lambda: json.loads(last_play(portal, call)["heard"]))
    assert 19_500 < start < 20_600 and 21_500 < stop < 23_500


def test_leaving_the_page_tells_the_rest_and_closes_the_session(
    open_page: OpenPage, portal: Portal, call: str
) -> None:
    page = opened(open_page(), call)
    play(page)
    until(page, f"{TIME} > 1.5")
    page.goto("/recordings")
    row = wait_for(lambda: (row := last_play(portal, call))["closed_at"] and row)
    [[start, stop]] = json.loads(row["heard"])
    assert start < 700 and stop > 1200


@pytest.mark.parametrize(
    ("fragment", "second"), [("#t=42", 42), ("#t=1:05", 65), ("#t=0:00:07", 7)]
)
def test_a_link_leads_to_its_moment(
    open_page: OpenPage, call: str, fragment: str, second: int
) -> None:
    page = opened(open_page(), call, fragment)
    until(page, f"Math.abs({TIME} - {second}) < 0.5")


def test_a_link_to_this_moment_can_be_copied(open_page: OpenPage, call: str) -> None:
    page = open_page()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened(page, call, "#t=42")
    until(page, f"{TIME} > 41")
    page.get_by_role("button", name="Copy link at this time").click()
    until(page, "navigator.clipboard.readText().then((text) => text.endsWith('#t=42'))")


def test_the_keys_move_the_player_and_stay_out_of_fields(open_page: OpenPage, call: str) -> None:
    page = opened(open_page(), call)
    for key, second in (
        ("5", 45),
        ("l", 55),
        ("j", 45),
        ("ArrowRight", 50),
        ("Shift+ArrowLeft", 49),
    ):
        page.keyboard.press(key)
        until(page, f"Math.abs({TIME} - {second}) < 0.3")
    page.keyboard.press(">")
    assert page.evaluate("document.getElementById('media').playbackRate") == 1.25
    page.keyboard.press("[")
    expect(page.get_by_label("From")).to_have_value("0:49")
    page.get_by_label("Note", exact=True).focus()
    page.keyboard.type("5jlk")
    assert abs(page.evaluate(TIME) - 49) < 0.3


def test_the_sheet_of_keys_opens_with_a_question_mark_and_can_switch_them_off(
    open_page: OpenPage, call: str
) -> None:
    page = opened(open_page(), call)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.get_by_label("These keys work on this page").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("5")
    page.reload()
    page.keyboard.press("5")
    page.wait_for_timeout(300)
    assert page.evaluate(TIME) == 0


def test_a_note_is_written_seen_sought_and_deleted_while_the_recording_plays(
    open_page: OpenPage, call: str
) -> None:
    page = opened(open_page(), call)
    play(page)
    page.get_by_label("Note", exact=True).fill("Here the caller names the account.")
    page.get_by_label("From").fill("0:30")
    page.get_by_label("To (optional)").fill("0:36")
    page.get_by_role("button", name="Save the note").first.click()
    expect(page.locator(".notes .words")).to_have_text("Here the caller names the account.")
    assert not page.evaluate("document.getElementById('media').paused"), "it plays on"
    page.locator("#lane").get_by_role("button").click()
    until(page, f"Math.abs({TIME} - 30) < 2")
    page.get_by_role("link", name="Change").click()
    page.get_by_role("button", name="Delete this note").click()
    expect(page.get_by_text("No notes yet.")).to_be_visible()
    expect(page.locator("#lane button")).to_have_count(0)


def test_the_tabs_change_without_stopping_the_player(open_page: OpenPage, call: str) -> None:
    page = opened(open_page(), call)
    play(page)
    for tab, shown in (
        ("Access", "still open"),
        ("Integrity", "Last verification"),
        ("Metadata", "Number"),
    ):
        page.locator(".tabs").get_by_role("link", name=tab, exact=True).click()
        expect(page.locator("#panel").get_by_text(shown).first).to_be_visible()
    assert "tab=metadata" in page.url
    assert not page.evaluate("document.getElementById('media').paused")


def test_a_key_marks_as_reviewed_for_this_person_alone(open_page: OpenPage, call: str) -> None:
    page = opened(open_page(), call)
    page.keyboard.press("r")
    expect(page.get_by_role("button", name="Withdraw")).to_be_visible()
    page.get_by_label("Outcome").select_option("finding")
    page.get_by_role("heading", level=1).click()
    with page.expect_response("**/review"):
        page.keyboard.press("r")
    expect(page.locator(".reviewed li")).to_contain_text("Finding")
    other = opened(open_page("reviewer"), call)
    expect(other.get_by_role("button", name="Mark as reviewed")).to_be_visible()
    page.get_by_role("button", name="Withdraw").click()
    expect(page.get_by_role("button", name="Mark as reviewed")).to_be_visible()


def test_a_file_that_is_missing_is_named_as_the_cause(
    open_page: OpenPage, portal: Portal, token: str, media: Callable[..., Path]
) -> None:
    call = by_tuspy(portal, token, media("call-sales-0815.wav"), "gone.wav")
    stored = portal.data / "store" / portal.recording(call)["key"]
    stored.rename(stored.with_suffix(".away"))
    page = open_page()
    page.goto(f"/recordings/{call}")
    page.get_by_role("button", name="Play", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("missing in the storage")
    stored.with_suffix(".away").rename(stored)
    page.get_by_role("button", name="Try again").click()
    until(page, "document.getElementById('media').readyState > 0")
    expect(page.get_by_role("alert")).to_be_hidden()


def test_a_format_that_the_browser_cannot_play_may_be_saved(
    open_page: OpenPage, portal: Portal, token: str, media: Callable[..., Path], tmp_path: Path
) -> None:
    file = remuxed(media("rdp-finance-server-2026.mp4"), tmp_path / "v", "mpegts")
    call = by_tuspy(portal, token, file, "camera.ts")
    portal.recording(call)
    for role, may in (("auditor", 1), ("reviewer", 0)):
        page = open_page(role)
        page.goto(f"/recordings/{call}")
        page.get_by_role("button", name="Play", exact=True).click()
        problem = page.get_by_role("alert")
        expect(problem).to_contain_text("cannot play this format")
        expect(problem.get_by_role("link", name="Save the original")).to_have_count(may)
    page = open_page()
    page.goto(f"/recordings/{call}")
    page.get_by_role("button", name="Play", exact=True).click()
    with page.expect_download() as saved:
        page.get_by_role("alert").get_by_role("link", name="Save the original").click()
    assert saved.value.path().read_bytes() == file.read_bytes()


def test_acceptance_19_the_page_passes_by_keyboard_and_its_slider_has_a_text(
    open_page: OpenPage, call: str
) -> None:
    page = opened(open_page(), call)
    slider = page.get_by_role("slider", name="Position")
    expect(slider).to_have_attribute("aria-valuetext", "0:00 / 1:30")
    slider.focus()
    page.keyboard.press("PageUp")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("^0:30 / 1:30$"))
    for tab in ("Notes", "Access", "Integrity", "History", "Metadata"):
        page.locator(".tabs").get_by_role("link", name=tab, exact=True).focus()
        page.keyboard.press("Enter")
        expect(page.locator(".tabs").get_by_role("link", name=tab, exact=True)).to_have_attribute(
            "aria-current", "true"
        )
        assert violations(page) == [], tab
    page.keyboard.press("?")
    assert violations(page) == []
