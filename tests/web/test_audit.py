"""The audit log as people see it: found, filtered, followed, and only by those who may."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest

from portal.core import audit
from portal.core.audit import Actor
from portal.db import db
from tests.conftest import PASSWORD, Portal, Tus, upload_id
from tests.waiting import wait_for
from tests.web.browsing import Person

ACTOR = "zoe@example.org"


def shown(page: str) -> list[int]:
    """The numbers of the events on a page, as they stand there."""
    return [int(text.replace(",", "")) for text in re.findall(r'class="number">#([\d,]+)<', page)]


def links(page: str) -> list[str]:
    return [unescape(each) for each in re.findall(r'href="(/audit[^"]*)"', page)]


@pytest.fixture(scope="module")
def marked(portal: Portal) -> str:
    """The number of an object about which the log has 120 events, of two requests."""
    thing = secrets.token_hex(8)
    with portal.app.app_context():
        for number in range(120):
            actor = Actor("user", "u1", ACTOR, ip="192.0.2.7", request_id=f"{thing}{number % 2}")
            result = "denied" if number % 10 == 0 else "ok"
            audit.record_alone(
                db.session, actor, "user.created", ("thing", thing), result, n=number
            )
    return thing


@pytest.fixture(scope="module")
def auditor(portal: Portal) -> Person:
    return Person(portal, "auditor")


def test_newest_events_come_first_and_every_page_can_be_reached_and_left(
    auditor: Person, marked: str
) -> None:
    page = auditor.get(f"/audit?object={marked}").text
    assert "120 events" in page
    seen, address = shown(page), f"/audit?object={marked}"
    while found := re.search(r'rel="next" href="([^"]+)"', page):
        address = unescape(found[1])
        page = auditor.get(address).text
        seen += shown(page)
    assert len(seen) == 120 and seen == sorted(seen, reverse=True)
    back = auditor.get(unescape(re.search(r'rel="prev" href="([^"]+)"', page)[1])).text
    assert shown(back) == seen[50:100]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("result=denied", 12),
        ("actor=zoe%40example.org&result=ok", 108),
        ("ip=192.0.2.7", 120),
        ("ip=192.0.2.8", 0),
        ("action=user.created&type=thing", 120),
        ("action=auth.login", 0),
        ("type=recording", 0),
        ("from=2020-01-01&to=2020-01-02T10:00", 0),
        ("from=2020-01-01T00:00", 120),
    ],
)
def test_each_filter_narrows_the_list(auditor: Person, marked: str, query: str, count: int) -> None:
    page = auditor.get(f"/audit?object={marked}&{query}").text
    assert ("No event matches" if count == 0 else f"{count} events") in page


def test_a_request_s_events_are_one_link_away(auditor: Person, marked: str) -> None:
    page = auditor.get(f"/audit?object={marked}").text
    of_request = next(each for each in links(page) if each.startswith("/audit?request="))
    assert "60 events" in auditor.get(of_request).text
    assert f"/audit?actor={ACTOR}" in links(page)
    assert f"/audit?type=thing&object={marked}" in links(page)


def test_each_filter_is_a_chip_that_removes_it_and_nothing_else(
    auditor: Person, marked: str
) -> None:
    page = auditor.get(f"/audit?object={marked}&result=denied&action=user.created").text
    chips = re.search(r'<ul class="chips".*?</ul>', page, re.S)[0]
    assert "Account created" in chips and "Denied" in chips
    without_result = f"/audit?action=user.created&object={marked}"
    assert without_result in links(chips)
    assert "120 events" in auditor.get(without_result).text


@pytest.mark.parametrize(
    "query",
    ["from=yesterday", "before=1x", "before=999999999999", "actor=a%00b", "actor=" + "x" * 300],
)
def test_a_damaged_address_is_refused_in_a_sentence(auditor: Person, query: str) -> None:
    answer = auditor.get(f"/audit?{query}")
    assert answer.status_code == 400 and "That request was not understood" in answer.text


def test_what_changed_stands_before_and_after(portal: Portal, auditor: Person) -> None:
    thing = secrets.token_hex(8)
    with portal.app.app_context():
        change = audit.changed(
            {"role": "auditor", "active": True}, {"role": "admin", "active": True}
        )
        subject = ("user", thing)
        audit.record_alone(db.session, audit.SYSTEM, "user.created", subject, **change)
    page = auditor.get(f"/audit?object={thing}").text
    row = re.search(r'<th scope="row">role</th>.*?</tr>', page)[0]
    assert row.index("auditor") < row.index("admin")
    assert '<th scope="row">active</th>' not in page


def test_looking_is_written_down_once_for_each_page(portal: Portal) -> None:
    person = Person(portal, "officer")
    person.get("/audit")
    person.get("/audit?action=auth.login")
    person.get("/audit/chain")
    part = person.get("/audit/chain", **{"X-Requested-With": "refresh"}).text
    assert 'id="live"' in part and "<code" not in part and "<html" not in part
    query = "SELECT details FROM audit_event WHERE action = 'audit.viewed' AND actor_label = ?"
    rows = portal.rows(query + " ORDER BY seq", person.email)
    said = [json.loads(row["details"]) for row in rows]
    noted = [{name: each[name] for name in each if name != "sign_in"} for each in said]
    assert noted == [{"filters": {}}, {"filters": {"action": "auth.login"}}, {"page": "chain"}]


def test_what_a_person_does_names_the_sign_in(portal: Portal) -> None:
    person = Person(portal, "officer")
    person.get("/audit")
    person.sign_in(PASSWORD)
    query = "SELECT action, details FROM audit_event WHERE actor_label = ? ORDER BY seq"
    events = [
        (row["action"], json.loads(row["details"])) for row in portal.rows(query, person.email)
    ]
    ins = {said["sign_in"] for action, said in events if action == "auth.login"}
    views = [said["sign_in"] for action, said in events if action == "audit.viewed"]
    assert len(views) == 1 and set(views) <= ins


@pytest.mark.parametrize("path", ["/audit", "/audit/chain", "/audit/export.csv"])
@pytest.mark.parametrize(
    ("role", "status"),
    [("officer", 200), ("auditor", 200), ("admin", 200), ("reviewer", 403), ("uploader", 403)],
)
def test_who_may_read(portal: Portal, role: str, path: str, status: int) -> None:
    person = Person(portal, role)
    assert person.get(path).status_code == status
    menu = 'href="/audit"' in person.get("/recordings").text
    assert menu == (status == 200)


def test_an_administrator_reads_how_the_system_is_used_but_not_who_listened(
    portal: Portal, auditor: Person
) -> None:
    recording = secrets.token_hex(8)
    with portal.app.app_context():
        actor = Actor("user", "u2", f"{recording}@example.org")
        audit.record_alone(db.session, actor, "recording.view", ("recording", recording))
        audit.record_alone(db.session, actor, "auth.logout")
    admin, address = Person(portal, "admin"), f"/audit?actor={recording}@example.org"
    assert "2 events" in auditor.get(address).text
    page = admin.get(address).text
    assert "1 event<" in page and "<code>auth.logout</code>" in page
    assert "<code>recording.view</code>" not in page
    export = admin.get(f"/audit/export.jsonl?actor={recording}@example.org").text
    assert "auth.logout" in export and "recording.view" not in export


def test_acceptance_22_somebody_else_s_recording_is_404_and_an_event(
    portal: Portal, own_recording: str
) -> None:
    stranger = Person(portal, "uploader")
    assert stranger.get(f"/recordings/{own_recording}").status_code == 404
    query = "SELECT object_id, result FROM audit_event WHERE action = ? AND actor_label = ?"
    denied = portal.rows(query, "authz.denied", stranger.email)
    assert denied == [{"object_id": own_recording, "result": "denied"}]
    unknown = own_recording[:-4] + "0000"
    assert stranger.get(f"/recordings/{unknown}").status_code == 404
    assert len(portal.rows(query, "authz.denied", stranger.email)) == 1


@pytest.fixture(scope="module")
def own_recording(portal: Portal, token: str, media: Callable[[str], Path]) -> str:
    content = media("call-sales-0815.wav").read_bytes()
    tus = Tus(portal, token)
    path = tus.begin(len(content))
    tus.patch(path, 0, content)
    return str(portal.recording(upload_id(path))["id"])


def test_verify_now_shows_the_result_on_the_page_and_who_asked_in_the_log(
    portal: Portal, auditor: Person
) -> None:
    asked = "SELECT 1 FROM audit_event WHERE action = 'audit.verify_asked' AND actor_label = ?"
    answer = auditor.post("/audit/verify")
    assert answer.url.endswith("/audit/chain")
    assert len(portal.rows(asked, auditor.email)) == 1
    wait_for(lambda: "being verified" not in auditor.get("/audit/chain").text)
    page = auditor.get("/audit/chain").text
    assert re.search(r"Chain valid to #[\d,]+", page), page
    assert auditor.get("/audit").text.count("Chain valid to") == 1


def test_the_page_shows_the_key_that_the_command_prints(portal: Portal, auditor: Person) -> None:
    key = portal.cli("audit", "key").stdout.strip()
    assert re.fullmatch("[0-9a-f]{64}", key) and key in auditor.get("/audit/chain").text
    assert (portal.data / "seal_key").stat().st_mode & 0o777 == 0o600
