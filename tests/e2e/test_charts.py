"""The charts in a real Chromium: how they look, and their numbers by keyboard."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from portal.core import audit
from portal.core.audit import SYSTEM
from portal.core.metrics import rolling_up
from portal.core.transaction import utc_now
from portal.db import db
from tests.conftest import Portal
from tests.e2e.looking import Look, OpenPage, Picture, in_every_look, look_at
from tests.web.listing import recorded


@pytest.fixture(scope="module")
def counted(portal: Portal) -> None:
    """A busy month."""
    now = utc_now()
    rows = [
        {
            "received_at": now - timedelta(hours=3 * number, minutes=number % 50),
            "available_at": now - timedelta(hours=3 * number, minutes=number % 50, seconds=-9),
            "source": ("tus", "calls", "sessions")[number % 3],
            "size": 40_000_000 + 1_000_000 * (number % 37),
        }
        for number in range(300)
    ]
    recorded(portal, rows)
    with portal.app.app_context():
        for action in ("upload.completed", "upload.rejected", "upload.expired", "auth.failed"):
            audit.record_alone(db.session, SYSTEM, action)
        rolling_up.run(db.session, utc_now(), seconds=60)


@in_every_look
def test_charts_are_accessible_and_each_fits_its_screen(
    open_page: OpenPage,
    counted: None,
    picture: Picture,
    look: Look,
) -> None:
    page = open_page(role="admin", **look.window)
    look_at(page, "/charts", f"charts-{look}", picture)
    look_at(page, "/charts?period=year", f"charts-year-{look}", picture)
    page.locator(".numbers summary").nth(2).click()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_numbers_and_periods_by_keyboard(open_page: OpenPage, counted: None) -> None:
    page = open_page("admin")
    page.goto("/charts")
    page.get_by_role("link", name="52 weeks").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/charts?period=year")
    received = page.locator("section", has=page.get_by_role("heading", name="Recordings received"))
    received.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(received.get_by_role("row")).to_have_count(53)
    with page.expect_download() as download:
        received.get_by_role("link", name="CSV").press("Enter")
    assert download.value.suggested_filename == "received-year.csv"
