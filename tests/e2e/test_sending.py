"""Sending recordings from a real Chromium, and the pages of uploads in it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.conftest import Portal, Tus, upload_id
from tests.e2e.conftest import sign_in
from tests.e2e.looking import Look, OpenPage, Picture, in_every_look, look_at
from tests.waiting import wait_for

CHUNK = 8 * 1024 * 1024


@pytest.fixture
def named(tmp_path: Path, media: Callable[..., Path]) -> Callable[..., Path]:
    """A small recording under a name of the test's own; with a size, followed by so much more."""

    def made(name: str, size: int = 0) -> Path:
        target = tmp_path / name
        shutil.copy(media("call-support-4711.aac"), target)
        with target.open("ab") as file:
            file.write(bytes(max(0, size - target.stat().st_size)))
        return target

    return made


def choose(page: Page, *files: Path) -> None:
    page.goto("/uploads/new")
    page.get_by_label("Drop recordings here, or choose them").set_input_files(list(files))


def send(page: Page) -> None:
    page.get_by_role("button", name="Send", exact=True).click()


def row(page: Page, file: Path) -> Locator:
    return page.locator("#list li").filter(has_text=file.name)


def uploads(portal: Portal, file: Path) -> list[dict[str, object]]:
    return portal.rows("SELECT * FROM upload WHERE filename = ?", file.name)


def test_two_files_with_what_is_said_of_them_until_they_are_available(
    open_page: OpenPage, portal: Portal, named: Callable[..., Path]
) -> None:
    first, second = named("two-a.aac"), named("two-b.aac")
    page = open_page("uploader")
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    choose(page, first, second)
    page.get_by_label("Department").fill("Sales")
    page.get_by_label("More").fill("case=4711\nno value")
    send(page)
    expect(page.get_by_text("This line is no name=value")).to_contain_text("no value")
    page.get_by_label("More").fill("case = 4711")
    send(page)
    for file in (first, second):
        expect(row(page, file)).to_contain_text("Available", timeout=30_000)
        stored = uploads(portal, file)
        assert len(stored) == 1 and stored[0]["offset"] == file.stat().st_size
        assert '"case": "4711"' in str(stored[0]["details"])
        assert portal.recording(str(stored[0]["id"]))["department"] == "sales"
    row(page, first).get_by_role("link", name="Open the recording").click()
    expect(page.get_by_role("heading", name=first.name)).to_be_visible()
    page.goto("/recordings")
    expect(page.get_by_role("link", name=second.name)).to_be_visible()
    assert complaints == []


def test_acceptance_10_a_tab_that_was_closed_at_60_percent_goes_on_there(
    open_page: OpenPage, portal: Portal, named: Callable[..., Path]
) -> None:
    film = named("sixty.aac", 5 * CHUNK)
    page = open_page("uploader")
    answered: list[str] = []

    def then_the_line_is_dead(route: Route) -> None:
        if len(answered) == 3:
            route.abort()
            return
        if route.request.method == "PATCH":
            answered.append(route.request.headers["upload-offset"])
        route.continue_()

    page.route("**/videos/tus/*", then_the_line_is_dead)
    choose(page, film)
    send(page)
    expect(row(page, film).locator("progress")).to_have_js_property(
        "value", 3 * CHUNK, timeout=30_000
    )
    context, address = page.context, page.url
    page.close()
    begun = uploads(portal, film)
    assert [each["offset"] for each in begun] == [3 * CHUNK]
    again = context.new_page()
    sent: list[str] = []
    again.on("request", lambda each: sent.append(each.headers.get("upload-offset", "")))
    again.goto(address)
    choose(again, film)
    expect(row(again, film)).to_contain_text("it goes on there")
    send(again)
    expect(row(again, film)).to_contain_text(re.compile("Available|Quarantined"), timeout=30_000)
    assert [each for each in sent if each] == [str(3 * CHUNK), str(4 * CHUNK)]
    assert [(each["id"], each["offset"]) for each in uploads(portal, film)] == [
        (begun[0]["id"], 5 * CHUNK)
    ]
    recording = portal.recording(str(begun[0]["id"]))
    assert recording["size"] == film.stat().st_size


def test_pausing_and_going_on_with_the_keyboard_alone(
    open_page: OpenPage, portal: Portal, named: Callable[..., Path]
) -> None:
    film = named("paused.aac", 3 * CHUNK)
    page = open_page("uploader")
    held: list[Route] = []

    def hold_the_second(route: Route) -> None:
        second = route.request.headers.get("upload-offset") == str(CHUNK)
        if second and not held:
            held.append(route)
        else:
            route.continue_()

    page.route("**/videos/tus/*", hold_the_second)
    choose(page, film)
    page.get_by_role("button", name="Send", exact=True).focus()
    page.keyboard.press("Enter")
    expect(row(page, film).locator("progress")).to_have_js_property("value", CHUNK, timeout=30_000)
    page.get_by_role("button", name=f"Pause: {film.name}").focus()
    page.keyboard.press("Enter")
    expect(row(page, film)).to_contain_text("Paused")
    expect(page.get_by_role("status")).to_contain_text("paused.aac: Paused")
    expect(page.get_by_role("button", name=f"Go on: {film.name}")).to_be_focused()
    assert uploads(portal, film)[0]["offset"] == CHUNK
    page.keyboard.press("Enter")
    expect(row(page, film)).to_contain_text(re.compile("Available|Quarantined"), timeout=30_000)
    assert len(uploads(portal, film)) == 1


def test_who_is_signed_out_meanwhile_is_told_and_goes_on_after_signing_in(
    open_page: OpenPage, portal: Portal, named: Callable[..., Path]
) -> None:
    film = named("signed-out.aac")
    page = open_page("uploader")
    email = page.locator(".who .wide").inner_text()
    choose(page, film)
    with portal.app.app_context():
        portal.cli("end-sessions", email)
    send(page)
    expect(row(page, film)).to_contain_text("You are signed out", timeout=20_000)
    assert uploads(portal, film) == []
    other = page.context.new_page()
    sign_in(other, email)
    page.get_by_role("button", name=f"Go on: {film.name}").click()
    expect(row(page, film)).to_contain_text("Available", timeout=30_000)


DROP = """
    ([target, name, text]) => {
        const data = new DataTransfer();
        data.items.add(new File([text], name, { lastModified: 1 }));
        const init = { dataTransfer: data, bubbles: true, cancelable: true };
        return document.querySelector(target).dispatchEvent(new DragEvent("drop", init));
    }
"""


def test_files_are_dropped_and_beside_the_zone_nothing_happens(open_page: OpenPage) -> None:
    page = open_page("uploader")
    page.goto("/uploads/new")
    assert page.evaluate(DROP, ["h1", "beside.aac", "x"]) is False, "the browser does not open it"
    for name in ("one.aac", "two.aac", "two.aac"):
        page.evaluate(DROP, ["#drop", name, "some bytes"])
    expect(page.locator("#list li b")).to_have_text(["one.aac", "two.aac"])
    page.get_by_role("button", name="Take off the list: one.aac").click()
    expect(page.locator("#list li b")).to_have_text(["two.aac"])


def test_what_is_no_recording_is_told_in_plain_words(open_page: OpenPage, tmp_path: Path) -> None:
    note, empty = tmp_path / "note.aac", tmp_path / "empty.aac"
    note.write_text("Only a few words.\n" * 50)
    empty.touch()
    page = open_page("uploader", locale="pt-BR")
    page.goto("/uploads/new")
    page.locator("#files").set_input_files([note, empty])
    expect(row(page, empty)).to_contain_text("Este arquivo está vazio.")
    page.locator("#send").click()
    expect(row(page, note)).to_contain_text("Não é áudio nem vídeo.", timeout=30_000)


def test_the_table_keeps_the_focus_while_it_is_refreshed(open_page: OpenPage, tus: Tus) -> None:
    path = tus.begin(1000, "filename Zm9jdXMubXA0")
    page = open_page("admin")
    page.goto("/uploads")
    link = page.locator(f"#u-{upload_id(path)}")
    link.focus()
    tus.patch(path, 0, b"x" * 500)
    bar = page.get_by_role("progressbar", name="focus.mp4").first
    expect(bar).to_have_attribute("value", "500", timeout=10_000)
    expect(link).to_be_focused()


@in_every_look
def test_acceptance_19_the_pages_of_uploads_are_accessible_and_fit_their_screen(
    open_page: OpenPage,
    tus: Tus,
    named: Callable[..., Path],
    picture: Picture,
    look: Look,
) -> None:
    path = tus.begin(48_000_000, "filename cmRwLXBheXJvbGwtMjAyNi5tcDQ=,title UGF5cm9sbA==")
    tus.patch(path, 0, bytes(17_000_000))
    page = open_page("admin", **look.window)
    look_at(page, "/uploads?state=open", f"uploads-open-{look}", picture)
    look_at(page, f"/uploads/{upload_id(path)}", f"upload-{look}", picture)
    page.goto("/uploads/new")
    page.route("**/videos/tus/*", lambda route: None)
    look_at(page, "/uploads/new", f"uploads-new-{look}", filled(named, picture))


def filled(named: Callable[..., Path], picture: Picture) -> Callable[[Page, str], None]:
    """Takes the picture once there are files on their way."""

    def take(page: Page, name: str) -> None:
        page.locator("#files").set_input_files([named("call-sales-0815.aac"), named("call-2.aac")])
        page.locator("#send").click()
        wait_for(lambda: page.locator(".state-sending").count() == 2)
        picture(page, name)

    return take
