"""Acceptance 22 and 13 over the wire: what lies beyond a scope, and what stays of a person."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from portal.core import accounts
from portal.core.audit import SYSTEM
from portal.db import db
from tests.conftest import Portal, Tus, upload_id
from tests.web.browsing import Person

MISSING = "00000000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def call(portal: Portal, token: str, media: Callable[..., Path]) -> str:
    tus, content = Tus(portal, token), media("call-sales-0815.wav").read_bytes()
    path = tus.begin(len(content), "department c2FsZXM=")  # sales
    tus.patch(path, 0, content)
    portal.recording(upload_id(path))
    return upload_id(path)


def scoped(portal: Portal, *words: str) -> Person:
    """An auditor of this scope."""
    person = Person(portal, "auditor")
    with portal.app.app_context():
        accounts.set_scope(db.session, SYSTEM, person.email, words)
    return person


def denied(portal: Portal, who: str) -> list[str]:
    query = "SELECT object_id FROM audit_event WHERE action = 'authz.denied' AND actor_label = ?"
    return [row["object_id"] for row in portal.rows(query, who)]


def test_acceptance_22_beyond_the_scope_is_404_on_every_path_and_an_event(
    portal: Portal, call: str
) -> None:
    outside, inside = scoped(portal, "department:finance"), scoped(portal, "department:sales")
    media = inside.media_path(call)
    for count, name in enumerate(("", "/media", "/thumbnail", "/sprite", "/peaks"), start=1):
        path = f"/recordings/{call}{name}"
        assert outside.get(path).status_code == 404, path
        assert denied(portal, outside.email) == [call] * count
    assert outside.get(media).status_code == 404
    assert call not in outside.get("/recordings").text
    assert call in inside.get("/recordings").text
    assert inside.get(media).status_code == 200
    assert denied(portal, inside.email) == []


def test_acceptance_22_what_does_not_exist_is_404_without_an_event(portal: Portal) -> None:
    person = scoped(portal, "department:finance")
    for path in (
        f"/recordings/{MISSING}",
        "/recordings/..%2f..%2fetc%2fpasswd",
        "/recordings/%2e%2e/%2e%2e/etc/passwd",
        "/recordings/../../etc/passwd",
        f"/recordings/{MISSING}%00",
    ):
        assert person.get(path).status_code == 404, path
    assert denied(portal, person.email) == []


def test_acceptance_22_a_token_reaches_no_further_than_its_owner(portal: Portal, call: str) -> None:
    with portal.app.app_context():
        email = portal.person("auditor", ["department:finance"])
    scope = ("--source", "*")
    done = portal.cli("create-token", "--user", email, "--scope", "read", *scope)
    headers = {"Authorization": f"Bearer {done.stdout.strip()}"}
    for path in (f"/api/recordings/{call}", f"/api/recordings/{call}/content"):
        assert requests.get(portal.url + path, headers=headers).status_code == 404
    listed = requests.get(f"{portal.url}/api/recordings", headers=headers).json()
    assert listed["recordings"] == []
    assert denied(portal, email) == [call] * 2
    portal.cli("set-scope", email, "--department", "sales")
    assert requests.get(f"{portal.url}/api/recordings/{call}", headers=headers).ok


LISTS = (
    "/recordings?before={}",
    "/recordings?sort=longest&after={}",
    "/recordings/newer?than={}",
    "/api/recordings?cursor={}",
)


@pytest.mark.parametrize("address", LISTS)
def test_acceptance_22_a_list_goes_on_from_no_recording_beyond_the_scope(
    portal: Portal, call: str, address: str
) -> None:
    outside, inside = scoped(portal, "department:finance"), scoped(portal, "department:sales")
    if address.startswith("/api"):
        for person in (outside, inside):
            made = portal.cli("create-token", "--user", person.email, "--scope", "read")
            person.session.headers["Authorization"] = f"Bearer {made.stdout.strip()}"
    foreign, unknown = (outside.get(address.format(each)) for each in (call, MISSING))
    assert foreign.status_code == unknown.status_code == 400
    numbers = re.compile(r"[0-9a-f]{32}|[0-9a-f-]{36}|[A-Za-z0-9_.-]{60,}")
    assert numbers.sub("", foreign.text) == numbers.sub("", unknown.text)
    assert denied(portal, outside.email) == [call]
    assert inside.get(address.format(call)).status_code == 200
    assert denied(portal, inside.email) == []


@pytest.mark.parametrize(("role", "status"), [("auditor", 200), ("reviewer", 403), ("admin", 403)])
def test_the_original_is_for_those_who_may_save_it(
    portal: Portal, call: str, role: str, status: int
) -> None:
    headers = {"Authorization": f"Bearer {portal.token(role, 'read')}"}
    for method in ("HEAD", "GET"):
        address = f"{portal.url}/api/recordings/{call}/content"
        assert requests.request(method, address, headers=headers).status_code == status


def test_whoever_has_no_scope_sees_nothing_and_is_told_so(portal: Portal, call: str) -> None:
    person = scoped(portal)
    assert "No recordings are yours to see yet" in person.get("/recordings").text


def test_acceptance_13_what_a_person_did_outlives_the_account(portal: Portal, call: str) -> None:
    person = Person(portal, "auditor")
    person.get(f"/recordings/{call}")
    sender = portal.recording(call)["owner_label"]
    query = "SELECT * FROM audit_event WHERE actor_label = ? ORDER BY seq"
    before = portal.rows(query, person.email)
    portal.cli("disable-user", person.email)
    with sqlite3.connect(portal.data / "portal.sqlite3", timeout=20) as connection:
        connection.execute("PRAGMA foreign_keys=ON")
        mine = "(SELECT id FROM user WHERE email = ?)"
        connection.execute(f"DELETE FROM login_session WHERE user_id = {mine}", [person.email])
        connection.execute("DELETE FROM user WHERE email = ?", [person.email])
    assert len(before) == 2 and portal.rows(query, person.email) == before
    page = Person(portal, "auditor").get(f"/recordings/{call}?tab=history").text
    assert person.email in page, "the history still names who opened it"
    with sqlite3.connect(portal.data / "portal.sqlite3", timeout=20) as connection:
        connection.execute("PRAGMA foreign_keys=ON")
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute("DELETE FROM user WHERE email = ?", [sender])
    assert portal.recording(call)["owner_label"] == sender


def test_acceptance_22_uploads_of_others_are_404_and_an_event(portal: Portal, token: str) -> None:
    path = Tus(portal, token).begin(1000)
    stranger = portal.token()
    other = Tus(portal, stranger)
    assert other.head(path).status_code == 404
    assert other.patch(path, 0, b"x").status_code == 404
    assert other.delete(path).status_code == 404
    assert other.head(f"{path[:-4]}0000").status_code == 404, "there is none: no event"
    query = "SELECT * FROM audit_event WHERE action = 'authz.denied' AND object_id = ?"
    events = portal.rows(query, upload_id(path))
    assert [each["object_type"] for each in events] == ["upload"] * 3
    assert {each["token_id"] for each in events} == {stranger.split("_")[1]}
    assert Tus(portal, token).offset(path) == 0


def test_acceptance_22_notes_and_play_addresses_of_others_are_events(
    portal: Portal, call: str
) -> None:
    writer, reader = Person(portal, "auditor"), Person(portal, "auditor")
    writer.post(f"/recordings/{call}/notes", text="Mine alone.", start="0:01")
    note = portal.rows("SELECT id FROM note WHERE user_label = ?", writer.email)[0]["id"]
    for form in ({"remove": "1"}, {"text": "Yours"}):
        assert reader.post(f"/recordings/{call}/notes/{note}", **form).status_code == 404
    assert reader.get(writer.media_path(call)).status_code == 403
    assert reader.get(f"/recordings/{call}/media?play=made-up").status_code == 403
    assert denied(portal, reader.email) == [call] * 3


@pytest.mark.parametrize("page", ["record", "download", "export.csv", "tags", "verify"])
def test_acceptance_22_what_is_made_of_a_recording_stays_inside_too(
    portal: Portal, call: str, page: str
) -> None:
    outside = scoped(portal, "department:finance")
    if page == "export.csv":
        assert call not in outside.get("/recordings/export.csv").text
        return
    if page == "tags":
        outside.post("/recordings/tags/preview", id=call, tag="mine", act="add")
    elif page == "verify":
        assert outside.post(f"/recordings/{call}/verify").status_code == 404
    else:
        assert outside.get(f"/recordings/{call}/{page}").status_code == 404
    assert denied(portal, outside.email) == [call]
