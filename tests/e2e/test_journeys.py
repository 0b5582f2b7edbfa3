"""What people do with the portal, in a real Chromium."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Response, expect

from tests.conftest import PASSWORD, Portal, Tus
from tests.e2e.looking import OpenPage, play, until


@pytest.mark.parametrize(
    "name",
    [
        "rdp-finance-server-2026.mp4",
        "practice-violin.webm",
        "call-support-4711.aac",
        "interview-room-2.m4a",
    ],
)
def test_an_auditor_signs_in_finds_a_recording_plays_it_and_seeks(
    open_page: OpenPage, uploaded: dict[str, str], name: str
) -> None:
    page = open_page()
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer) if "/media" in answer.url else None)
    page.get_by_role("link", name="Recordings", exact=True).click()
    page.get_by_role("searchbox").fill(name)
    page.get_by_role("searchbox").press("Enter")
    page.get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    play(page)
    page.evaluate("document.getElementById('media').currentTime = 70")
    until(page, "document.getElementById('media').currentTime > 70.2")
    assert {answer.status for answer in answers} == {206}
    expect(page.locator("#clock")).to_have_text(re.compile(r"^1:1\d / 1:30$"))


def test_the_waveform_seeks_by_mouse_and_by_keyboard(
    open_page: OpenPage, uploaded: dict[str, str]
) -> None:
    page = open_page()
    page.goto(f"/recordings/{uploaded['call-support-4711.aac']}")
    slider = page.get_by_role("slider", name="Position")
    box = slider.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    until(page, "Math.abs(document.getElementById('media').currentTime - 45) < 2")
    slider.focus()
    page.keyboard.press("ArrowRight")
    until(page, "Math.abs(document.getElementById('media').currentTime - 50) < 2")
    page.keyboard.press("Home")
    until(page, "document.getElementById('media').currentTime < 1")
    expect(slider).to_have_attribute("aria-valuetext", "0:00 / 1:30")


def test_skipping_and_speed(open_page: OpenPage, uploaded: dict[str, str]) -> None:
    page = open_page()
    page.goto(f"/recordings/{uploaded['interview-room-2.m4a']}")
    page.get_by_role("button", name="10 s forward").click()
    page.get_by_role("button", name="10 s forward").click()
    page.get_by_role("button", name="10 s back").click()
    until(page, "document.getElementById('media').currentTime === 10")
    page.get_by_label("Speed").select_option("2")
    assert page.evaluate("document.getElementById('media').playbackRate") == 2


def test_acceptance_19_the_whole_way_by_keyboard_alone(open_page: OpenPage, portal: Portal) -> None:
    page = open_page(role=None)
    page.goto("/recordings")
    page.keyboard.type(portal.person("auditor"))
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/recordings")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/recordings/*")


def test_an_upload_shows_while_it_arrives_without_reloading(open_page: OpenPage, tus: Tus) -> None:
    page = open_page("admin")
    page.goto("/uploads")
    path = tus.begin(1000, "filename bGl2ZS5tcDQ=")
    tus.patch(path, 0, b"x" * 250)
    expect(page.get_by_text("live.mp4")).to_be_visible(timeout=10_000)
    tus.patch(path, 250, b"x" * 250)
    bar = page.get_by_role("progressbar", name="live.mp4")
    expect(bar).to_have_attribute("value", "500", timeout=10_000)


def test_acceptance_24_nothing_is_asked_of_any_other_host_and_no_policy_is_broken(
    open_page: OpenPage, portal: Portal, uploaded: dict[str, str]
) -> None:
    page = open_page()
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for path in (
        "/",
        "/recordings",
        "/uploads",
        "/audit",
        "/audit/chain",
        f"/recordings/{uploaded['practice-violin.webm']}",
    ):
        page.goto(path)
        page.wait_for_load_state("networkidle")
    assert [url for url in asked if not url.startswith(portal.url)] == []
    assert complaints == []


@pytest.mark.parametrize(("width", "shown"), [(390, "above"), (1440, "beside")])
def test_the_facts_are_found_without_scrolling_past_the_notes(
    open_page: OpenPage, uploaded: dict[str, str], width: int, shown: str
) -> None:
    page = open_page(width=width)
    page.goto(f"/recordings/{uploaded['practice-violin.webm']}")
    stage = page.get_by_role("region", name="Player").bounding_box()
    facts = page.get_by_role("complementary", name="About this recording").bounding_box()
    notes = page.get_by_role("link", name="Notes", exact=True).bounding_box()
    assert notes["y"] > stage["y"] + stage["height"]
    if shown == "above":
        assert facts["y"] + facts["height"] < notes["y"]
    else:
        assert facts["y"] == stage["y"] and facts["x"] + facts["width"] < stage["x"]
        assert notes["y"] < stage["y"] + stage["height"] + 60
