"""Saving the original: its bytes, its name, its SHA-256, and who did it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from portal.core import tokens
from portal.db import db
from portal.web.handover import attachment
from tests.conftest import Portal, Tus, upload_id
from tests.web.browsing import Person
from tests.web.test_revoking import SECONDS, Listener, long, wait_for

__all__ = ["long"]


@pytest.fixture(scope="module")
def content(media: Callable[..., Path]) -> bytes:
    return media("call-sales-0815.wav").read_bytes()


@pytest.fixture(scope="module")
def call(portal: Portal, token: str, content: bytes) -> str:
    name = base64.b64encode("ligação «1».wav".encode()).decode()
    tus = Tus(portal, token)
    path = tus.begin(len(content), f"filename {name}")
    tus.patch(path, 0, content)
    portal.recording(upload_id(path))
    return upload_id(path)


def downloads(portal: Portal, who: str) -> int:
    query = "SELECT 1 FROM audit_event WHERE action = 'recording.download' AND actor_label = ?"
    return len(portal.rows(query, who))


def test_the_original_is_saved_under_its_name_with_its_digest(
    portal: Portal, call: str, content: bytes
) -> None:
    person = Person(portal, "auditor")
    assert f"/recordings/{call}/download" in person.get(f"/recordings/{call}").text
    answer = person.get(f"/recordings/{call}/download")
    assert answer.content == content
    digest = f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"
    assert answer.headers["Repr-Digest"] == answer.headers["Content-Digest"] == digest
    assert answer.headers["Content-Disposition"] == (
        'attachment; filename="ligacao 1.wav"; '
        "filename*=UTF-8''liga%C3%A7%C3%A3o%20%C2%AB1%C2%BB.wav"
    )
    assert downloads(portal, person.email) == 1


def test_a_part_carries_the_digest_of_the_whole_and_many_are_one_download(
    portal: Portal, call: str, content: bytes
) -> None:
    person = Person(portal, "officer")
    answer = person.get(f"/recordings/{call}/download", Range="bytes=100-199")
    assert (answer.status_code, answer.content) == (206, content[100:200])
    assert "Content-Digest" not in answer.headers
    assert hashlib.sha256(content).digest() == base64.b64decode(
        answer.headers["Repr-Digest"].removeprefix("sha-256=:").rstrip(":")
    )
    for at in range(20):
        person.get(f"/recordings/{call}/download", Range=f"bytes={at}-{at}")
    query = "SELECT details FROM audit_event WHERE action = ? AND actor_label = ?"
    [event] = portal.rows(query, "recording.download", person.email)
    digest = hashlib.sha256(content).hexdigest()
    said = json.loads(event["details"])
    assert (said["sha256"], said["first_piece"]) == (digest, [100, 200])


def test_an_answer_without_bytes_is_no_download(portal: Portal, call: str, content: bytes) -> None:
    person, path = Person(portal, "officer"), f"/recordings/{call}/download"
    assert person.get(path, Range="bytes=9999999-").status_code == 416
    tag = f'"{hashlib.sha256(content).hexdigest()}"'
    assert person.get(path, **{"If-None-Match": tag}).status_code == 304
    assert downloads(portal, person.email) == 0


def test_to_look_at_the_headers_is_no_download(portal: Portal, call: str, content: bytes) -> None:
    person = Person(portal, "auditor")
    answer = person.session.head(f"{portal.url}/recordings/{call}/download")
    assert answer.headers["Content-Length"] == str(len(content))
    assert downloads(portal, person.email) == 0


@pytest.mark.parametrize("role", ["admin", "reviewer", "source_owner"])
def test_who_may_not_save_gets_neither_link_nor_bytes(portal: Portal, call: str, role: str) -> None:
    person = Person(portal, role)
    assert "/download" not in person.get(f"/recordings/{call}").text
    assert person.get(f"/recordings/{call}/download").status_code == 403
    assert downloads(portal, person.email) == 0


def test_who_has_not_signed_in_is_asked_to(portal: Portal, call: str) -> None:
    answer = requests.get(f"{portal.url}/recordings/{call}/download", allow_redirects=False)
    assert answer.status_code == 302 and "/login" in answer.headers["Location"]


def reasons(portal: Portal, recording_id: str) -> list[dict[str, str]]:
    query = "SELECT details FROM audit_event WHERE action = 'recording.download' AND object_id = ?"
    details = [json.loads(row["details"]) for row in portal.rows(query, recording_id)]
    return [
        {name: text for name, text in each.items() if name.startswith("reason")} for each in details
    ]


def test_what_is_played_for_a_reason_only_is_saved_for_one_only(
    own_portal: Callable[..., Portal], content: bytes
) -> None:
    portal = own_portal(PORTAL_ASK_REASON="tus", PORTAL_WEB_PROCESSES="1")
    tus = Tus(portal, portal.token())
    path = tus.begin(len(content))
    tus.patch(path, 0, content)
    call, person = upload_id(path), Person(portal, "auditor")
    portal.recording(call)
    facts = person.get(f"/recordings/{call}").text.partition('id="facts"')[2]
    assert "Save the original" not in facts
    assert person.get(f"/recordings/{call}/download").status_code == 400
    assert downloads(portal, person.email) == 0
    person.begin(call, reason="legal")
    assert person.get(f"/recordings/{call}/download").content == content
    assert reasons(portal, call) == [{"reason": "legal"}]
    with portal.app.app_context():
        token = tokens.create_token(db.session, person.email, ["read"])
    address = f"{portal.url}/api/recordings/{call}/content"
    headers = {"Authorization": f"Bearer {token}"}
    refused = requests.get(address, headers=headers)
    assert refused.status_code == 400 and refused.json()["error"]["code"] == "reason_missing"
    assert "portal" in refused.json()["error"]["message"]
    assert requests.get(f"{address}?reason=fun", headers=headers).status_code == 400
    assert len(reasons(portal, call)) == 1, "what was refused is no download"
    said = {"reason": "other", "reason_text": "nº 4711"}
    assert requests.get(address, said, headers=headers).content == content
    assert reasons(portal, call)[1] == said, "a token is not its owner"
    assert requests.get(f"{address}?reason=legal", headers=headers).ok
    assert reasons(portal, call)[2:] == [{"reason": "legal"}], "another reason, another event"


def test_acceptance_21_a_running_download_stops_when_its_session_ends(
    portal: Portal, long: str
) -> None:
    person = Person(portal, "auditor")
    cookie = "; ".join(f"{each.name}={each.value}" for each in person.session.cookies)
    listener = Listener(portal, f"/recordings/{long}/download", Cookie=cookie)
    wait_for(lambda: listener.received > 65536)
    person.post("/logout")
    wait_for(lambda: listener.ended_at, SECONDS, "the download ends")
    assert listener.received < portal.recording(long)["size"]
    listener.leave()


@pytest.mark.parametrize(
    ("name", "simple", "whole"),
    [
        ("call.wav", "call.wav", "call.wav"),
        ('a"b\\c/../d.wav', "a_b_c_.._d.wav", "a_b_c_.._d.wav"),
        ("x\r\nSet-Cookie: y=1.wav", "xSet-Cookie_ y=1.wav", "%EF%BF%BD%EF%BF%BD"),
        ("fdp.\u202evaw.exe", "fdp.vaw.exe", "%EF%BF%BD"),
        ("..", "recording", "recording"),
        ("通話", "recording", "%E9%80%9A%E8%A9%B1"),
    ],
)
def test_no_name_breaks_out_of_its_header_or_its_folder(name: str, simple: str, whole: str) -> None:
    said = attachment(name)
    assert f'filename="{simple}"; ' in said
    assert whole in said.partition("filename*=UTF-8''")[2]
    assert said.isascii() and said.isprintable()
