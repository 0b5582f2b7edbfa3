"""Playing over HTTP: no byte without a play session, and the log says what has really arrived."""

from __future__ import annotations

import json
import re
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portal.core import audit
from portal.core.transaction import writing
from portal.db import db
from tests.conftest import Portal, Tus, upload_id
from tests.sounds import MIB, silence
from tests.waiting import wait_for
from tests.web.browsing import Person
from tests.web.test_revoking import Listener


def send(portal: Portal, content: bytes) -> str:
    tus = Tus(portal, portal.token())
    path = tus.begin(len(content), "filename Y2FsbC53YXY=")
    assert tus.patch(path, 0, content).status_code == 204
    portal.recording(upload_id(path), seconds=60)
    return upload_id(path)


@pytest.fixture(scope="module")
def content(media: Callable[..., Path]) -> bytes:
    return media("call-sales-0815.wav").read_bytes()


@pytest.fixture(scope="module")
def call(portal: Portal, content: bytes) -> str:
    return send(portal, content)


@pytest.fixture(scope="module")
def big(portal: Portal) -> str:
    """64 MiB, which no buffer between us and a client holds."""
    return send(portal, b"".join(silence(64 * MIB)))


def plays(portal: Portal, person: Person) -> list[dict[str, Any]]:
    query = "SELECT * FROM play_session WHERE user_label = ? ORDER BY id"
    return portal.rows(query, person.email)


def sent(portal: Portal, person: Person) -> list[list[int]]:
    """What the log says has arrived, as soon as it says anything."""
    wait_for(lambda: plays(portal, person)[-1]["sent"] != "[]")
    return json.loads(plays(portal, person)[-1]["sent"])


def cookie_of(person: Person) -> str:
    return "; ".join(f"{name}={value}" for name, value in person.session.cookies.items())


def test_a_play_session_is_in_the_log_before_the_first_byte(portal: Portal, call: str) -> None:
    auditor = Person(portal, "auditor")
    bare = f"/recordings/{call}/media"
    assert auditor.get(bare).status_code == 403
    assert auditor.get(f"{bare}?play=forged").status_code == 403
    assert plays(portal, auditor) == []
    path = auditor.media_path(call)
    query = "SELECT * FROM audit_event WHERE action = 'recording.play.start' AND actor_label = ?"
    assert len(portal.rows(query, auditor.email)) == len(plays(portal, auditor)) == 1
    assert auditor.get(path).status_code == 200
    another = Person(portal, "auditor")
    assert another.get(path).status_code == 403, "the address works for its own person only"


def test_a_forged_form_opens_no_play_session(portal: Portal, call: str) -> None:
    auditor = Person(portal, "auditor")
    for act in ("play", "heard", "notes", "review"):
        answer = auditor.session.post(f"{portal.url}/recordings/{call}/{act}", data={"text": "x"})
        assert answer.status_code == 400, act
    assert plays(portal, auditor) == []


def test_acceptance_2_five_hundred_range_requests_are_one_play_row(
    portal: Portal, call: str, content: bytes
) -> None:
    auditor = Person(portal, "auditor")
    path, step = auditor.media_path(call), len(content) // 500 + 1
    for at in range(0, len(content), step):
        answer = auditor.get(path, Range=f"bytes={at}-{at + step - 1}")
        assert answer.status_code == 206
    wait_for(lambda: sent(portal, auditor) == [[0, len(content)]])
    assert len(plays(portal, auditor)) == 1


def test_acceptance_3_a_lone_open_range_is_logged_as_what_has_arrived(
    portal: Portal, big: str
) -> None:
    auditor = Person(portal, "auditor")
    path = auditor.media_path(big)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    client.connect(("127.0.0.1", portal.port))
    client.sendall(
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie_of(auditor)}\r\n"
        "Range: bytes=0-\r\n\r\n".encode()
    )
    taken = 0
    while taken < MIB:
        taken += len(client.recv(65536))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    [[start, stop]] = sent(portal, auditor)
    wait_for(lambda: sent(portal, auditor)[0][1] >= MIB - 2048, 10)
    stop = sent(portal, auditor)[0][1]
    assert start == 0 and stop < 2 * MIB, f"{stop} of {64 * MIB} bytes"


def test_what_is_taken_in_full_is_logged_in_full(portal: Portal, big: str) -> None:
    auditor = Person(portal, "auditor")
    size = len(auditor.get(auditor.media_path(big)).content)
    wait_for(lambda: sent(portal, auditor) == [[0, size]], 10)


def test_a_long_answer_is_logged_while_it_runs(portal: Portal, big: str) -> None:
    auditor = Person(portal, "auditor")
    url = portal.url + auditor.media_path(big)
    with auditor.session.get(url, stream=True) as answer:
        answer.raw.read(8 * MIB)
        wait_for(lambda: sent(portal, auditor)[0][1] >= 8 * MIB, 10)


@pytest.mark.parametrize(
    "ranges", ["x", "{}", "[1]", "[[1]]", "[[1,2.5]]", "[[-1,5]]", "[[1,true]]", "[" * 9000]
)
def test_nonsense_about_what_was_heard_is_refused(portal: Portal, call: str, ranges: str) -> None:
    auditor = Person(portal, "auditor")
    secret = auditor.begin(call).json()["play"]
    answer = auditor.post(f"/recordings/{call}/heard", play=secret, ranges=ranges)
    assert answer.status_code == 400
    assert json.loads(plays(portal, auditor)[0]["heard"]) == []


def test_what_was_heard_is_shown_to_auditors(portal: Portal, call: str) -> None:
    reviewer, auditor = Person(portal, "reviewer"), Person(portal, "auditor")
    secret = reviewer.begin(call).json()["play"]
    wait_for(lambda: reviewer.get("/recordings").ok)
    told = reviewer.post(f"/recordings/{call}/heard", play=secret, ranges="[[1000,9000]]")
    assert told.status_code == 204
    page = auditor.get(f"/recordings/{call}?tab=access").text
    assert reviewer.email in page and "0:01–0:0" in page
    assert "of it unproven: fewer bytes were received" in page, "it never asked for one"
    hidden = reviewer.get(f"/recordings/{call}?tab=access").text
    assert "Bytes received" not in hidden


def test_acceptance_5_more_than_a_thousand_events_of_the_history_are_reachable(
    portal: Portal, content: bytes
) -> None:
    call = send(portal, content)
    with portal.app.app_context(), writing(db.session):
        for number in range(1100):
            subject = ("recording", call)
            audit.record(db.session, audit.SYSTEM, f"test.{number}", subject)
    auditor, path, seen = Person(portal, "auditor"), f"/recordings/{call}/tab?tab=history", set()
    while path:
        page = auditor.get(path).text
        seen |= set(re.findall(r"test\.[0-9]+", page))
        further = re.search(r'rel="next" href="[^"]+" data-panel="([^"]+)"', page)
        path = further[1].replace("&amp;", "&") if further else ""
    assert len(seen) == 1100


def test_a_sensitive_source_asks_why_before_anything_is_played(
    own_portal: Callable[..., Portal], content: bytes
) -> None:
    portal = own_portal(PORTAL_ASK_REASON="tus", PORTAL_WEB_PROCESSES="1")
    call, auditor = send(portal, content), Person(portal, "auditor")
    assert "Why do you want to hear" in auditor.get(f"/recordings/{call}").text
    pictures = [f"/recordings/{call}/{each}" for each in ("thumbnail", "sprite", "peaks")]
    assert [auditor.get(each).status_code for each in pictures] == [400] * 3
    assert auditor.begin(call).status_code == 400
    assert auditor.begin(call, reason="other").status_code == 400
    assert plays(portal, auditor) == []
    without_script = auditor.post(f"/recordings/{call}/play", reason="legal", reason_text="nº 4711")
    assert 'id="media" src="/recordings/' in without_script.text
    assert auditor.begin(call).ok, "the reason holds for a while"
    shape = auditor.get(pictures[-1])
    assert shape.ok and "no-store" in shape.headers["Cache-Control"]
    assert [row["reason_text"] for row in plays(portal, auditor)] == ["nº 4711"] * 2
    assert "nº 4711" in auditor.get(f"/recordings/{call}?tab=access").text
    assert "Why do you want" in Person(portal, "auditor").get(f"/recordings/{call}").text


def test_a_play_session_names_the_sign_in_that_it_was_opened_in(portal: Portal, call: str) -> None:
    auditor = Person(portal, "auditor")
    auditor.begin(call)
    query = "SELECT login_session_id FROM play_session WHERE user_label = ?"
    [played] = portal.rows(query, auditor.email)
    query = "SELECT details FROM audit_event WHERE action = ? AND actor_label = ?"
    for action in ("auth.login", "recording.play.start"):
        [event] = portal.rows(query, action, auditor.email)
        assert json.loads(event["details"])["sign_in"] == played["login_session_id"], action
    tab = auditor.get(f"/recordings/{call}/tab?tab=access").text
    assert f"sign-in {played['login_session_id'][:8]}" in tab


def test_who_says_that_the_page_is_left_gets_no_more_than_the_log_tells(
    portal: Portal, big: str
) -> None:
    auditor = Person(portal, "auditor")
    path = auditor.media_path(big)
    client = Listener(portal, path, Cookie=cookie_of(auditor))
    wait_for(lambda: client.received > MIB)
    secret = path.partition("play=")[2]
    assert auditor.post(f"/recordings/{big}/heard", play=secret, closing="1").status_code == 204
    wait_for(lambda: client.ended_at, 10, "the answer is cut off")
    assert client.received < 64 * MIB
    content = client.received - 2048  # its header
    wait_for(lambda: sent(portal, auditor)[-1][1] >= content, 10)
    client.leave()
