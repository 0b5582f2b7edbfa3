"""How a chunked upload ends: completed, given up or expired, often and by many at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256

from sqlalchemy import update

from portal.core.models import Upload
from portal.core.transaction import utc_now
from portal.db import db
from tests.conftest import Portal
from tests.wire.chunking import CHUNK, Client, client, pieces, refused, wav

__all__ = ["client"]


def age(portal: Portal, begun: str) -> None:
    """Let the upload's lifetime be over."""
    with portal.app.app_context():
        late = utc_now() - timedelta(seconds=1)
        db.session.execute(update(Upload).where(Upload.id == begun).values(expires_at=late))
        db.session.commit()


def test_what_is_not_whole_is_not_completed_and_says_what_is_missing(client: Client) -> None:
    content = wav(2 * CHUNK + 1000)
    begun = client.begin(content)
    client.chunk(begun, 1, pieces(content)[1])
    answer = client.complete(begun)
    assert "1 of 3 chunks" in refused(answer, 409, "incomplete")
    assert answer.json()["error"]["missing_chunks"] == [0, 2]


def test_eight_who_complete_at_once_get_one_recording_and_one_answer(
    portal: Portal, client: Client
) -> None:
    begun = client.send(wav(5000))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(client.complete, [begun] * 8))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert client.complete(begun).text == answers[0].text
    query = "SELECT * FROM audit_event WHERE object_id = ? AND action = 'upload.completed'"
    assert len(portal.rows(query, begun)) == 1


def test_the_sum_of_the_whole_may_be_told_at_the_end_and_is_compared(
    portal: Portal, client: Client
) -> None:
    content = wav(5000)
    right, wrong = sha256(content).hexdigest(), sha256(b"something else").hexdigest()
    begun = client.send(content, file_hash="")
    said = {"upload_id": begun, "file_hash": right.upper()}
    assert client.post("complete", said).json()["file_hash"] == right
    [upload] = portal.rows("SELECT declared_sha256 FROM upload WHERE id = ?", begun)
    assert upload["declared_sha256"] == right
    said = {"upload_id": client.send(content, file_hash=""), "file_hash": wrong}
    refused(client.post("complete", said), 422, "checksum_mismatch")
    said = {"upload_id": client.send(content), "file_hash": wrong}
    assert "declared when the upload began" in refused(client.post("complete", said), 409)


def test_an_upload_can_be_given_up_and_again(portal: Portal, client: Client) -> None:
    content = wav(2 * CHUNK)
    begun = client.begin(content)
    client.chunk(begun, 0, content[:CHUNK])
    assert portal.stored_files(f"parts/{begun}")
    for _ in range(2):
        answer = client.cancel(begun)
        assert answer.status_code == 200
        assert answer.json() == {"upload_id": begun, "status": "cancelled"}
    assert portal.stored_files(f"parts/{begun}") == []
    assert client.status(begun).json()["status"] == "cancelled"
    assert "cancelled" in refused(client.chunk(begun, 1, content[CHUNK:]), 410)
    assert "cancelled" in refused(client.complete(begun), 410)


def test_a_recording_is_not_given_up_this_way(client: Client) -> None:
    begun = client.send(wav(5000))
    client.complete(begun)
    refused(client.cancel(begun), 409)
    assert client.status(begun).json()["status"] == "completed"


def test_an_expired_session_says_so_wherever_it_is_touched(portal: Portal, client: Client) -> None:
    content = wav(2 * CHUNK)
    begun = client.begin(content)
    client.chunk(begun, 0, content[:CHUNK])
    age(portal, begun)
    for answer in (client.chunk(begun, 1, content[CHUNK : 2 * CHUNK]), client.complete(begun)):
        assert "Session expired" in refused(answer, 410, "session_expired")
    said = client.status(begun).json()
    assert (said["status"], said["is_expired"]) == ("expired", True)
    assert said["progress"]["missing_chunks"] == []
    assert "Session expired" in said["error"]["message"]
    assert client.cancel(begun).json()["status"] == "expired"
