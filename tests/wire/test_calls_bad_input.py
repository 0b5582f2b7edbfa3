"""Call recordings with wrong, hostile or huge requests: the right status, and a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from portal.core.models import Token
from portal.core.transaction import utc_now, writing
from portal.db import db
from tests.conftest import Portal
from tests.wire.calling import CALL_LOG, NOBODYS, Calls, caller_token, calls, refused, wav

__all__ = ["caller_token", "calls", "wav"]


# Hostile clients.


def init(**changed: Any) -> str:
    return json.dumps({"action": "init", "filename": "a", "call_log_id": CALL_LOG} | changed)


def append(**changed: Any) -> str:
    said = {"action": "append", "upload_id": NOBODYS, "chunk_index": 0, "chunk": "eA=="}
    return json.dumps(said | changed)


def finalize(**changed: Any) -> str:
    said = {"action": "finalize", "upload_id": NOBODYS, "total_chunks": 1}
    return json.dumps(said | {"call_log_id": CALL_LOG} | changed)


@pytest.mark.parametrize(
    "body",
    ["", "null", "[]", "5", '"init"', "{}", "[" * 100_000, "{" * 100_000, "\xff", '{"action": NaN}']
    + ['{"action": "x"}', '{"action": []}', '{"action": "\\ud800"}', '{"action": "init"}']
    + [init(filename=each) for each in ("", 5, None, "a\u0000", "a\r\nb", "\ud800", "x" * 2000)]
    + [init(call_log_id=each) for each in ("", 5, None, "x", CALL_LOG + "\n", f" {CALL_LOG}")]
    + [append(chunk_index=each) for each in (-1, "0", " 5 ", "+5", True, 1.0, None, 10**16)]
    + ['{"action":"append","upload_id":"x","chunk_index":NaN,"chunk":"eA=="}']
    + [append(upload_id=5), append(chunk=5), append(chunk=None), append(chunk=["eA=="])]
    + [append(chunk=each) for each in ("e", "eA=", "e A==", "eA==\n", "é", "eA-_", "\ud800")]
    + [finalize(total_chunks=each) for each in (-1, "1", True, 1.5, None, 10**16)]
    + [finalize(call_log_id=each) for each in ("x", None, 5)],
)
def test_json_that_is_damaged_or_hostile_is_refused(calls: Calls, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = calls.session.post(calls.url, body.encode("latin-1", "replace"), headers=headers)
    refused(answer, 400, "VALIDATION_ERROR")
    assert len(answer.text) < 500


@pytest.mark.parametrize(
    "upload_id", ["", "x", "../../etc/passwd", "\u0000", "1 OR 1=1", NOBODYS, "A" * 5000]
)
def test_an_unknown_upload_is_404(calls: Calls, wav: bytes, upload_id: str) -> None:
    refused(calls.chunk(upload_id, 0, wav), 404, "NOT_FOUND")
    refused(calls.end(upload_id, 1), 404, "NOT_FOUND")


@pytest.mark.parametrize("name", ["x", "..%5csecret_key", "%00", "A" * 300, "1 OR 1=1", NOBODYS])
def test_an_unknown_recording_is_404(calls: Calls, name: str) -> None:
    refused(calls.get(f"/{name}"), 404, "NOT_FOUND", "Recording not found")


@pytest.mark.parametrize("lead", ["x" * 101, "%00", "a%0d%0ab", "%7f"])
def test_a_hostile_lead_is_refused(portal: Portal, lead: str) -> None:
    calls = Calls(portal, portal.token("uploader", "upload", "read", leads=["*"]), lead)
    refused(calls.get(), 400, "VALIDATION_ERROR")
    refused(calls.step("init", filename="a", call_log_id=CALL_LOG), 400, "VALIDATION_ERROR")


def test_chunks_have_a_largest_size_and_a_last_number(calls: Calls) -> None:
    upload_id = calls.begin()
    assert calls.chunk(upload_id, 0, bytes(8 * 1024 * 1024)).status_code == 202
    refused(calls.chunk(upload_id, 1, bytes(8 * 1024 * 1024 + 1)), 413, "TOO_LARGE")
    refused(calls.chunk(upload_id, 100_000, b"x"), 400, "VALIDATION_ERROR", "no chunk number")
    refused(calls.chunk(upload_id, 1, b""), 400, "VALIDATION_ERROR", "empty")


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "a"])
def test_another_content_type_is_415(calls: Calls, kind: str) -> None:
    answer = calls.session.post(calls.url, init(), headers={"Content-Type": kind})
    refused(answer, 415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    "query",
    ["", "action=init", "action=append", f"action=append&upload_id={NOBODYS}"]
    + [f"action=append&upload_id={NOBODYS}&chunk_index={each}" for each in ("", "-1", "%205", "x")],
)
def test_plain_bytes_without_their_query_are_400(calls: Calls, query: str) -> None:
    headers = {"Content-Type": "application/octet-stream"}
    answer = calls.session.post(f"{calls.url}?{query}", b"x", headers=headers)
    refused(answer, 400, "VALIDATION_ERROR")


def test_huge_bodies_are_413_before_they_are_read(own_portal: Callable[..., Portal]) -> None:
    portal = own_portal(PORTAL_MAX_UPLOAD_MB="1", PORTAL_JOB_WORKERS="0")
    calls = Calls(portal, portal.token("uploader", "upload", "read", leads=["*"]))
    upload_id = calls.begin()
    raw = f"?action=append&upload_id={upload_id}&chunk_index=0"
    for path, kind in (
        ("", "multipart/form-data; boundary=x"),
        ("", "application/json"),
        (raw, "application/octet-stream"),
    ):
        headers = {"Content-Type": kind, "Content-Length": str(10**12)}
        request = requests.Request("POST", calls.url + path, headers=headers)
        prepared = calls.session.prepare_request(request)
        prepared.headers["Content-Length"] = str(10**12)
        refused(calls.session.send(prepared), 413, "TOO_LARGE")
    refused(calls.whole(bytes(2 * 1024 * 1024)), 413, "TOO_LARGE")
    assert calls.chunk(upload_id, 0, bytes(700_000)).status_code == 202
    refused(calls.chunk(upload_id, 1, bytes(700_000)), 413, "TOO_LARGE")
    assert not [each for each in portal.stored_files("parts") if upload_id not in str(each)]


def test_a_token_that_runs_out_still_ends_the_upload_it_began(
    portal: Portal, calls: Calls, wav: bytes
) -> None:
    own = Calls(portal, portal.token("uploader", "upload", "read", leads=["lead-1"]))
    upload_id = own.begin()
    with portal.app.app_context(), writing(db.session):
        token = db.session.get_one(Token, own.token.split("_")[1])
        token.expires_at = utc_now()
    assert own.chunk(upload_id, 0, wav).status_code == 202
    assert own.end(upload_id, 1).status_code == 200
    for answer in (own.whole(wav), own.get(), own.get(f"/{upload_id}")):
        refused(answer, 401, "AUTHENTICATION_ERROR", "expired")
