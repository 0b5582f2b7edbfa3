"""The page that shows the API: whole, readable by everybody, and with nobody else involved."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.conftest import Portal
from tests.e2e.looking import OpenPage, violations


@pytest.fixture
def operations(portal: Portal) -> dict[str, Any]:
    """By id: what the document says."""
    paths = requests.get(f"{portal.url}/api/openapi.json").json()["paths"]
    return {each["operationId"]: each for path in paths.values() for each in path.values()}


def open_docs(page: Page) -> None:
    page.goto("/api/docs")
    expect(page.locator(".opblock").first).to_be_visible()


def test_every_operation_is_listed_and_no_policy_broken(
    open_page: OpenPage, portal: Portal, operations: dict[str, Any]
) -> None:
    page = open_page(role=None)
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    open_docs(page)
    expect(page.locator(".opblock")).to_have_count(len(operations))
    for tag in {each["tags"][0] for each in operations.values()}:
        expect(page.locator(f"#operations-tag-{tag}")).to_be_visible()
    page.locator(".opblock-summary-control").first.click()
    expect(page.locator(".opblock-body").first).to_be_visible()
    elsewhere = [url for url in asked if not url.startswith((portal.url, "data:"))]
    assert (elsewhere, complaints) == ([], [])


def test_an_operation_is_tried_by_keyboard(open_page: OpenPage) -> None:
    page = open_page(role=None)
    open_docs(page)
    page.locator("#operations-health-get_health_api_health .opblock-summary-control").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Try it out").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Execute").focus()
    page.keyboard.press("Enter")
    expect(
        page.locator(".live-responses-table .response .response-col_status").first
    ).to_contain_text("200")


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_it_is_accessible_and_fits_its_screen(
    open_page: OpenPage, operations: dict[str, Any], width: int, theme: str
) -> None:
    page = open_page(role=None, width=width, theme=theme)
    open_docs(page)
    for name in ("post_resumable_create", "get_health_api_health"):
        page.locator(f"[id$='-{name}'] .opblock-summary-control").click()
        expect(page.locator(f"[id$='-{name}'] .opblock-body")).to_be_visible()
    page.locator("[id$='-get_health_api_health'] .try-out__btn").click()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert violations(page) == []
