"""Administrators at their pages in a real browser: what fails, what they do about it, and that it
is mended then."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from portal.core import leases
from portal.db import db
from tests.conftest import Portal, Tus, upload_id, wait_for
from tests.e2e.looking import Look, OpenPage, Picture, examine, in_every_look, look_at
from tests.web.browsing import Person

ERROR = "The storage was away."


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A portal of our own: things are broken here."""
    portal = Portal(tmp_path_factory.mktemp("house"), PORTAL_JOB_WORKERS="1").start()
    yield portal
    portal.drop()


@pytest.fixture(scope="module")
def folder(house: Portal, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the storage «archive» keeps its bytes."""
    made = tmp_path_factory.mktemp("archive")
    Person(house, "admin").post("/storages", name="archive", url=f"file://{made}")
    until_checked(house, problem=False)
    return made


def until_checked(house: Portal, problem: bool) -> None:
    """Wait until this is what the last test of «archive» has found."""
    query = "SELECT problem FROM storage_check WHERE storage_id = 'archive' ORDER BY id DESC"
    found = f"SELECT 1 FROM ({query} LIMIT 1) WHERE (problem IS NOT NULL) = ?"
    ended = "SELECT 1 FROM storage_check WHERE storage_id = 'archive' AND ended_at IS NULL"
    wait_for(lambda: not house.rows(ended) and house.rows(found, problem), what="it is tested")


@pytest.fixture
def away(house: Portal, folder: Path) -> Iterator[Path]:
    """The archive's folder is not where it was; where it is."""
    moved = folder.rename(folder.with_name("elsewhere"))
    yield moved
    if moved.exists():
        moved.rename(folder)


@pytest.fixture(scope="module")
def kept(house: Portal) -> list[str]:
    """Two recordings; what they are of does not matter."""
    tus, made = Tus(house, house.token()), []
    for _ in range(2):
        path = tus.begin(16)
        assert tus.patch(path, 0, b"not media at all").status_code == 204
        made.append(upload_id(path))
    for each in made:
        house.recording(each)
    return made


def fail_to_verify(house: Portal, recordings: list[str]) -> None:
    """Let the job of each have failed; one that waits after a failure already is left alone."""
    with house.app.app_context():
        for each in recordings:
            lease = leases.claim(db.session, "verify_recording", each, 60)
            if lease is not None:
                leases.put_off(db.session, lease, ERROR)


def card(page: Page) -> Locator:
    return page.locator("#storage-archive")


def test_an_administrator_learns_what_is_wrong_mends_it_and_sees_that_it_works(
    open_page: OpenPage, house: Portal, away: Path, folder: Path
) -> None:
    page = open_page("admin", at=house)
    page.goto("/storages")
    page.get_by_role("button", name="Test archive").click()
    expect(card(page)).to_contain_text("Does not work", timeout=20_000)
    expect(card(page).locator(".step-bad")).to_have_text(re.compile("^open"))
    page.goto("/system")
    broken = page.get_by_role("row", name="Storages")
    expect(broken).to_contain_text("archive failed its last test")
    expect(broken).to_contain_text("Mend it, then test it again under Storages.")
    away.rename(folder)
    page.goto("/storages")
    page.get_by_role("button", name="Test archive").click()
    expect(card(page)).to_contain_text("Works", timeout=20_000)
    card(page).locator("summary").click()
    expect(card(page).locator(".step-good", has_text="read back")).to_be_visible()
    expect(card(page).locator(".step-bad")).to_have_count(0)
    page.goto("/system")
    expect(broken).not_to_contain_text("failed")


def test_failed_jobs_are_shown_before_they_are_tried_again(
    open_page: OpenPage, house: Portal, kept: list[str]
) -> None:
    fail_to_verify(house, kept)
    page = open_page("admin", at=house)
    to_the_preview(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Try 2 jobs again?")
    expect(page.get_by_role("cell", name=ERROR)).to_have_count(2)
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_text(ERROR)).to_have_count(2)
    to_the_preview(page)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("status")).to_have_text("2 jobs are tried again.")
    done = "/jobs?kind=verify_recording&state=done"
    wait_for(lambda: page.goto(done) and page.locator("tbody tr").count() == 2)
    assert {each.text_content() for each in page.locator("tbody code").all()} == set(kept)


def to_the_preview(page: Page) -> None:
    page.goto("/jobs")
    page.locator("#state").select_option("waiting")
    page.locator("#kind").select_option("verify_recording")
    page.get_by_role("button", name="Filter", exact=True).click()
    page.get_by_role("button", name="Try all again that fit the filter").click()


@in_every_look
def test_what_is_wrong_is_accessible_and_fits_its_screen(
    open_page: OpenPage, house: Portal, kept: list[str], away: Path, picture: Picture, look: Look
) -> None:
    Person(house, "admin").post("/storages/archive/check")
    until_checked(house, problem=True)
    page = open_page("admin", at=house, **look.window)
    look_at(page, "/storages", f"storages-broken-{look}", picture)
    look_at(page, "/system", f"system-broken-{look}", picture)
    fail_to_verify(house, kept)
    page.goto("/jobs?kind=verify_recording&state=waiting")
    page.locator("button[name=all]").click()
    examine(page, f"jobs-again-{look}", picture)
