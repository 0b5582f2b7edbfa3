"""Legal holds in a real Chromium: from the list to the case, its release, and how it looks."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.e2e.looking import Look, OpenPage, Picture, examine, in_every_look, look_at


def place(page: Page, name: str) -> None:
    """From the list of recordings to a case that holds the one of this name, by the keyboard."""
    page.goto(f"/recordings?q={name}")  # others share the portal: the list may have many pages
    page.get_by_role("checkbox", name=f"Select {name}").press("Space")
    page.get_by_role("button", name="Place a legal hold").press("Enter")
    expect(page.get_by_role("heading", name="Hold 1 recording?")).to_be_visible()
    page.get_by_label("Name").fill("Smith against Jones")
    page.get_by_label("Case number, if it has one").fill("0001234-56.2026.8.26.0100")
    page.get_by_label("Reason").fill("A claim for damages; the court asked for the calls.")
    page.get_by_role("button", name="Place the hold").press("Enter")
    expect(page.get_by_role("status")).to_have_text("The hold is placed.")


def test_an_officer_holds_a_recording_and_asks_for_its_release(
    open_page: OpenPage, uploaded: dict[str, str]
) -> None:
    page = open_page(role="officer")
    place(page, "interview-room-2.m4a")
    page.get_by_role("link", name="interview-room-2.m4a").click()
    expect(page.get_by_text("the court asked for the calls")).to_be_visible()
    page.go_back()
    page.get_by_role("checkbox", name="Select interview-room-2.m4a").check()
    page.locator("#reason").fill("It is not part of the claim.")
    page.get_by_role("button", name="Ask to release the selected").click()
    expect(page.get_by_text("You asked for this yourself")).to_be_visible()
    second = open_page(role="officer")
    second.goto(page.url)
    second.get_by_role("button", name="Approve").click()
    expect(second.get_by_role("status")).to_have_text("Approved.")
    page.goto("/holds?released=1")
    expect(page.get_by_role("link", name="Smith against Jones").first).to_be_visible()


def test_an_auditor_asks_for_a_hold_and_an_officer_places_it(
    open_page: OpenPage, uploaded: dict[str, str]
) -> None:
    page = open_page(role="auditor")
    ask_for_hold(page, "call-support-4711.aac")
    expect(page.get_by_text("You asked for this yourself")).to_be_visible()
    officer = open_page(role="officer")
    officer.goto(page.url)
    officer.get_by_role("button", name="Approve").press("Enter")
    officer.get_by_role("link", name="The case, which holds 1 recording").click()
    expect(officer.get_by_role("heading", name="Claim 4711")).to_be_visible()
    page.goto("/recordings?q=call-support-4711.aac")
    page.get_by_role("link", name="call-support-4711.aac").first.click()
    expect(page.get_by_text("Claim 4711").first).to_be_visible()


def ask_for_hold(page: Page, name: str) -> None:
    """From a recording's page, by the keyboard."""
    page.goto(f"/recordings?q={name}")
    page.get_by_role("link", name=name).first.click()
    page.get_by_role("button", name="Ask for a legal hold").press("Enter")
    expect(page.get_by_role("heading", name="Ask for a legal hold of 1")).to_be_visible()
    page.get_by_label("Name").fill("Claim 4711")
    page.get_by_label("Reason").fill("The customer says that nothing was agreed.")
    page.get_by_role("button", name="Ask for the hold").press("Enter")


@in_every_look
def test_asking_for_a_hold_is_accessible_and_fits_its_screen(
    open_page: OpenPage, uploaded: dict[str, str], picture: Picture, look: Look
) -> None:
    page = open_page(role="auditor", **look.window)
    page.goto(f"/recordings/{uploaded['call-support-4711.aac']}")
    page.locator("form[action='/holds/request/preview'] button").press("Enter")
    page.locator("#name").fill("Claim 4711")
    page.locator("#reason").fill("The customer says that nothing was agreed.")
    examine(page, f"holds-ask-{look}", picture)
    page.locator("main .btn-primary").press("Enter")
    page.locator("form.confirm").wait_for()
    examine(page, f"holds-asked-{look}", picture)
    look_at(page, "/approvals", f"approvals-own-{look}", picture)


@in_every_look
def test_every_page_of_holds_is_accessible_and_fits_its_screen(
    open_page: OpenPage,
    uploaded: dict[str, str],
    picture: Picture,
    look: Look,
) -> None:
    writer = open_page(role="officer")
    place(writer, "call-support-4711.aac")
    case = re.sub(r"^.*(?=/holds/)", "", writer.url)
    writer.locator("#reason").fill("The claim was settled.")
    writer.get_by_role("button", name="Ask to release the whole case").click()
    request = re.sub(r"^.*(?=/approvals/)", "", writer.url)
    page = open_page(role="officer", **look.window)
    for name, address in (
        ("holds", "/holds"),
        ("holds-case", case),
        ("holds-new", "/holds/new?kind=audio&held=no"),
        ("approvals", "/approvals"),
        ("approvals-release", request),
    ):
        look_at(page, address, f"{name}-{look}", picture)


def test_two_quick_presses_place_one_hold(open_page: OpenPage, uploaded: dict[str, str]) -> None:
    page = open_page(role="officer")
    page.goto("/holds/new?q=practice-violin.webm")
    page.get_by_label("Name").fill("Pressed twice")
    page.get_by_label("Reason").fill("A claim.")
    sent: list[str] = []
    page.on("request", lambda request: request.method == "POST" and sent.append(request.url))
    page.evaluate(
        "const press = () => document.querySelector('main .btn-primary').click();"
        "press(); setTimeout(press, 5)"
    )
    expect(page.get_by_role("status")).to_have_text("The hold is placed.")
    assert len(sent) == 1
