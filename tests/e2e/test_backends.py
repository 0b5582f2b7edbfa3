"""The whole way on each kind of storage: a stock client sends, the workers assemble, a browser
plays."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Response, expect

from tests.backends import Backend, azurite, backend, seaweed
from tests.conftest import Portal
from tests.e2e.conftest import by_tus_js, by_tuspy, sign_in
from tests.e2e.looking import play, until

__all__ = ["azurite", "backend", "seaweed"]

NAME = "rdp-finance-server-2026.mp4"


@pytest.fixture
def running(backend: Backend, own_portal: Callable[..., Portal]) -> Portal:
    return own_portal(**backend.settings)


@pytest.fixture
def film(media: Callable[..., Path]) -> Path:
    return media(NAME, 90)


def open_recording(browser: Browser, portal: Portal, recording_id: str) -> tuple[Page, list[Any]]:
    """Its page, as an auditor sees it, and what the player is answered."""
    page = browser.new_context(base_url=portal.url, locale="en-GB").new_page()
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    sign_in(page, portal.person("auditor"))
    page.goto(f"/recordings/{recording_id}")
    expect(page.get_by_role("heading", name=NAME)).to_be_visible()
    return page, answers


def seek_and_play(page: Page) -> None:
    play(page)
    page.evaluate("document.getElementById('media').currentTime = 70")
    until(page, "document.getElementById('media').currentTime > 70.2")
    expect(page.locator("#clock")).to_have_text(re.compile(r"^1:1\d / 1:30$"))


@pytest.mark.parametrize("send", [by_tuspy, by_tus_js], ids=["tuspy", "tus-js-client"])
def test_what_a_stock_client_sends_is_played_from_the_middle(
    browser: Browser, running: Portal, backend: Backend, film: Path, send: Callable[..., str]
) -> None:
    sent = send(running, running.token(), film, NAME)
    row = running.recording(sent, seconds=60)
    assert row["state"] == "ready"
    page, answers = open_recording(browser, running, sent)
    seek_and_play(page)
    page.context.close()
    media = [each for each in answers if "/media" in each.url]
    assert media and {each.status for each in media} == {206}
    if backend.store is not None:
        stored = b"".join(backend.store.read(row["key"]))
        assert hashlib.sha256(stored).hexdigest() == row["sha256"]
    assert running.stored_files("assembling") == []


@pytest.mark.parametrize("backend", ["s3", "azure"], indirect=True)
def test_a_player_may_be_sent_to_the_storage_itself(
    browser: Browser, backend: Backend, own_portal: Callable[..., Portal], film: Path
) -> None:
    portal = own_portal(**backend.settings, PORTAL_DIRECT_PLAYBACK="on")
    sent = by_tuspy(portal, portal.token(), film, NAME)
    portal.recording(sent, seconds=60)
    page, answers = open_recording(browser, portal, sent)
    seek_and_play(page)
    page.context.close()
    ours = [each.status for each in answers if each.url.startswith(f"{portal.url}/recordings/")]
    theirs = [each.status for each in answers if not each.url.startswith(portal.url)]
    assert 302 in ours and 206 not in ours
    assert theirs and set(theirs) == {206}
