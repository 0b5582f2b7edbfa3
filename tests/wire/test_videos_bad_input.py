"""The JSON endpoints beside tus with wrong and hostile input, and with uploads of others."""

from __future__ import annotations

import base64
import uuid
from typing import Any

import pytest

from tests.conftest import TUS, Portal, Tus, upload_id
from tests.wire.videos import NOBODYS, Videos, refused, videos

__all__ = ["videos"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"session_id": None},
        {"session_id": ""},
        {"session_id": 5},
        {"session_id": "a\u0000"},
        {"filename": ""},
        {"filename": "a\r\nb"},
        {"filename": "a" * 256},
        {"file_size": 0},
        {"file_size": -1},
        {"file_size": True},
        {"file_size": "5"},
        {"file_size": 5.5},
        {"file_size": 10**30},
        {"duration_seconds": -1},
        {"duration_seconds": "180"},
        {"duration_seconds": True},
        {"duration_seconds": 10**12},
        {"content_type": "video"},
        {"content_type": "video/mp4\n"},
        {"sha256": "123"},
    ],
    ids=str,
)
def test_a_wrong_field_is_named(videos: Videos, wrong: dict[str, Any]) -> None:
    error = refused(videos.init(**wrong), 400)
    assert next(iter(wrong)) in error["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"[" * 100_000,
        b'{"session_id": "x", "filename": "x", "file_size": NaN}',
        b'{"session_id": "x", "filename": "x", "file_size": 1, "duration_seconds": 1e999}',
        b'{"session_id": "\\ud800", "filename": "x", "file_size": 1}',
        b'{"session_id": "x", "filename": "\\u0000", "file_size": 1}',
        b"\xff\xfe",
        b'{"upload_id": 5}',
    ],
)
def test_a_hostile_body_is_a_bad_request(videos: Videos, body: bytes) -> None:
    for name in ("init", "complete"):
        refused(videos.session.post(f"{videos.url}/{name}", data=body), 400)


def test_a_huge_body_is_refused(videos: Videos) -> None:
    refused(videos.session.post(f"{videos.url}/init", data=b" " * 300_000), 413)


@pytest.mark.parametrize("name", [NOBODYS, "x", "..%2fx", "%00", "A" * 300, "1 OR 1=1"])
def test_an_unknown_or_malformed_id_is_not_found(videos: Videos, name: str) -> None:
    for answer in (videos.status(name), videos.abort(name)):
        assert answer.status_code == 404
    if len(name) <= 255:
        refused(videos.complete(name), 404)


def test_somebody_elses_upload_is_not_found(portal: Portal, videos: Videos) -> None:
    each, stranger = videos.begin(5), Videos(portal, portal.token())
    for answer in (stranger.status(each), stranger.abort(each), stranger.complete(each)):
        refused(answer, 404)
    assert stranger.status(each).text == stranger.status(NOBODYS).text


def test_without_a_token_or_the_scope_nothing_works(portal: Portal, videos: Videos) -> None:
    each = videos.begin(5)
    reader = Videos(portal, portal.token("uploader", "read"))
    nobody = Videos(portal, "rp_x_y")
    for client, status in ((reader, 403), (nobody, 401)):
        for answer in (
            client.init(),
            client.status(each),
            client.complete(each),
            client.abort(each),
        ):
            refused(answer, status)


def test_a_piece_of_another_upload_is_not_completed(tus: Tus, videos: Videos) -> None:
    path = tus.create(4, **{"Upload-Concat": "partial"}).headers["Location"]
    tus.patch(path, 0, b"four")
    refused(videos.complete(upload_id(path)), 409)
    tus.session.post(tus.portal.url + TUS, headers={"Upload-Concat": f"final;{path}"})
    refused(videos.complete(upload_id(path)), 409)


def test_an_upload_of_unknown_length_is_not_completed(tus: Tus, videos: Videos) -> None:
    made = tus.session.post(tus.portal.url + TUS, headers={"Upload-Defer-Length": "1"})
    each = upload_id(made.headers["Location"])
    tus.patch(made.headers["Location"], 0, b"four")
    assert refused(videos.complete(each), 409)["offset"] == 4
    said = videos.status(each).json()
    assert (said["size"], said["completed"], said["percentage"]) == (None, False, 0.0)


def test_a_session_belongs_to_whoever_used_it_first(portal: Portal, videos: Videos) -> None:
    session = {"session_id": str(uuid.uuid4())}
    assert videos.init(**session).status_code == 201
    assert videos.init(**session).status_code == 201
    stranger = portal.token()
    refused(Videos(portal, stranger).init(**session), 403)
    told = base64.b64encode(session["session_id"].encode()).decode()
    assert Tus(portal, stranger).create(4, f"session_id {told}").status_code == 403
