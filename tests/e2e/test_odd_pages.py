"""What is seldom open: recordings that cannot be played, notes, sheets of keys, tags of many."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from portal.core import audit, notes
from portal.core.accounts import caller_for, user_by_email
from portal.core.notes import Written
from portal.core.transaction import utc_now
from portal.db import db
from tests.conftest import Portal, Tus, upload_id
from tests.e2e.conftest import by_tuspy
from tests.e2e.looking import Look, OpenPage, Picture, examine, in_every_look, opened, until
from tests.web.listing import recorded

SAID = (
    (0, 9_000, "Greets, and names the account."),
    (
        20_000,
        26_000,
        "Says the whole number of the card: to be blanked before it leaves.",
    ),
    (22_000, None, "Here the second person joins."),
    (61_000, 88_000, "Agrees to the new terms."),
)


@pytest.fixture(scope="module")
def noted(portal: Portal, token: str, media: Callable[..., Path]) -> str:
    """A call with notes that lie beside and over one another."""
    call = by_tuspy(portal, token, media("call-support-4711.aac", 90), "call-claims-4713.aac")
    portal.recording(call, seconds=60)
    email = portal.person("auditor")
    with portal.app.app_context():
        writer = caller_for(user_by_email(db.session, email), audit.SYSTEM)
        for start, end, text in SAID:
            notes.add(db.session, writer, call, Written(text, start, end, shared=True))
    return call


@pytest.fixture(scope="module")
def unplayable(portal: Portal, token: str) -> dict[str, str]:
    """Recordings that cannot be played, by the cause."""
    tus = Tus(portal, token)
    path = tus.begin(16, "filename bm90ZXMtZnJvbS10aGUtY2FsbC50eHQ=")
    tus.patch(path, 0, b"not media at all")
    assert portal.recording(upload_id(path))["state"] == "quarantined"
    gone = {"state": "deleted", "deleted_at": utc_now(), "deleted_by": "olga@example.org"}
    gone |= {"filename": "call-claims-0042.wav", "deletion_reason": "Asked for by the customer."}
    lost = {"integrity": "missing", "filename": "call-sales-0816.wav"}
    tombstone, missing = recorded(portal, [gone, lost])
    return {"quarantined": upload_id(path), "tombstone": tombstone, "missing": missing}


CAUSES = {
    "quarantined": "The content is kept, but never served.",
    "tombstone": "Asked for by the customer.",
    "missing": "The file is no longer in the storage.",
}


@in_every_look
def test_acceptance_19_what_cannot_be_played_says_why_and_fits_its_screen(
    open_page: OpenPage, unplayable: dict[str, str], picture: Picture, look: Look
) -> None:
    page = open_page(**look.window)
    for name, recording_id in unplayable.items():
        page.goto(f"/recordings/{recording_id}")
        if look.locale == "en-GB":
            expect(page.get_by_role("region", name="Player")).to_contain_text(CAUSES[name])
        examine(page, f"recording-{name}-{look}", picture)


@in_every_look
def test_acceptance_19_a_lane_of_notes_is_accessible_and_fits_its_screen(
    open_page: OpenPage, noted: str, picture: Picture, look: Look
) -> None:
    page = opened(open_page(**look.window), noted, "#t=30")
    expect(page.locator("#lane button")).to_have_count(len(SAID))
    until(page, "peaks.length === 1000")
    examine(page, f"recording-notes-{look}", picture)


@in_every_look
def test_acceptance_19_each_sheet_of_keys_is_accessible_and_fits_its_screen(
    open_page: OpenPage, uploaded: dict[str, str], picture: Picture, look: Look
) -> None:
    page = open_page(**look.window)
    for name, address in (
        ("recordings", "/recordings"),
        ("recording", f"/recordings/{uploaded['practice-violin.webm']}"),
        ("everywhere", "/account"),
    ):
        page.goto(address)
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_be_visible()
        assert page.evaluate(TALLER) == [], address
        examine(page, f"keys-{name}-{look}", picture)


# What a sheet is too tall for would be cut off, unless it scrolls.
TALLER = """
    [...document.querySelectorAll("dialog[open]")]
        .filter((sheet) => sheet.getBoundingClientRect().bottom > innerHeight)
        .map((sheet) => sheet.id)
"""


@in_every_look
def test_acceptance_19_tags_of_many_are_accessible_and_each_page_fits_its_screen(
    open_page: OpenPage, unplayable: dict[str, str], picture: Picture, look: Look
) -> None:
    page = open_page("officer", **look.window)
    page.goto("/recordings")
    ask_to_tag(page, f"complaint {look}")
    examine(page, f"tags-none-{look}", picture)
    page.goto("/recordings")
    for pick in page.locator(".pick").all()[:3]:
        pick.check()
    ask_to_tag(page, f"complaint {look}")
    examine(page, f"tags-preview-{look}", picture)
    page.locator("form.confirm button").click()
    expect(page.get_by_role("status")).to_be_visible()
    examine(page, f"tags-done-{look}", picture)


def ask_to_tag(page: Page, tag: str) -> None:
    page.locator("#bulk input[name=tag]").fill(tag)
    page.locator("#bulk button[value=add]").click()
    page.wait_for_url("**/tags/preview*")
