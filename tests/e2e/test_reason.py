"""Sensitive sources in a real Chromium: why somebody listens is asked before a byte is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.conftest import Portal
from tests.e2e.conftest import by_tuspy
from tests.e2e.looking import Look, OpenPage, Picture, examine, in_every_look, until


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A portal where what comes by tus is sensitive."""
    settings = {"PORTAL_ASK_REASON": "tus", "PORTAL_JOB_WORKERS": "1"}
    portal = Portal(tmp_path_factory.mktemp("asking"), **settings).start()
    yield portal
    portal.drop()


@pytest.fixture(scope="module")
def film(asking: Portal, media: Callable[..., Path]) -> str:
    file = media("rdp-finance-server-2026.mp4", 90)
    sent = by_tuspy(asking, asking.token(), file, "rdp-board-2026.mp4")
    assert asking.recording(sent, seconds=60)["state"] == "ready"
    return sent


def test_who_says_why_may_play_and_the_log_keeps_it(
    open_page: OpenPage, asking: Portal, film: str
) -> None:
    page, refused = open_page(at=asking), []
    page.on("response", lambda answer: refused.append(answer.url) if not answer.ok else None)
    page.goto("/recordings")
    page.get_by_role("link", name="rdp-board-2026.mp4").click()
    expect(page.get_by_role("heading", name="Why do you want to hear this")).to_be_visible()
    assert page.get_by_role("button", name="Play", exact=True).count() == 0
    page.get_by_label("Reason").select_option("other")
    page.get_by_role("button", name="Open the player").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("for another reason, say which")
    assert asking.rows("SELECT 1 FROM play_session") == []
    page.get_by_label("In your words, or a case number").fill("Ombudsman, case 4711")
    assert [url for url in refused if not url.endswith("/play")] == [], "nothing asked in vain"
    page.get_by_role("button", name="Open the player").press("Enter")
    until(page, "document.getElementById('media').readyState > 0")
    [row] = asking.rows("SELECT reason, reason_text FROM play_session")
    assert row == {"reason": "other", "reason_text": "Ombudsman, case 4711"}


@in_every_look
def test_acceptance_19_the_question_why_is_accessible_and_fits_its_screen(
    open_page: OpenPage, asking: Portal, film: str, picture: Picture, look: Look
) -> None:
    page = open_page(at=asking, **look.window)
    page.goto(f"/recordings/{film}")
    expect(page.locator("#reason")).to_be_visible()
    examine(page, f"recording-reason-{look}", picture)
