"""What one dialect refuses, no other lets in: uploads belong to the dialect that began them, and
calls to their leads, on every path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests

from portal.core import tokens
from portal.db import db
from tests.conftest import TUS, Portal, Tus
from tests.wire.dialects import CALL, CLIENTS, LEAD

CONTENT = bytes(3000)


class Two:
    """One account with a token for all leads and one for none."""

    def __init__(self, portal: Portal) -> None:
        email = portal.person("uploader")
        scopes = ["upload", "read", "delete"]
        with portal.app.app_context():
            self.all = tokens.create_token(db.session, email, scopes, leads=["*"])
            self.none = tokens.create_token(db.session, email, scopes)


@pytest.fixture(scope="module")
def two(portal: Portal) -> Two:
    return Two(portal)


def asked(portal: Portal, token: str, method: str, path: str, **more: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}", "Tus-Resumable": "1.0.0"}
    headers |= more.pop("headers", {})
    return requests.request(method, portal.url + path, headers=headers, **more)


@pytest.mark.parametrize("begun_by", CLIENTS)
def test_no_dialect_reaches_an_upload_of_another(portal: Portal, two: Two, begun_by: str) -> None:
    client = CLIENTS[begun_by](portal, two.all, CONTENT, "a.wav")
    assert client.begin().ok
    each, chunk = client.id, {"chunk_index": 0, "chunk_data": "AAAA"}
    appended = {"action": "append", "upload_id": each, "chunk_index": 0, "chunk": "AA=="}
    bytes_at = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    doors: dict[str, list[tuple[str, str, dict[str, Any]]]] = {
        "tus": [
            ("HEAD", f"{TUS}/{each}", {}),
            ("PATCH", f"{TUS}/{each}", {"headers": bytes_at, "data": b"x"}),
            ("GET", f"/api/v1/videos/upload/{each}/status", {}),
            ("POST", "/api/v1/videos/upload/complete", {"json": {"upload_id": each}}),
            ("DELETE", f"{TUS}/{each}", {}),
        ],
        "chunks": [
            ("GET", f"/api/v1/upload/status/{each}", {}),
            ("POST", "/api/v1/upload/chunk", {"json": {"upload_id": each} | chunk}),
            ("POST", "/api/v1/upload/cancel", {"json": {"upload_id": each}}),
        ],
        "sessions": [
            ("GET", f"/api/uploads/{each}/status", {}),
            ("PUT", f"/api/uploads/{each}/metadata", {"json": {"lead_id": "mine"}}),
            ("PUT", f"/api/uploads/{each}/video", {"data": b"x"}),
            ("POST", f"/api/uploads/{each}/finalize", {}),
        ],
        "calls": [
            (
                "POST",
                f"/api/leads/{LEAD}/recordings",
                {"json": appended},
            ),
        ],
    }
    for dialect, requested in doors.items():
        for method, path, more in requested:
            if dialect != begun_by:
                answer = asked(portal, two.all, method, path, **more)
                assert answer.status_code == 404, (method, path, answer.text)


def test_a_token_without_the_lead_does_not_delete_its_calls(
    portal: Portal, two: Two, media: Any
) -> None:
    sound: Path = media("call-sales-0815.wav")
    sent = asked(
        portal,
        two.all,
        "POST",
        f"/api/leads/{LEAD}/recordings",
        files={"file": ("call.wav", sound.read_bytes())},
        data={"call_log_id": CALL},
    ).json()["data"]["id"]
    portal.recording(sent)
    path = f"/api/recordings/{sent}"
    assert asked(portal, two.none, "DELETE", path).status_code == 404
    assert asked(portal, two.all, "GET", path).json()["status"] == "ready"
    assert asked(portal, two.all, "DELETE", path).status_code == 200


def test_a_form_that_comes_again_with_the_same_key_must_be_the_same(
    portal: Portal, two: Two, media: Any
) -> None:
    sound: bytes = media("call-sales-0815.wav").read_bytes()

    def sent(content: bytes) -> int:
        return asked(
            portal,
            two.all,
            "POST",
            f"/api/leads/{LEAD}/recordings",
            headers={"Idempotency-Key": "form-again"},
            files={"file": ("call.wav", content)},
            data={"call_log_id": CALL},
        ).status_code

    assert sent(sound) == 200
    assert sent(sound) == 200
    assert sent(sound[:-1] + b"\1") == 409


def test_taking_over_an_upload_asks_whose_session_it_is(portal: Portal) -> None:
    first, second = Tus(portal, portal.token()), Tus(portal, portal.token())
    assert first.create(4, "session_id d2FsbA==").status_code == 201
    free = second.begin(4)
    taken = {"Upload-Length": "4", "Upload-Metadata": "session_id d2FsbA=="}
    assert second.session.post(portal.url + free, headers=taken).status_code == 403
    many = ",".join(f"k{number} eA==" for number in range(201))
    taken["Upload-Metadata"] = many
    assert second.session.post(portal.url + free, headers=taken).status_code == 400


def test_a_session_of_any_length_is_one(portal: Portal) -> None:
    long = {"session_id": "s" * 255, "filename": "a.mp4", "file_size": 4}
    token = portal.token()
    for _ in range(2):
        path = "/api/v1/videos/upload/init"
        assert asked(portal, token, "POST", path, json=long).status_code == 201
    assert asked(portal, portal.token(), "POST", path, json=long).status_code == 403


def test_an_empty_patch_at_the_end_is_no_second_reception(portal: Portal, tus: Tus) -> None:
    path = tus.begin(4)
    tus.patch(path, 0, b"four")
    for _ in range(3):
        assert tus.patch(path, 4, b"").status_code == 204
    query = "SELECT seq FROM audit_event WHERE action = 'upload.received' AND object_id = ?"
    assert len(portal.rows(query, path.rpartition("/")[2])) == 1


def test_a_creation_with_bytes_that_comes_again_must_bring_as_many(tus: Tus) -> None:
    kind = {"Content-Type": "application/offset+octet-stream", "Idempotency-Key": "with-bytes"}
    url = tus.portal.url + TUS

    def sent(content: bytes) -> requests.Response:
        return tus.session.post(url, data=content, headers=kind | {"Upload-Length": "9"})

    first, again = sent(b"aaaaa"), sent(b"aaaaa")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.headers["Location"] == again.headers["Location"]
    assert sent(b"bbbbbbb").status_code == 422
