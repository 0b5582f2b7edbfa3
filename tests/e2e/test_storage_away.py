"""Acceptance 11: the storage is away. The list works, the player explains, nothing hangs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from storage_backends import S3Options
from tests.backends import on_s3, seaweed
from tests.conftest import Portal
from tests.e2e.conftest import by_tuspy, sign_in
from tests.e2e.looking import until
from tests.storage.servers import port_of, with_endpoint
from tests.storage.wire import Wire, wire

__all__ = ["seaweed"]

SECONDS = 15
"""A store gives up after five; the page then asks once more, to learn why."""


@pytest.fixture
def line(seaweed: S3Options) -> Iterator[Wire]:
    with wire(port_of(seaweed)) as made:
        yield made
        made.thawed.set()


@pytest.fixture
def away(seaweed: S3Options, line: Wire, own_portal: Callable[..., Portal]) -> Portal:
    """A portal whose storage is at the other end of the wire."""
    return own_portal(**on_s3(with_endpoint(seaweed, line.port)).settings)


def test_acceptance_11_the_list_works_the_player_explains_and_nothing_hangs(
    browser: Browser, away: Portal, line: Wire, media: Callable[..., Path]
) -> None:
    call = by_tuspy(away, away.token(), media("interview-room-2.m4a", 90), "interview.m4a")
    assert away.recording(call, seconds=60)["state"] == "ready"
    page = browser.new_context(base_url=away.url, locale="en-GB").new_page()
    sign_in(page, away.person("auditor"))
    line.thawed.clear()
    assert seconds_for(page, "/recordings") < 3
    expect(page.get_by_role("link", name="interview.m4a")).to_be_visible()
    assert seconds_for(page, f"/recordings/{call}") < 3
    page.get_by_role("button", name="Play", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text(
        "The storage or the play log cannot be reached", timeout=SECONDS * 1000
    )
    assert requests.get(f"{away.url}/health", timeout=3).ok
    line.thawed.set()
    page.get_by_role("button", name="Try again").click()
    until(page, "document.getElementById('media').readyState > 0")
    expect(page.get_by_role("alert")).to_be_hidden()


def seconds_for(page: Page, address: str) -> float:
    """How long until the page stands; not until its player has its bytes."""
    begun = time.monotonic()
    page.goto(address, wait_until="domcontentloaded")
    return time.monotonic() - begun
