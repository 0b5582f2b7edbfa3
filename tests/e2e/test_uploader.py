"""ResumableUploader in a real Chromium, against the real portal."""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.conftest import Portal
from tests.e2e.site import Site, pass_on
from tests.e2e.test_journeys import OpenPage
from tests.waiting import wait_for
from tests.wire.chunking import CHUNK, wav

INCLUDED = '<script src="/static/js/resumable-upload-client.js"></script>'
CONTRACT = """
const uploader = new ResumableUploader({
  apiUrl: 'https://api.example.com/api/v1/upload',
  authToken: 'your_token'
});

await uploader.uploadFile(file, {
  onProgress: (pct) => console.log(`${pct}% done`),
  onComplete: (result) => console.log('Done!', result)
});
"""
"""As it is printed in the protocol's quick reference."""


@pytest.fixture
def film(tmp_path: Path) -> Callable[..., Path]:
    """A recording of about so many bytes, unlike any other."""

    def made(size: int = 5 * CHUNK) -> Path:
        path = tmp_path / f"{tmp_path.name}.wav"
        path.write_bytes(wav(size))
        return path

    return made


def digest(file: Path) -> str:
    with file.open("rb") as content:
        return sha256(content.read()).hexdigest()


def uploads(portal: Portal, file: Path) -> list[dict[str, object]]:
    size = file.stat().st_size
    return portal.rows("SELECT * FROM upload WHERE filename = ? AND length = ?", file.name, size)


def test_the_printed_example_works_as_it_stands(
    open_page: OpenPage, portal: Portal, token: str, film: Callable[..., Path]
) -> None:
    page, file, heard = open_page(None), film(), list[str]()
    page.on("console", lambda message: heard.append(message.text))
    pass_on(page, "https://api.example.com", portal, authorization=f"Bearer {token}")
    script = f"<script>const send = async (file) => {{{CONTRACT}}};</script>"
    body = f'<!doctype html><input type="file">{INCLUDED}{script}'
    page.route("**/form", lambda route: route.fulfill(body=body, content_type="text/html"))
    page.goto("https://api.example.com/form")
    page.locator("input").set_input_files(file)
    page.evaluate("send(document.querySelector('input').files[0])")
    assert heard[-2] == "100% done" and heard[-1].startswith("Done!")
    assert [line for line in heard if not re.fullmatch(r"\d+% done|Done!.*", line)] == []
    [upload] = uploads(portal, file)
    recording = portal.recording(str(upload["id"]))
    assert recording["sha256"] == upload["declared_sha256"] == digest(file)


def test_200_mb_go_on_in_a_new_tab_after_the_old_one_was_closed_at_60_percent(
    open_page: OpenPage, portal: Portal, token: str, film: Callable[..., Path]
) -> None:
    page, file = open_page(None), film(200_000_000)
    first = Site(page, portal, token)
    first.begin(file)
    first.until("seen.percents.at(-1) >= 60", 120)
    context = page.context
    page.close()
    [begun] = uploads(portal, file)
    assert begun["state"] == "open" and 120_000_000 <= int(str(begun["offset"])) < 170_000_000
    second = Site(context.new_page(), portal, token)
    second.begin(file)
    result = second.result(120)
    assert second.seen("percents")[0] >= 60
    assert len(set(first.sent) & set(second.sent)) <= 4, "more than what was in flight"
    assert len(second.sent) == len(set(second.sent)) and len(second.sent) < 80
    assert result["recording_id"] == begun["id"] and result["file_hash"] == digest(file)
    assert [each["id"] for each in uploads(portal, file)] == [begun["id"]]
    assert second.page.evaluate("Object.keys(localStorage)") == []


def test_pausing_stops_what_is_under_way_and_resuming_goes_on(
    open_page: OpenPage, portal: Portal, token: str, film: Callable[..., Path]
) -> None:
    file, site = film(12 * CHUNK), Site(open_page(None), portal, token)
    site.slow()
    site.begin(file)
    site.until("seen.percents.at(-1) >= 16")
    site.do("pause")
    [held] = uploads(portal, file)
    asked = len(site.sent)
    site.page.wait_for_timeout(1000)  # that nothing happens has no end to wait for
    assert len(site.sent) == asked and site.seen("result || seen.error") is None
    assert int(str(uploads(portal, file)[0]["offset"])) <= int(str(held["offset"])) + 4 * CHUNK
    site.do("resume")
    assert site.result()["file_hash"] == digest(file)
    assert len(site.sent) <= 12 + 4


def test_cancelling_ends_it_here_and_there(
    open_page: OpenPage, portal: Portal, token: str, film: Callable[..., Path]
) -> None:
    file, site = film(12 * CHUNK), Site(open_page(None), portal, token)
    site.slow()
    site.begin(file)
    site.until("seen.percents.at(-1) >= 8")
    site.do("pause")
    site.do("cancel")
    assert site.error()["code"] == "cancelled"
    [gone] = uploads(portal, file)
    assert gone["state"] == "abandoned"
    wait_for(lambda: not portal.stored_files(f"parts/{gone['id']}"))
    site.page.reload()
    site.begin(file)
    assert site.result()["recording_id"] != gone["id"]


def test_a_second_tab_is_told_that_the_first_is_sending(
    open_page: OpenPage, portal: Portal, token: str, film: Callable[..., Path]
) -> None:
    file, first = film(12 * CHUNK), Site(open_page(None), portal, token)
    first.slow()
    first.begin(file)
    first.until("seen.percents.at(-1) >= 8")
    second = Site(first.page.context.new_page(), portal, token)
    second.begin(file)
    assert second.error()["code"] == "other_tab" and second.sent == []
    first.result()
    assert len(uploads(portal, file)) == 1


def test_a_file_that_is_written_to_meanwhile_is_noticed(
    open_page: OpenPage, portal: Portal, token: str, film: Callable[..., Path]
) -> None:
    file, site = film(12 * CHUNK), Site(open_page(None), portal, token)
    site.slow()
    [size, _] = file.stat().st_size, site.begin(file)
    site.until("seen.percents.at(-1) >= 8")
    with file.open("ab") as growing:
        growing.write(b"more")
    assert site.error()["code"] == "file_changed"
    [begun] = portal.rows("SELECT * FROM upload WHERE filename = ? AND length = ?", file.name, size)
    assert begun["state"] == "open"


def test_on_plain_http_two_tabs_send_one_upload(
    open_page: OpenPage, portal: Portal, token: str, film: Callable[..., Path]
) -> None:
    """There the browser has no crypto.subtle and no locks."""
    file, page = film(3 * CHUNK), open_page(None)
    tabs = [page, page.context.new_page()]
    for tab in tabs:
        pass_on(tab, "http://recordings.test", portal)
    sites = [Site(tab, portal, token, "http://recordings.test/site") for tab in tabs]
    assert page.evaluate("[isSecureContext, crypto.subtle, navigator.locks]") == [False, None, None]
    for site in sites:
        site.begin(file)
    results = [site.result() for site in sites]
    assert results[0] == results[1] and results[0]["file_hash"] == digest(file)
    assert len(uploads(portal, file)) == 1


def test_what_is_no_recording_is_told_with_the_portals_reason(
    open_page: OpenPage, portal: Portal, token: str, tmp_path: Path
) -> None:
    note = tmp_path / "note.wav"
    note.write_bytes(b"no recording at all")
    site = Site(open_page(None), portal, token)
    site.begin(note)
    refused = site.error()
    assert (refused["code"], refused["status"]) == ("not_media", 422)
    assert site.page.evaluate("Object.keys(localStorage)") == []
    expect(site.page).to_have_title("Site")
