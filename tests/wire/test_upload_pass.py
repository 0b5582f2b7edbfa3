"""The pass of the upload page: what it opens, what it does not, and when it ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from itsdangerous import TimestampSigner

from portal.auth import BEARER, OPEN
from portal.core import passes
from portal.core.audit import SYSTEM
from portal.db import db
from tests.conftest import Portal, Tus, upload_id
from tests.waiting import wait_for
from tests.web.browsing import Person, csrf
from tests.web.test_revoking import is_closed

MIB = 1024 * 1024


def pass_of(person: Person) -> str:
    form = {"csrf_token": csrf(person.get("/uploads/new").text)}
    answer = person.session.post(f"{person.portal.url}/uploads/pass", data=form)
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store"
    return str(answer.json()["pass"])


def test_what_it_sends_is_the_persons_own(portal: Portal, media: Callable[..., Path]) -> None:
    person, content = Person(portal, "uploader"), media("call-sales-0815.wav").read_bytes()
    tus = Tus(portal, pass_of(person))
    path = tus.begin(len(content))
    assert tus.patch(path, 0, content).status_code == 204
    assert portal.recording(upload_id(path))["owner_label"] == person.email
    query = "SELECT actor_type, actor_label FROM audit_event WHERE object_id = ? AND action = ?"
    begun = portal.rows(query, upload_id(path), "upload.created")
    assert begun == [{"actor_type": "user", "actor_label": person.email}]


@pytest.mark.parametrize("role", ["officer", "auditor", "reviewer"])
def test_roles_that_do_not_send_get_none(portal: Portal, role: str) -> None:
    person = Person(portal, role)
    assert person.get("/uploads/new").status_code == 403
    assert person.post("/uploads/pass").status_code == 403


def test_nobody_gets_one_for_a_visitor_or_from_another_site(portal: Portal) -> None:
    address = f"{portal.url}/uploads/pass"
    assert "pass_" not in requests.post(address).text
    person = Person(portal, "uploader")
    answer = person.session.post(address)
    assert answer.status_code == 400 and "pass_" not in answer.text
    assert person.get("/uploads/pass").status_code == 404, "a link makes none either"


def test_it_opens_the_tus_endpoint_and_no_other_of_those_for_programs(portal: Portal) -> None:
    made = pass_of(Person(portal, "admin"))
    assert Tus(portal, made).create(10).status_code == 201
    asked = 0
    for rule in portal.app.url_map.iter_rules():
        blueprint = rule.endpoint.partition(".")[0]
        if blueprint not in set(BEARER) - {"tus"} or rule.arguments or rule.endpoint in OPEN:
            continue
        for method in rule.methods - {"OPTIONS"}:
            headers = {"Authorization": f"Bearer {made}"}
            answer = requests.request(method, portal.url + str(rule), headers=headers)
            assert answer.status_code == 401, (method, str(rule))
            asked += 1
    assert asked >= 10


def test_it_may_send_and_nothing_else(portal: Portal) -> None:
    made, key = pass_of(Person(portal, "admin")), portal.app.config["SECRET_KEY"]
    with portal.app.app_context():
        sign_in = passes.sign_in_of(key, made)
        caller = passes.caller_by_pass(db.session, sign_in, SYSTEM, timedelta(hours=1))
    assert caller.rights == {"upload"}


def test_it_reaches_no_upload_of_anybody_else(portal: Portal, tus: Tus) -> None:
    path = tus.begin(1000)
    for role in ("uploader", "admin"):
        other = Tus(portal, pass_of(Person(portal, role)))
        assert other.head(path).status_code == 404
        assert other.delete(path).status_code == 404


@pytest.mark.parametrize("end", ["sign out", "role", "disabled"])
def test_it_dies_with_the_session(portal: Portal, end: str) -> None:
    person = Person(portal, "uploader")
    tus = Tus(portal, pass_of(person))
    path = tus.begin(1000)
    if end == "sign out":
        person.post("/logout")
    elif end == "role":
        portal.cli("set-role", person.email, "reviewer")
    else:
        portal.cli("disable-user", person.email)
    assert tus.head(path).status_code == 401
    assert tus.create(10).status_code == 401


def test_what_is_being_sent_stops_soon_after_signing_out(portal: Portal) -> None:
    person = Person(portal, "uploader")
    tus = Tus(portal, pass_of(person))
    path = tus.begin(2 * MIB)
    with tus.raw(path, 0, 2 * MIB) as connection:
        connection.sendall(b"x" * 1000)
        connection.settimeout(0.5)
        query = "SELECT * FROM upload WHERE id = ?"
        wait_for(lambda: portal.rows(query, upload_id(path))[0]["writing"])
        person.post("/logout")
        wait_for(lambda: is_closed(connection), 10, "the request ends")


def test_an_old_one_and_a_made_up_one_are_refused(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = pass_of(Person(portal, "uploader"))
    key = portal.app.config["SECRET_KEY"]
    sign_in = passes.sign_in_of(key, fresh)
    age = passes.GOOD_FOR.total_seconds()
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda self: int(time.time() - age - 2))
    old = passes.make(key, sign_in)
    monkeypatch.undo()
    foreign = passes.make("another key", sign_in)
    for wrong in (old, foreign, fresh[:-1], f"{fresh}x", "pass_", f"pass_{sign_in}"):
        assert Tus(portal, wrong).create(10).status_code == 401, wrong
    assert Tus(portal, passes.make(key, sign_in)).create(10).status_code == 201
