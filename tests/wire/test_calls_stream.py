"""Who may hear which call recording, and how it is played and listed."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from portal.core.models import Recording
from portal.core.transaction import writing
from portal.db import db
from tests.conftest import Portal
from tests.wire.calling import CALL_LOG, NOBODYS, Calls, caller_token, calls, refused, wav

__all__ = ["caller_token", "calls", "wav"]


@pytest.fixture(scope="module")
def kept(portal: Portal, caller_token: str, wav: bytes) -> str:
    """The id of a recording that can be played."""
    return Calls(portal, caller_token).saved(wav)


# Who may.


def test_no_or_a_wrong_token_is_401(calls: Calls, kept: str) -> None:
    for method, url in (("POST", calls.url), ("GET", calls.url), ("GET", f"{calls.url}/{kept}")):
        answer = requests.request(method, url)
        refused(answer, 401, "AUTHENTICATION_ERROR", "Authorization header is required")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        wrong = requests.request(method, url, headers={"Authorization": "Bearer x"})
        refused(wrong, 401, "AUTHENTICATION_ERROR", "unknown, expired or revoked")
    assert requests.head(f"{calls.url}/{kept}").status_code == 401


def test_a_lead_that_is_none_of_the_tokens_is_403_for_every_verb(
    portal: Portal, caller_token: str, kept: str, wav: bytes
) -> None:
    message = "You are not authorized to access this lead"
    without = portal.token("uploader", "upload", "read")
    for other in (Calls(portal, caller_token, "lead-2"), Calls(portal, without)):
        for answer in (
            other.whole(wav),
            other.step("init", filename="a", call_log_id=CALL_LOG),
            other.step("nonsense"),
            other.get(),
            other.get(f"/{kept}"),
        ):
            refused(answer, 403, "AUTHORIZATION_ERROR", message)
        assert other.session.head(f"{other.url}/{kept}").status_code == 403


def test_wrong_scopes_and_roles_are_403(portal: Portal, kept: str, wav: bytes) -> None:
    writer = Calls(portal, portal.token("uploader", "upload", leads=["*"]))
    refused(writer.get(f"/{kept}"), 403, "AUTHORIZATION_ERROR")
    refused(writer.get(), 403, "AUTHORIZATION_ERROR")
    for role, scope in (("uploader", "read"), ("auditor", "upload"), ("auditor", "read")):
        reader = Calls(portal, portal.token(role, scope, leads=["lead-1"]))
        refused(reader.whole(wav), 403, "AUTHORIZATION_ERROR")
        refused(reader.step("init", filename="a", call_log_id=CALL_LOG), 403, "AUTHORIZATION_ERROR")
        refused(reader.end(NOBODYS, 1), 403, "AUTHORIZATION_ERROR")
    admin = Calls(portal, portal.token("admin", "read", leads=["*"]))
    refused(admin.get(f"/{kept}"), 403, "AUTHORIZATION_ERROR")


def test_a_recording_belongs_to_its_lead_and_to_its_uploader(
    portal: Portal, calls: Calls, kept: str, wav: bytes
) -> None:
    everywhere = portal.token("auditor", "read", leads=["*"])
    assert Calls(portal, everywhere).get(f"/{kept}").content == wav
    for other in (
        Calls(portal, everywhere, "lead-2"),
        Calls(portal, portal.token("uploader", "upload", "read", leads=["lead-1"])),
    ):
        refused(other.get(f"/{kept}"), 404, "NOT_FOUND", "Recording not found")
        assert other.session.head(f"{other.url}/{kept}").status_code == 404
        assert other.get().json()["data"] == []
    token = portal.token("uploader", "upload", "read", leads=["*"])
    here, there = Calls(portal, token), Calls(portal, token, "lead-2")
    upload_id = here.begin()
    for other in (there, calls):
        refused(other.chunk(upload_id, 0, wav), 404, "NOT_FOUND")
        refused(other.end(upload_id, 1), 404, "NOT_FOUND")


def test_an_upload_of_another_dialect_is_none_of_ours(portal: Portal, wav: bytes) -> None:
    token = portal.token("uploader", "upload", "read", leads=["*"])
    calls, said = Calls(portal, token), base64.b64encode(b"lead-1").decode()
    headers = {"Upload-Length": str(len(wav)), "Tus-Resumable": "1.0.0"}
    headers["Upload-Metadata"] = f"lead_id {said}"
    created = calls.session.post(f"{portal.url}/api/v1/videos/tus", headers=headers)
    path = created.headers["Location"]
    refused(calls.end(path.rpartition("/")[2], 1), 404, "NOT_FOUND")
    headers |= {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    calls.session.patch(portal.url + path, wav, headers=headers)
    portal.recording(path.rpartition("/")[2])
    refused(calls.get(f"/{path.rpartition('/')[2]}"), 404, "NOT_FOUND", "Recording not found")
    assert calls.get().json() == {"data": [], "next": None}


# Playing and listing.


@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [
        ("0-0", 0, 1),
        ("100-199", 100, 200),
        ("1000-", 1000, None),
        ("-10", -10, None),
        ("0-99999999999", 0, None),
        ("-99999999999", 0, None),
    ],
)
def test_one_range_is_206(
    calls: Calls, kept: str, wav: bytes, header: str, start: int, stop: int | None
) -> None:
    answer = calls.get(f"/{kept}", Range=f"bytes={header}")
    assert (answer.status_code, answer.content) == (206, wav[start:stop])
    first = start % len(wav)
    last = first + len(answer.content) - 1
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(wav)}"
    assert answer.headers["Content-Type"] == "audio/wav"
    assert answer.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize("header", ["bytes=0-1,5-6", "bytes=5-4", "lines=1-2", "bytes=x", "5"])
def test_what_is_no_single_range_is_ignored(
    calls: Calls, kept: str, wav: bytes, header: str
) -> None:
    answer = calls.get(f"/{kept}", Range=header)
    assert (answer.status_code, answer.content) == (200, wav)


@pytest.mark.parametrize("header", ["bytes=99999999-", "bytes=-0"])
def test_a_range_beyond_the_end_is_416_in_json(
    calls: Calls, kept: str, wav: bytes, header: str
) -> None:
    answer = calls.get(f"/{kept}", Range=header)
    refused(answer, 416, "INVALID_RANGE", "Invalid range request")
    assert answer.headers["Content-Range"] == f"bytes */{len(wav)}"
    head = calls.session.head(f"{calls.url}/{kept}", headers={"Range": header})
    assert (head.status_code, head.content) == (416, b"")
    assert calls.get(f"/{kept}").content == wav


def test_conditions_are_heeded(calls: Calls, kept: str, wav: bytes) -> None:
    whole = calls.get(f"/{kept}")
    tag, date = whole.headers["ETag"], whole.headers["Last-Modified"]
    unchanged = calls.get(f"/{kept}", **{"If-None-Match": tag})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert calls.get(f"/{kept}", **{"If-Modified-Since": date}).status_code == 304
    for condition, status in ((tag, 206), (date, 206), ('"other"', 200), (f"W/{tag}", 200)):
        answer = calls.get(f"/{kept}", **{"Range": "bytes=0-9", "If-Range": condition})
        assert answer.status_code == status, condition
        assert answer.content == (wav[:10] if status == 206 else wav)
    # A range beyond the end of what the client does not hold is ignored too.
    stale = {"Range": "bytes=99999999-", "If-Range": '"other"'}
    assert calls.get(f"/{kept}", **stale).status_code == 200


def downloads(portal: Portal, recording_id: str) -> int:
    query = "SELECT seq FROM audit_event WHERE action = 'recording.download' AND object_id = ?"
    return len(portal.rows(query, recording_id))


def test_each_download_is_in_the_audit_log_before_its_first_byte(
    portal: Portal, calls: Calls, wav: bytes
) -> None:
    recording_id = calls.saved(wav)
    head = calls.session.head(f"{calls.url}/{recording_id}", headers={"Range": "bytes=0-9"})
    assert (head.status_code, head.headers["Content-Length"]) == (206, "10")
    head = calls.session.head(f"{calls.url}/{recording_id}")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(wav))
    assert head.headers["Accept-Ranges"] == "bytes"
    assert downloads(portal, recording_id) == 0
    with calls.session.get(f"{calls.url}/{recording_id}", stream=True):
        assert downloads(portal, recording_id) == 1
    calls.get(f"/{recording_id}", Range="bytes=0-9")
    assert downloads(portal, recording_id) == 1, "a piece of the same download"


def test_what_is_served_is_inert(calls: Calls, kept: str) -> None:
    headers = calls.get(f"/{kept}").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "private, no-store"
    assert "sandbox" in headers["Content-Security-Policy"]


def test_a_deleted_recording_is_not_found(portal: Portal, calls: Calls, wav: bytes) -> None:
    recording_id = calls.saved(wav)
    with portal.app.app_context(), writing(db.session):
        db.session.get_one(Recording, recording_id).state = "deleted"
    refused(calls.get(f"/{recording_id}"), 404, "NOT_FOUND", "Recording not found")
    refused(calls.end(recording_id, 1), 410, "UPLOAD_GONE", "deleted")
    assert recording_id not in calls.get().text


def test_the_list_goes_page_by_page_from_the_newest(portal: Portal, wav: bytes) -> None:
    lead = f"lead {secrets.token_hex(4)} é/x"
    token = portal.token("uploader", "upload", "read", leads=[lead])
    calls = Calls(portal, token, requests.utils.quote(lead, safe="/").replace("/", "%2F"))
    if calls.get().status_code != 200:  # a slash never reaches us as a part of one word
        lead = lead.replace("/x", "")
        token = portal.token("uploader", "upload", "read", leads=[lead])
        calls = Calls(portal, token, requests.utils.quote(lead))
    assert calls.get().json() == {"data": [], "next": None}
    ids = [calls.saved(wav, f"{number}.wav") for number in range(5)]
    everything = calls.get().json()
    assert [each["id"] for each in everything["data"]] == ids[::-1] and not everything["next"]
    newest = everything["data"][0]
    assert newest["duration"] == pytest.approx(1, abs=0.2)
    assert newest | {"duration": 1, "created_at": ""} == {
        "id": ids[4],
        "call_log_id": CALL_LOG,
        "filename": "4.wav",
        "content_type": "audio/wav",
        "duration": 1,
        "size": len(wav),
        "created_at": "",
    }
    assert newest["created_at"].endswith("Z")
    assert [each["id"] for each in pages(calls, 2)] == ids[::-1]
    auditor = Calls(portal, portal.token("auditor", "read", leads=["*"]), calls.url.split("/")[-2])
    assert auditor.get().json() == everything


def pages(calls: Calls, limit: int) -> Iterator[dict[str, Any]]:
    before: str | None = ""
    while before is not None:
        page = calls.get(f"?limit={limit}" + (f"&before={before}" if before else "")).json()
        assert len(page["data"]) <= limit
        yield from page["data"]
        before = page["next"]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=-1",
        "limit=+5",
        "limit= 5",
        "limit=1_0",
        "limit=٥",
        "limit=",
        "limit=9999999999999999",
        "before=x",
        "before=",
        "before=%00",
        "before=' OR 1=1",
    ],
)
def test_a_damaged_query_is_refused(calls: Calls, query: str) -> None:
    refused(calls.get(f"?{query}"), 400, "VALIDATION_ERROR")
