"""How the browser tests look at a page: in each theme, width and language, and with axe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.waiting import wait_for

ROOT = Path(__file__).parents[2]
AXE = ROOT / "node_modules/axe-core/axe.min.js"
OpenPage = Callable[..., Page]
Picture = Callable[[Page, str], None]


@dataclass(frozen=True)
class Look:
    """What a page is looked at in; its text names the pictures."""

    theme: str
    width: int
    locale: str = "en-GB"

    def __str__(self) -> str:
        usual = f"{self.theme}-{self.width}"
        return usual if self.locale == "en-GB" else f"{usual}-{self.locale}"

    @property
    def window(self) -> dict[str, Any]:
        """How the fixture open_page is told."""
        return asdict(self)


# Portuguese is wordier: where its words fit, on the narrowest screen, they fit everywhere.
LOOKS = [
    Look("light", 1440),
    Look("dark", 1440),
    Look("light", 390),
    Look("dark", 390),
    Look("light", 390, "pt-BR"),
]
in_every_look = pytest.mark.parametrize("look", LOOKS, ids=str)

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
# On a desk, what leads on is one line on top.
HIGH_BAR = "innerWidth >= 1440 && document.querySelector('.bar').offsetHeight > 70"


def until(page: Page, expression: str) -> None:
    """Wait for JavaScript to be true. Playwright's own way needs eval, which our policy forbids."""
    wait_for(lambda: page.evaluate(expression), what=expression)


def opened(page: Page, recording_id: str, fragment: str = "") -> Page:
    """This page, showing the recording, with the first of its bytes there."""
    page.goto(f"/recordings/{recording_id}{fragment}")
    page.evaluate("resume()")
    until(page, "document.getElementById('media').readyState > 0")
    return page


def play(page: Page) -> None:
    page.evaluate("document.getElementById('media').muted = true")
    page.evaluate("document.getElementById('media').play()")
    until(page, "document.getElementById('media').currentTime > 0.3")


def look_at(page: Page, address: str, name: str, picture: Picture) -> None:
    """Open the page, bring what it has to life, and examine it."""
    page.goto(address)
    if page.locator("#media").count():
        play_a_little(page)
    for summary in page.locator(".filters summary, .events li:nth-child(2) summary").all():
        summary.click()
    examine(page, name, picture)


def play_a_little(page: Page) -> None:
    page.evaluate("resume()")
    if page.locator("#start button").is_visible():
        page.locator("#start button").click()
    until(page, "document.getElementById('media').readyState > 0")
    page.evaluate("document.getElementById('media').currentTime = 33")
    until(page, "!document.getElementById('media').seeking")
    play(page)
    page.evaluate("document.getElementById('media').pause()")


def examine(page: Page, name: str, picture: Picture) -> None:
    """Take a picture of what is open; nothing sticks out, and axe finds nothing."""
    page.wait_for_load_state("networkidle")
    picture(page, name)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url
    assert page.evaluate(STICKING_OUT) == [], page.url
    assert page.evaluate(BROKEN_LINES) == [], page.url
    assert not page.evaluate(HIGH_BAR), page.url
    assert violations(page) == [], page.url


def violations(page: Page) -> list[tuple[str, str]]:
    """What axe finds: the rule, and the first piece of the page that breaks it."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run()")["violations"]
    return [(each["id"], each["nodes"][0]["html"]) for each in found]
