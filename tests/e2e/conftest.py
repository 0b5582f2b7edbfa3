"""A real Chromium, signed in at the shared portal that holds recordings of stock clients."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from tusclient.client import TusClient

from tests.conftest import PASSWORD, TUS, Portal, upload_id

ROOT = Path(__file__).parents[2]
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next((path for path in map(shutil.which, names) if path), None)
    if program is None:
        pytest.fail("The browser tests need Chromium: install the package «chromium».")
    expect.set_options(timeout=20_000)  # on a busy machine a page takes its time
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=program, args=FLAGS)


@pytest.fixture(scope="session")
def uploaded(portal: Portal, token: str, media: Callable[..., Path]) -> dict[str, str]:
    """File name → recording id of what tuspy and tus-js-client have sent."""
    files = {
        "call-support-4711.aac": by_tuspy,
        "interview-room-2.m4a": by_tus_js,
        "practice-violin.webm": by_tus_js,
        "rdp-finance-server-2026.mp4": by_tuspy,
    }
    sent = {name: send(portal, token, media(name, 90), name) for name, send in files.items()}
    for each in sent.values():
        assert portal.recording(each, seconds=60)["state"] == "ready"
    return sent


def by_tuspy(portal: Portal, token: str, file: Path, name: str) -> str:
    client = TusClient(portal.url + TUS, headers={"Authorization": f"Bearer {token}"})
    uploader = client.uploader(str(file), chunk_size=1_000_000, metadata={"filename": name})
    uploader.upload()
    return upload_id(uploader.url)


def by_tus_js(portal: Portal, token: str, file: Path, name: str) -> str:
    command = ["node", "tests/e2e/upload.mjs", portal.url + TUS, token, str(file), name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return upload_id(done.stdout.strip())


@pytest.fixture
def open_page(browser: Browser, portal: Portal) -> Iterator[Callable[..., Page]]:
    """Opens a fresh browser window; with a role, signed in as somebody who has it. `at`: another
    portal than the one that most tests share."""
    opened: list[BrowserContext] = []

    def open_(
        role: str | None = "auditor",
        width: int = 1440,
        theme: str = "light",
        locale: str = "en-GB",
        at: Portal = portal,
    ) -> Page:
        context = browser.new_context(
            base_url=at.url,
            viewport={"width": width, "height": 900},
            color_scheme=theme,
            locale=locale,
            timezone_id="America/Sao_Paulo",
        )
        opened.append(context)
        page = context.new_page()
        if role:
            sign_in(page, at.person(role))
        return page

    yield open_
    for context in opened:
        context.close()


def sign_in(page: Page, email: str) -> None:
    page.goto("/login")
    page.locator("#email").fill(email)  # by id: the labels are in any language
    page.locator("#password").fill(PASSWORD)
    page.locator("main button").click()
    page.wait_for_url("**/")


@pytest.fixture
def picture(tmp_path: Path) -> Callable[[Page, str], None]:
    """Takes a screenshot; `make screens` keeps them in docs/screens."""
    folder = Path(os.environ.get("SCREENS_DIR") or tmp_path)

    def take(page: Page, name: str) -> None:
        page.screenshot(path=folder / f"{name}.png")

    return take
