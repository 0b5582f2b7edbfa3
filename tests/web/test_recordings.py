"""The pages of recordings: who sees what, page by page, and what the player is given."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Portal, Tus, upload_id
from tests.web.browsing import Person

MISSING = "00000000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def call(portal: Portal, token: str, media: Callable[..., Path]) -> str:
    """A finished phone call's id."""
    return send(Tus(portal, token), media("call-sales-0815.wav").read_bytes(), portal)


def send(tus: Tus, content: bytes, portal: Portal) -> str:
    path = tus.begin(len(content), "filename Y2FsbC53YXY=")
    tus.patch(path, 0, content)
    portal.recording(upload_id(path))
    return upload_id(path)


def test_an_auditor_finds_and_plays_a_recording(portal: Portal, call: str) -> None:
    auditor = Person(portal, "auditor")
    assert f"/recordings/{call}" in auditor.get("/recordings").text
    answer = auditor.get(auditor.media_path(call))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "audio/wav"
    row = portal.recording(call)
    assert answer.content == (portal.data / "store" / row["key"]).read_bytes()


@pytest.mark.parametrize("role", ["admin", "uploader"])
def test_who_is_no_listener_gets_no_byte(portal: Portal, token: str, call: str, role: str) -> None:
    person = Person(portal, role)
    for name in ("media", "thumbnail", "sprite", "peaks"):
        assert person.get(f"/recordings/{call}/{name}").status_code in (403, 404)
    page = person.get(f"/recordings/{call}")
    assert 'id="media"' not in page.text
    assert page.status_code == (200 if role == "admin" else 404)


def test_an_uploader_sees_only_what_is_its_own(portal: Portal, call: str) -> None:
    stranger = Person(portal, "uploader")
    assert call not in stranger.get("/recordings").text
    hidden, missing = stranger.get(f"/recordings/{call}"), stranger.get(f"/recordings/{MISSING}")
    assert hidden.status_code == missing.status_code == 404


def test_a_reviewer_does_not_see_the_history(portal: Portal, call: str) -> None:
    path = f"/recordings/{call}?tab=history"
    assert "Upload begun" in Person(portal, "auditor").get(path).text
    assert "Upload begun" not in Person(portal, "reviewer").get(path).text


def test_what_is_no_media_is_shown_in_quarantine_with_the_reason_and_never_served(
    portal: Portal, tus: Tus
) -> None:
    bad = send(tus, b"<script>alert(1)</script>" * 9, portal)
    auditor = Person(portal, "auditor")
    page = auditor.get(f"/recordings/{bad}").text
    assert "In quarantine" in page and 'id="media"' not in page
    assert auditor.get(f"/recordings/{bad}/media").status_code == 409
    assert bad in auditor.get("/recordings?state=quarantined").text
    assert bad not in auditor.get("/recordings?state=ready").text


def test_the_list_goes_on_page_by_page_in_both_directions(
    own_portal: Callable[..., Portal],
) -> None:
    portal = own_portal(PORTAL_WEB_PROCESSES="1")
    tus = Tus(portal, portal.token())
    paths = [tus.begin(0) for _ in range(51)]
    for path in paths:
        portal.recording(upload_id(path), seconds=60)
    newest_first = [upload_id(path) for path in reversed(paths)]
    auditor = Person(portal, "auditor")
    first = auditor.get("/recordings").text
    assert listed(first) == newest_first[:50] and 'rel="prev"' not in first
    second = auditor.get(re.search(r'rel="next" href="([^"]+)"', first)[1]).text
    assert listed(second) == newest_first[50:] and 'rel="next"' not in second
    back = auditor.get(re.search(r'rel="prev" href="([^"]+)"', second)[1]).text
    assert listed(back) == newest_first[:50]


def listed(page: str) -> list[str]:
    """The ids of the recordings on a list page, from top to bottom."""
    return re.findall(r'<a href="/recordings/([0-9a-f-]{36})">', page)


@pytest.mark.parametrize(
    "path",
    [
        "/recordings?before=x",
        "/recordings?state=secret",
        "/recordings?after=%00",
        "/recordings/x",
        "/recordings/%00",
        "/recordings/..%2f..%2fetc",
        f"/recordings/{MISSING}/media",
        "/nowhere",
        "/static/../wsgi.py",
        "/static/%2e%2e/app.py",
    ],
)
def test_wrong_addresses_get_a_page_and_no_server_error(portal: Portal, path: str) -> None:
    answer = Person(portal, "auditor").get(path)
    assert answer.status_code in (400, 404)
    assert "Traceback" not in answer.text


def test_a_damaged_recording_is_no_longer_served(portal: Portal, tus: Tus, media: Callable) -> None:
    damaged = send(tus, media("call-sales-0815.wav").read_bytes(), portal)
    auditor = Person(portal, "auditor")
    path = auditor.media_path(damaged)
    stored = portal.data / "store" / portal.recording(damaged)["key"]
    stored.chmod(0o640)
    content = bytearray(stored.read_bytes())
    content[1000] ^= 1
    stored.write_bytes(content)
    found = portal.cli("verify", damaged, check=False)
    assert found.returncode == 1 and "mismatch" in found.stdout
    assert auditor.get(path).status_code == 409
    page = auditor.get(f"/recordings/{damaged}").text
    assert "The stored bytes are not the ones that were verified." in page


def test_uploads_under_way_are_shown_with_their_progress(portal: Portal, tus: Tus) -> None:
    path = tus.begin(1000, "filename aGFsZi5tcDQ=")
    tus.patch(path, 0, b"x" * 250)
    page = Person(portal, "admin").get("/uploads").text
    assert "half.mp4" in page
    assert re.search(r'max="1000" value="250"', page)


def test_an_uploader_sees_only_its_own_uploads(portal: Portal, tus: Tus) -> None:
    tus.begin(1000, "filename b3RoZXJzLm1wNA==")
    assert "others.mp4" not in Person(portal, "uploader").get("/uploads").text
    assert Person(portal, "reviewer").get("/uploads").status_code == 403
