"""tus 1.0 over a real gunicorn with two processes: what a client sees, header by header."""

from __future__ import annotations

import base64
import hashlib
import secrets
import zlib

import pytest
import requests

from tests.conftest import TUS, Portal, Tus, upload_id
from tests.waiting import wait_for


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_options_announces_only_what_works_and_needs_no_token(portal: Portal) -> None:
    answer = requests.options(portal.url + TUS)
    assert answer.status_code == 204
    assert answer.headers["Tus-Version"] == answer.headers["Tus-Resumable"] == "1.0.0"
    assert answer.headers["Tus-Extension"] == (
        "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination,"
        "concatenation"
    )
    assert answer.headers["Tus-Checksum-Algorithm"] == "sha1,md5,sha256,sha512,crc32"
    assert int(answer.headers["Tus-Max-Size"]) > 0


def test_an_upload_in_two_requests_becomes_one_object_with_the_same_bytes(
    portal: Portal, tus: Tus
) -> None:
    content = secrets.token_bytes(3_000_000)
    created = tus.create(len(content), f"filename {encoded('Zoë’s call.wav')}")
    assert created.status_code == 201
    path = created.headers["Location"]
    assert path.startswith(f"{TUS}/")
    assert tus.offset(path) == 0
    first = tus.patch(path, 0, content[:1_000_000])
    assert (first.status_code, first.headers["Upload-Offset"]) == (204, "1000000")
    second = tus.patch(path, 1_000_000, content[1_000_000:])
    assert (second.status_code, second.headers["Upload-Offset"]) == (204, "3000000")
    recording = portal.recording(upload_id(path))
    assert recording["filename"] == "Zoë’s call.wav"
    assert recording["sha256"] == hashlib.sha256(content).hexdigest()
    assert (portal.data / "store" / recording["key"]).read_bytes() == content


def test_head_answers_length_offset_and_metadata_as_they_were_sent(tus: Tus) -> None:
    metadata = f"filename {encoded('a.mp4')},empty,session_id {encoded('42')}"
    answer = tus.head(tus.begin(10, metadata))
    assert answer.status_code == 200
    assert answer.headers["Upload-Length"] == "10"
    assert answer.headers["Upload-Offset"] == "0"
    assert answer.headers["Upload-Metadata"] == metadata
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_finished_upload_still_answers_head_with_its_full_offset(
    portal: Portal, tus: Tus
) -> None:
    path = tus.begin(4)
    tus.patch(path, 0, b"four")
    portal.recording(upload_id(path))
    assert tus.offset(path) == 4
    assert tus.patch(path, 4, b"").status_code == 204


def test_a_chunked_body_without_a_length_is_taken(portal: Portal, tus: Tus) -> None:
    path = tus.begin(300_000)
    answer = tus.patch(path, 0, iter([b"x" * 100_000] * 3))
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, "300000")


@pytest.mark.parametrize("algorithm", ["sha1", "md5", "sha256", "sha512", "crc32"])
def test_a_right_checksum_is_taken_and_a_wrong_one_leaves_nothing(tus: Tus, algorithm: str) -> None:
    content = secrets.token_bytes(100_000)
    if algorithm == "crc32":
        digest = zlib.crc32(content).to_bytes(4, "big")
    else:
        digest = hashlib.new(algorithm, content).digest()
    header = f"{algorithm} {base64.b64encode(digest).decode()}"
    path = tus.begin(200_000)
    wrong = tus.patch(path, 0, content[::-1], **{"Upload-Checksum": header})
    assert wrong.status_code == 460
    assert tus.offset(path) == 0
    right = tus.patch(path, 0, content, **{"Upload-Checksum": header})
    assert (right.status_code, right.headers["Upload-Offset"]) == (204, "100000")


def test_the_declared_sha256_of_the_file_is_compared_in_the_end(portal: Portal, tus: Tus) -> None:
    content = secrets.token_bytes(50_000)
    digest = hashlib.sha256(content).hexdigest()
    path = tus.begin(len(content), f"sha256 {encoded(digest)}")
    tus.patch(path, 0, content)
    assert portal.recording(upload_id(path))["sha256_declared"] == 1


def test_a_file_that_is_not_the_declared_one_fails_and_stops_looking_complete(
    portal: Portal, tus: Tus
) -> None:
    path = tus.begin(5, f"sha256 {encoded('0' * 64)}")
    tus.patch(path, 0, b"other")
    wait_for(lambda: tus.head(path).status_code == 410)
    assert "Upload-Offset" not in tus.head(path).headers
    assert portal.rows("SELECT * FROM recording WHERE id = ?", upload_id(path)) == []
    assert "SHA-256" in tus.patch(path, 5, b"").text


def test_termination_frees_the_bytes_and_answers_gone_afterwards(portal: Portal, tus: Tus) -> None:
    path = tus.begin(100)
    tus.patch(path, 0, b"x" * 50)
    assert portal.stored_files(f"parts/{upload_id(path)}")
    assert tus.delete(path).status_code == 204
    assert portal.stored_files(f"parts/{upload_id(path)}") == []
    assert tus.head(path).status_code == 410
    assert tus.patch(path, 50, b"x").status_code == 410
    assert tus.delete(path).status_code == 410


def test_a_recording_cannot_be_deleted_by_terminating_its_upload(portal: Portal, tus: Tus) -> None:
    path = tus.begin(4)
    tus.patch(path, 0, b"four")
    assert tus.delete(path).status_code == 403
    recording = portal.recording(upload_id(path))
    assert tus.delete(path).status_code == 403
    assert (portal.data / "store" / recording["key"]).exists()


def test_the_method_override_reaches_the_same_handlers(portal: Portal, tus: Tus) -> None:
    path = tus.begin(4)
    headers = {
        "X-HTTP-Method-Override": "PATCH",
        "Upload-Offset": "0",
        "Content-Type": "application/offset+octet-stream",
    }
    answer = tus.session.post(portal.url + path, data=b"four", headers=headers)
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, "4")
    deleted = tus.session.post(portal.url + path, headers={"X-HTTP-Method-Override": "DELETE"})
    assert deleted.status_code == 403
    assert tus.session.post(portal.url + path).status_code == 400


def test_an_endpoint_with_a_slash_at_its_end_is_the_same(portal: Portal, tus: Tus) -> None:
    headers = {"Upload-Length": "4"}
    created = tus.session.post(f"{portal.url}{TUS}/", headers=headers)
    assert created.status_code == 201
    assert tus.patch(created.headers["Location"], 0, b"four").status_code == 204


def test_an_empty_file_is_received_and_quarantined(portal: Portal, tus: Tus) -> None:
    recording = portal.recording(upload_id(tus.begin(0)))
    assert (recording["state"], recording["size"]) == ("quarantined", 0)


def test_every_step_is_in_the_audit_log(portal: Portal, tus: Tus) -> None:
    path = tus.begin(4)
    tus.patch(path, 0, b"four")
    portal.recording(upload_id(path))
    query = "SELECT action, actor_type, ip FROM audit_event WHERE object_id = ? ORDER BY seq"
    events = portal.rows(query, upload_id(path))
    assert [event["action"] for event in events] == [
        "upload.created",
        "upload.received",
        "upload.quarantined",
    ]
    assert events[0]["actor_type"] == "token" and events[0]["ip"] == "127.0.0.1"
