"""The pages of uploads: the live table, one upload, ending it and keeping it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from portal.core.models import Upload
from portal.core.transaction import writing
from portal.db import db
from tests.conftest import Portal, Tus, upload_id, wait_for
from tests.web.browsing import Person, csrf
from tests.wire.chunking import CHUNK, Client, pieces

NAMED = "filename bWluZS5tcDQ="


def sending(person: Person) -> Tus:
    """A tus client with a pass of somebody who is signed in."""
    form = {"csrf_token": csrf(person.get("/uploads/new").text)}
    answer = person.session.post(f"{person.portal.url}/uploads/pass", data=form)
    assert answer.status_code == 200, answer.text
    return Tus(person.portal, answer.json()["pass"])


def row(portal: Portal, path: str) -> dict[str, object]:
    return portal.rows("SELECT * FROM upload WHERE id = ?", upload_id(path))[0]


def events(portal: Portal, path: str, action: str) -> list[dict[str, object]]:
    query = "SELECT * FROM audit_event WHERE object_id = ? AND action = ?"
    return portal.rows(query, upload_id(path), action)


@pytest.fixture
def sender(portal: Portal) -> Person:
    return Person(portal, "uploader")


@pytest.fixture
def mine(sender: Person) -> str:
    """The path of an upload of the sender's, a quarter of it here."""
    tus = sending(sender)
    path = tus.begin(1000, NAMED)
    assert tus.patch(path, 0, b"x" * 250).status_code == 204
    return path


def test_the_table_is_filtered_by_state_and_goes_on_page_by_page(sender: Person) -> None:
    tus = sending(sender)
    paths = [tus.begin(1000, NAMED) for _ in range(27)]
    first = sender.get("/uploads?state=open").text
    assert first.count('id="u-') == 25 and upload_id(paths[0]) not in first
    older = re.search(r'rel="next" href="([^"]+)"', first)[1].replace("&amp;", "&")
    assert re.findall(r'id="u-([^"]+)"', sender.get(older).text) == [
        upload_id(path) for path in paths[1::-1]
    ]
    assert 'id="u-' not in sender.get("/uploads?state=failed").text
    assert "/recordings?state=quarantined" in first
    assert sender.get("/uploads?state=done").status_code == 400


def test_a_map_shows_which_numbered_parts_are_missing(portal: Portal, token: str) -> None:
    client, content = Client(portal, token), secrets.token_bytes(5 * CHUNK)
    begun = client.begin(content)
    for number in (0, 1, 3):
        assert client.raw(begun, number, pieces(content)[number]).ok
    page = Person(portal, "admin").get(f"/uploads/{begun}").text
    assert "3 of 5 parts are here; the first that is missing is number 2" in page
    found = re.findall(r'height="1" class="(\w+)"', page)
    assert found == ["here", "here", "none", "here", "none"]


def test_what_failed_says_why_and_what_to_do_in_the_readers_language(sender: Person) -> None:
    tus = sending(sender)
    path = tus.begin(4, f"{NAMED},sha256 {'MDAw' * 21}MA==")
    tus.patch(path, 0, b"xxxx")
    wait_for(lambda: row(sender.portal, path)["state"] == "failed")
    sender.post("/language", language="pt_BR", next="/uploads")
    for page in ("/uploads?state=failed", f"/uploads/{upload_id(path)}"):
        shown = sender.get(page).text
        assert "A soma SHA-256 não é a que foi declarada por quem enviou." in shown, shown
        assert "antes: envie de novo." in shown
    assert "/cancel" not in shown and "/extend" not in shown


@pytest.fixture
def failed(sender: Person, media: Callable[..., Path]) -> str:
    """The path of a recording whose assembly failed: another SHA-256 was declared."""
    tus, content = sending(sender), media("call-sales-0815.wav").read_bytes()
    path = tus.begin(len(content), f"{NAMED},sha256 {'MDAw' * 21}MA==")
    tus.patch(path, 0, content)
    wait_for(lambda: row(sender.portal, path)["state"] == "failed")
    return path


def test_who_may_has_a_failed_assembly_tried_again_from_its_own_page(
    portal: Portal, failed: str
) -> None:
    admin, page = Person(portal, "admin"), f"/uploads/{upload_id(failed)}"
    assert f'action="{page}/retry"' in admin.get(page).text
    assert admin.session.post(f"{portal.url}{page}/retry").status_code == 400, "needs the form"
    with portal.app.app_context(), writing(db.session):  # mend what stood in its way
        db.session.get_one(Upload, upload_id(failed)).declared_sha256 = None
    assert "It is tried again." in admin.post(f"{page}/retry").text
    assert portal.recording(upload_id(failed))["state"] == "ready"
    job = f"assemble_upload-{upload_id(failed)}"
    assert [each["actor_label"] for each in events(portal, job, "job.retried")] == [admin.email]
    assert f"{page}/retry" not in admin.get(page).text
    assert "It cannot be tried again now." in admin.post(f"{page}/retry").text


@pytest.mark.parametrize("role", ["its sender", "officer", "auditor"])
def test_who_may_not_is_offered_no_other_try_and_gets_none(
    sender: Person, failed: str, role: str
) -> None:
    person = sender if role == "its sender" else Person(sender.portal, role)
    page = f"/uploads/{upload_id(failed)}"
    assert f"{page}/retry" not in person.get(page).text
    assert person.post(f"{page}/retry").status_code == 403
    assert row(sender.portal, failed)["state"] == "failed"


@pytest.mark.parametrize("who", ["its sender", "an administrator"])
def test_an_open_upload_is_cancelled_and_its_bytes_removed(
    sender: Person, mine: str, who: str
) -> None:
    person = sender if who == "its sender" else Person(sender.portal, "admin")
    page = person.get(f"/uploads/{upload_id(mine)}").text
    assert "This cannot be undone" in page
    shown = person.post(f"/uploads/{upload_id(mine)}/cancel").text
    assert "Cancelled. What had arrived of it is removed." in shown
    assert row(sender.portal, mine)["state"] == "abandoned"
    assert sender.portal.stored_files(f"parts/{upload_id(mine)}") == []
    assert [each["actor_label"] for each in events(sender.portal, mine, "upload.cancelled")] == [
        person.email
    ]
    again = person.post(f"/uploads/{upload_id(mine)}/cancel")
    assert again.status_code == 200 and "has ended meanwhile" in again.text
    assert len(events(sender.portal, mine, "upload.cancelled")) == 1
    assert sending(sender).patch(mine, 250, b"x").status_code == 410


def test_an_upload_that_was_given_more_time_keeps_it_when_bytes_arrive(
    sender: Person, mine: str
) -> None:
    before = row(sender.portal, mine)["expires_at"]
    assert (
        "It waits longer now." in sender.post(f"/uploads/{upload_id(mine)}/extend", days="30").text
    )
    later = row(sender.portal, mine)["expires_at"]
    assert later > before
    assert sending(sender).patch(mine, 250, b"x").status_code == 204
    assert row(sender.portal, mine)["expires_at"] == later
    sender.post(f"/uploads/{upload_id(mine)}/extend", days="1")
    assert row(sender.portal, mine)["expires_at"] == later, "it never becomes sooner"
    event = events(sender.portal, mine, "upload.extended")[0]
    assert later[:10] in str(event["details"]) and event["actor_label"] == sender.email


@pytest.mark.parametrize("days", ["0", "31", "-1", "x", ""])
def test_more_time_is_bounded(sender: Person, mine: str, days: str) -> None:
    before = row(sender.portal, mine)["expires_at"]
    answer = sender.post(f"/uploads/{upload_id(mine)}/extend", days=days)
    assert answer.status_code == 400 and row(sender.portal, mine)["expires_at"] == before


@pytest.mark.parametrize(
    ("role", "status"), [("officer", 403), ("auditor", 403), ("uploader", 404), ("reviewer", 403)]
)
@pytest.mark.parametrize("act", ["cancel", "extend"])
def test_nobody_else_ends_or_keeps_it(
    portal: Portal, mine: str, act: str, role: str, status: int
) -> None:
    stranger = Person(portal, role)
    path = f"/uploads/{upload_id(mine)}"
    assert stranger.post(f"{path}/{act}", days="1").status_code == status
    assert row(portal, mine)["state"] == "open"
    assert not events(portal, mine, "upload.extended")
    assert len(events(portal, mine, "authz.denied")) == (status == 404)
    if status == 403 and role != "reviewer":
        assert f"{path}/{act}" not in stranger.get(path).text, "no button that does nothing"


def test_the_state_of_ones_own_upload_ends_at_its_recording(
    sender: Person, media: Callable[..., object]
) -> None:
    tus, content = sending(sender), media("call-sales-0815.wav").read_bytes()
    path = tus.begin(len(content), NAMED)
    asked = f"/uploads/{upload_id(path)}/state"
    assert sender.get(asked).json() == {"state": "open", "words": "", "address": None}
    tus.patch(path, 0, content)
    sender.portal.recording(upload_id(path))
    found = sender.get(asked).json()
    assert found == {"state": "ready", "words": "", "address": f"/recordings/{upload_id(path)}"}
    assert sender.get(found["address"]).status_code == 200
    assert Person(sender.portal, "uploader").get(asked).status_code == 404
