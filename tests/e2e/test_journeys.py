"""What people do with the portal, in a real Chromium."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Response, expect

from portal.core import audit
from portal.core.audit import checking
from portal.db import db
from portal.storage import seal_key, seals_outside
from tests.conftest import PASSWORD, Portal, Tus, upload_id, wait_for
from tests.e2e.conftest import sign_in

ROOT = Path(__file__).parents[2]
OpenPage = Callable[..., Page]


def until(page: Page, expression: str) -> None:
    """Wait for JavaScript to be true. Playwright's own way needs eval, which our policy forbids."""
    wait_for(lambda: page.evaluate(expression), what=expression)


def play(page: Page) -> None:
    page.evaluate("document.getElementById('media').muted = true")
    page.evaluate("document.getElementById('media').play()")
    until(page, "document.getElementById('media').currentTime > 0.3")


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


PAGES = (
    "/login",
    "/recordings",
    "/uploads",
    "/recordings/{video}",
    "/recordings/{audio}",
    "/recordings/{audio}?tab=access",
    "/recordings/{audio}?tab=history",
    "/recordings/{audio}?tab=integrity",
    "/recordings/{audio}/record",
    "/integrity",
    "/audit?actor=olga.ferreira@example.org&from=2026-01-01T00:00",
    "/audit",
    "/audit/chain",
    "/account",
    "/404",
)


PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile Safari/604.1"
# Portuguese is wordier: where its words fit, on the narrowest screen, they fit everywhere.
LOOKS = [
    ("light-1440", "en-GB"),
    ("dark-1440", "en-GB"),
    ("light-390", "en-GB"),
    ("dark-390", "en-GB"),
    ("light-390", "pt-BR"),
]


@pytest.mark.parametrize(("look", "locale"), LOOKS)
def test_acceptance_19_every_page_is_accessible_and_fits_its_screen(
    open_page: OpenPage,
    uploaded: dict[str, str],
    tus: Tus,
    picture: Callable[[Page, str], None],
    look: str,
    locale: str,
) -> None:
    fill_the_uploads(tus)
    fill_the_log(tus.portal)
    theme, width = look.split("-")
    shown = look if locale == "en-GB" else f"{look}-{locale}"
    as_wanted = {"width": int(width), "theme": theme, "locale": locale}
    look_at(open_page(role=None, **as_wanted), "/login", f"login-{shown}", picture)
    page = open_page(**as_wanted)
    fill_the_account(page)
    for address in PAGES[1:]:
        target = address.format(
            video=uploaded["rdp-finance-server-2026.mp4"], audio=uploaded["call-support-4711.aac"]
        )
        name = address.strip("/").replace("recordings/{", "recording-").replace("}", "")
        name = name.replace("?tab=", "-").replace("/record", "-record")
        name = re.sub(r"[/?].*", "-chain" if "chain" in name else "-filtered", name)
        look_at(page, target, f"{name}-{shown}", picture)


def fill_the_uploads(tus: Tus) -> None:
    """One on its way, and one that fails: its checksum is not the declared one."""
    path = tus.begin(48_000_000, "filename cmRwLXBheXJvbGwtMjAyNi5tcDQ=")
    tus.patch(path, 0, bytes(17_000_000))
    declared = base64.b64encode(b"0" * 64).decode()
    path = tus.begin(4, f"filename Y2FsbC1jbGFpbXMtNDcxMi5vZ2c=,sha256 {declared}")
    tus.patch(path, 0, bytes(4))
    query = "SELECT 1 FROM upload WHERE id = ? AND state = 'failed'"
    wait_for(lambda: tus.portal.rows(query, upload_id(path)))


def fill_the_log(portal: Portal) -> None:
    """With a change, a denial, and a verified and sealed chain."""
    portal.cli("audit", "seal")
    with portal.app.app_context():
        check = checking.ask(db.session, audit.SYSTEM)
        checking.run(db.session, seals_outside, seal_key.public, check.id)
        officer = audit.Actor("user", "0190a1b2", "olga.ferreira@example.org", ip="203.0.113.77")
        change = audit.changed({"role": "reviewer", "tags": ["lgpd"]}, {"role": "auditor"})
        subject = ("user", "019aa0d4-62a8-7f37-b4ec-d5fdd0ea1b3c")
        audit.record_alone(db.session, officer, "user.created", subject, **change)
        audit.denied(db.session, officer, ("recording", "019aa0d4-62a8-7f37-b4ec-d5fdd0ea1b3c"))


def fill_the_account(page: Page) -> None:
    """A second session elsewhere, and a token."""
    page.goto("/account")
    email = page.locator("input[name=username]").input_value()
    context = page.context.browser.new_context(base_url=page.url, user_agent=PHONE)
    sign_in(context.new_page(), email)
    page.locator("#label").fill("Backup to the archive")
    page.locator("input[value=read]").check()
    page.locator("section:has(#label) button").click()
    expect(page.locator(".secret")).to_have_text(re.compile("^rp_"))
    context.close()


# Rows are cards on a phone: what is wider than they are would show outside of their border.
STICKING_OUT = """
    [...document.querySelectorAll(
        ".rows tr, .history li, .facts dd, .account dd, .told dd, .notes li, .events li")]
        .filter((box) => box.scrollWidth > box.clientWidth)
        .map((box) => box.textContent)
"""
# On a desk each cell draws its piece of the line below its row, so all must be as high as the row.
BROKEN_LINES = """
    innerWidth < 720 ? [] : [...document.querySelectorAll(".rows td")]
        .filter((cell) => cell.offsetHeight < cell.parentElement.offsetHeight)
        .map((cell) => cell.textContent)
"""


def look_at(page: Page, address: str, name: str, picture: Callable[[Page, str], None]) -> None:
    page.goto(address)
    if page.locator("#media").count():
        page.evaluate("resume()")
        if page.locator("#start button").is_visible():
            page.locator("#start button").click()
        until(page, "document.getElementById('media').readyState > 0")
        page.evaluate("document.getElementById('media').currentTime = 33")
        until(page, "!document.getElementById('media').seeking")
        play(page)
        page.evaluate("document.getElementById('media').pause()")
    for summary in page.locator(".filters summary, .events li:nth-child(2) summary").all():
        summary.click()
    page.wait_for_load_state("networkidle")
    picture(page, name)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
    assert page.evaluate(STICKING_OUT) == [], address
    assert page.evaluate(BROKEN_LINES) == [], address
    page.evaluate((ROOT / "node_modules/axe-core/axe.min.js").read_text())
    found = page.evaluate("axe.run()")["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == [], address
