"""Recordings for programs: who finds which, page by page; what is told of them; their bytes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
import requests

from portal.core import tokens
from portal.db import db
from tests.conftest import Portal
from tests.wire.programs import LIST, Program, call, owner, sound

__all__ = ["call", "owner", "sound"]

NOWHERE = f"{LIST}/00000000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def diary(owner: Program, call: str) -> str:
    """What is no recording, and came after one."""
    return owner.send(b"Dear diary", filename="diary.txt", session_id="d-1")


def test_a_recording_is_told_with_everything_that_is_known(
    portal: Portal, owner: Program, call: str, sound: bytes
) -> None:
    said = owner.get(f"{LIST}/{call}").json()
    row = portal.recording(call)
    assert said["file_id"] == call and said["filename"] == 'Zoë’s call; "1".wav'
    assert (said["status"], said["source"], said["size"]) == ("ready", "tus", len(sound))
    assert (said["sha256"], said["content_type"]) == (row["sha256"], "audio/wav")
    assert said["duration_ms"] == row["duration_ms"] > 3000
    assert said["details"]["wats_user"] == "zoe"
    assert datetime.fromisoformat(said["received_at"]).tzinfo is UTC
    assert (said["deleted_at"], said["error"]) == (None, None)
    assert owner.get(LIST).json()["recordings"][-1] == said


def test_the_newest_come_first_and_pages_meet(owner: Program, call: str, diary: str) -> None:
    assert owner.listed() == [diary, call]
    first = owner.get(f"{LIST}?limit=1").json()
    assert ([each["file_id"] for each in first["recordings"]], first["next_cursor"]) == (
        [diary],
        diary,
    )
    second = owner.get(f"{LIST}?limit=1&cursor={first['next_cursor']}").json()
    assert [each["file_id"] for each in second["recordings"]] == [call]
    assert second["next_cursor"] is None


def test_what_is_asked_for_is_found_and_nothing_else(owner: Program, call: str, diary: str) -> None:
    received = owner.get(f"{LIST}/{diary}").json()["received_at"]
    plus = (datetime.fromisoformat(received) + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S.%f")
    for query, found in {
        "state=ready": [call],
        "state=quarantined": [diary],
        "state=deleted": [],
        "source=tus": [diary, call],
        "source=calls": [],
        "details.wats_user=zoe": [call],
        "wats_user=zoe": [call],
        "wats_user=zo": [],
        "wats_user=ZOE": [],
        "lead_id=7&wats_user=zoe": [call],
        "lead_id=7&details.session_id=d-1": [],
        "session_id=d-1": [diary],
        "details.filename=diary.txt": [diary],
        "details.nothing=": [],
        f"received_from={received}": [diary],
        f"received_to={received}": [call],
        f"received_from={plus}%2B02:00": [diary],
        f"received_from={plus}+02:00": [diary],
        "received_from=2099-01-01T00:00:00Z": [],
        "wats_user=" + quote("' OR 1=1 --"): [],
    }.items():
        assert owner.listed(query) == found, query


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("stat=ready", "stat"),
        ("details=x", "details"),
        ("details.%3Cname%3E=", ""),
        ("%00=1", "parameter"),
        ("state=lost", "state"),
        ("state=purging", "state"),
        ("state=ready&state=ready", "state"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=%2B5", "limit"),
        ("limit=", "limit"),
        ("limit=%D9%A5", "limit"),
        ("cursor=1", "cursor"),
        ("cursor=", "cursor"),
        ("received_from=yesterday", "received_from"),
        ("received_from=2026-01-01", "received_from"),
        ("received_from=2026-01-01T00:00:00", "received_from"),
        ("received_from=2026-13-01T00:00:00Z", "received_from"),
        ("received_to=0001-01-01T00:00:00%2B14:00", "received_to"),
        ("wats_user=%00", "wats_user"),
        ("&".join(f"details.{n}=x" for n in range(100)), "details"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(owner: Program, query: str, named: str) -> None:
    answer = owner.get(f"{LIST}?{query}")
    if not named:
        assert answer.json()["recordings"] == []
        return
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")
    assert named in answer.json()["error"]["message"]


def test_the_largest_page_is_500(owner: Program, call: str) -> None:
    assert call in owner.listed("limit=500")


def test_everybody_sees_what_is_theirs_to_see(portal: Portal, owner: Program, call: str) -> None:
    other, auditor = Program(portal), Program(portal, "auditor", "read")
    assert call in auditor.listed("limit=500") and other.listed() == []
    assert auditor.get(f"{LIST}/{call}/content").status_code == 200
    for path in (f"{LIST}/{call}", f"{LIST}/{call}/content"):
        assert other.get(path).status_code == 404
        assert requests.get(portal.url + path).status_code == 401
        assert Program(portal, "uploader", "upload").get(path).status_code == 403
    assert other.delete(call).status_code == 404
    assert Program(portal, "auditor", "read", "delete").delete(call).status_code == 403
    assert Program(portal, "uploader", "upload", "read").delete(call).status_code == 403
    assert requests.delete(f"{portal.url}{LIST}/{call}").status_code == 401
    assert requests.get(portal.url + LIST).status_code == 401
    assert Program(portal, "uploader", "upload").get(LIST).status_code == 403
    reviewer = Program(portal, "admin", "read")
    assert reviewer.get(f"{LIST}/{call}").status_code == 200
    assert reviewer.get(f"{LIST}/{call}/content").status_code == 403
    assert owner.get(f"{LIST}/{call}").json()["status"] == "ready"


@pytest.mark.parametrize("damaged", ["1", "..%2f..", "%00", "0" * 36, "x" * 2000])
def test_damaged_ids_are_not_found(owner: Program, damaged: str) -> None:
    for path in (f"{LIST}/{damaged}", f"{LIST}/{damaged}/content", NOWHERE):
        assert owner.get(path).status_code == 404
    assert owner.delete(damaged).status_code == 404


def downloads(portal: Portal, recording_id: str) -> list[dict[str, Any]]:
    query = "SELECT * FROM audit_event WHERE object_id = ? AND action = 'recording.download'"
    return portal.rows(query, recording_id)


def test_content_comes_whole_in_ranges_and_inert(owner: Program, call: str, sound: bytes) -> None:
    path = f"{LIST}/{call}/content"
    whole = owner.get(path)
    assert (whole.status_code, whole.content) == (200, sound)
    assert whole.headers["Content-Type"] == "audio/wav"
    assert whole.headers["X-Content-Type-Options"] == "nosniff"
    name = "inline; filename*=UTF-8''Zo%C3%AB%E2%80%99s%20call%3B%20%221%22.wav"
    assert whole.headers["Content-Disposition"] == name
    part = owner.get(path, Range="bytes=100-199")
    assert (part.status_code, part.content) == (206, sound[100:200])
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(sound)}"
    assert owner.get(path, Range="bytes=-9999999").content == sound
    assert owner.get(path, Range=f"bytes={len(sound)}-").status_code == 416
    assert owner.get(path, **{"If-None-Match": whole.headers["ETag"]}).status_code == 304
    head = owner.session.head(owner.portal.url + path)
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["Content-Length"]) == len(sound)


def test_no_byte_is_sent_before_the_audit_log_says_to_whom(portal: Portal, call: str) -> None:
    auditor = Program(portal, "auditor", "read")
    path, before = f"{portal.url}{LIST}/{call}/content", len(downloads(portal, call))
    assert auditor.session.head(path).status_code == 200
    assert len(downloads(portal, call)) == before
    with auditor.session.get(path, stream=True) as answer:
        seen = downloads(portal, call)
        assert next(answer.iter_content(1)) == b"R"
    assert len(seen) == before + 1
    assert seen[-1]["actor_type"] == "token" and auditor.token.split("_")[1] == seen[-1]["token_id"]


def test_what_is_quarantined_is_never_served(portal: Portal, owner: Program, diary: str) -> None:
    answer = owner.get(f"{LIST}/{diary}/content")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_playable")
    assert downloads(portal, diary) == []
    assert owner.get(f"{LIST}/{diary}").json()["error_code"] == "not_media"


def test_what_is_no_sound_or_film_is_only_a_file_to_save(own_portal: Callable) -> None:
    portal = own_portal(PORTAL_ACCEPT_TUS="*")
    program = Program(portal)
    answer = program.get(f"{LIST}/{program.send(b'Dear diary', filename='d.html')}/content")
    assert answer.content == b"Dear diary"
    assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''d.html"


def test_a_token_sees_calls_of_its_leads_only_on_every_path(portal: Portal, sound: bytes) -> None:
    email = portal.person("uploader")
    with portal.app.app_context():
        made = [
            tokens.create_token(db.session, email, ["upload", "read"], leads=leads)
            for leads in (["here"], ["there"], [])
        ]
    form = {"call_log_id": "123e4567-e89b-12d3-a456-426614174000"}
    sent = requests.post(
        f"{portal.url}/api/leads/here/recordings",
        headers={"Authorization": f"Bearer {made[0]}"},
        files={"file": ("call.wav", sound)},
        data=form,
    ).json()["data"]["id"]
    portal.recording(sent)
    for token, status in zip(made, (200, 404, 404), strict=True):
        authorized = {"Authorization": f"Bearer {token}"}
        for path in (f"{LIST}/{sent}", f"{LIST}/{sent}/content"):
            assert requests.get(portal.url + path, headers=authorized).status_code == status
        listed = requests.get(portal.url + LIST, headers=authorized).json()["recordings"]
        assert [each["file_id"] for each in listed] == ([sent] if status == 200 else [])


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/nothing"), ("PUT", LIST)])
def test_what_is_no_route_is_told_in_json(owner: Program, method: str, path: str) -> None:
    answer = owner.session.request(method, owner.portal.url + path)
    assert answer.status_code in (404, 405)
    assert set(answer.json()["error"]) == {"code", "message"}
