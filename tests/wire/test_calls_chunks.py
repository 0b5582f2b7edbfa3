"""Call recordings in chunks, many at once, sent again, and while they are processed."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from portal.core import assembly, leases
from portal.db import db
from portal.storage import stores
from tests.conftest import Portal
from tests.wire.calling import CALL_LOG, NOBODYS, Calls, caller_token, calls, refused, wav

__all__ = ["caller_token", "calls", "wav"]


# In chunks.


def test_chunks_come_in_any_order_again_and_as_plain_bytes(calls: Calls, wav: bytes) -> None:
    upload_id = calls.begin()
    pieces = [wav[:100], wav[100:5000], wav[5000:]]
    query = {"action": "append", "upload_id": upload_id, "chunk_index": "2"}
    headers = {"Content-Type": "application/octet-stream"}
    for _ in range(2):
        answer = calls.session.post(calls.url, pieces[2], params=query, headers=headers)
        told = {"upload_id": upload_id, "chunks_received": 1, "total_size": len(pieces[2])}
        assert (answer.status_code, answer.json()) == (202, {"data": told})
    for number in (1, 0, 0):
        answer = calls.chunk(upload_id, number, pieces[number])
    assert answer.json()["data"]["chunks_received"] == 3
    assert answer.json()["data"]["total_size"] == len(wav)
    refused(calls.chunk(upload_id, 0, b"other bytes"), 409, "CONFLICT", "with other bytes")
    answers = [calls.end(upload_id, 3) for _ in range(2)]
    assert answers[0].status_code == 200 and answers[0].json() == answers[1].json()
    assert calls.portal.recording(upload_id)["sha256"] == hashlib.sha256(wav).hexdigest()
    refused(calls.chunk(upload_id, 3, b"more"), 409, "CONFLICT", "complete")


def test_missing_chunks_are_named_and_the_upload_goes_on(calls: Calls, wav: bytes) -> None:
    upload_id = calls.begin()
    refused(calls.end(upload_id, 1), 400, "VALIDATION_ERROR", "Missing chunks: 0.")
    calls.chunk(upload_id, 1, wav[100:])
    refused(calls.end(upload_id, 4), 400, "VALIDATION_ERROR", "Missing chunks: 0, 2, 3.")
    refused(calls.end(upload_id, 90_000), 400, "VALIDATION_ERROR", ", 20, …")
    calls.chunk(upload_id, 0, wav[:100])
    refused(calls.end(upload_id, 1), 400, "VALIDATION_ERROR", "2 chunks have arrived")
    wrong = calls.end(upload_id, 2, call_log_id=NOBODYS)
    refused(wrong, 400, "VALIDATION_ERROR", "call_log_id is not the one")
    assert calls.end(upload_id, 2).status_code == 200


def test_finalize_by_eight_at_once_makes_one_recording(
    portal: Portal, calls: Calls, wav: bytes
) -> None:
    upload_id = calls.begin()
    calls.chunk(upload_id, 0, wav)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: Calls(portal, calls.token).end(upload_id, 1), range(8)))
    assert {each.status_code for each in answers} == {200}
    assert len({each.text for each in answers}) == 1


def test_rivals_on_one_upload_never_make_a_mixture(portal: Portal, calls: Calls) -> None:
    upload_id = calls.begin()
    files = [bytes([number]) * 300_000 for number in (1, 2)]

    def send(content: bytes) -> list[int]:
        rival = Calls(portal, calls.token)
        return [
            rival.chunk(upload_id, number, content[number * 30_000 :][:30_000]).status_code
            for number in range(10)
        ]

    with ThreadPoolExecutor(2) as pool:
        statuses = list(pool.map(send, files))
    for one, other in zip(*statuses, strict=True):
        assert sorted((one, other)) == [202, 409]


@pytest.mark.parametrize("again", ["form", "init"])
def test_the_same_idempotency_key_makes_one_recording(
    portal: Portal, calls: Calls, wav: bytes, again: str
) -> None:
    key = {"Idempotency-Key": secrets.token_hex(8)}

    def send(_: int) -> requests.Response:
        one = Calls(portal, calls.token)
        one.session.headers.update(key)
        return one.whole(wav) if again == "form" else one.step("init", **named)

    named = {"filename": "a.wav", "call_log_id": CALL_LOG}
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(send, range(6)))
    answers.append(send(0))
    assert {each.status_code for each in answers} == {200 if again == "form" else 201}
    assert len({each.text for each in answers}) == 1
    calls.session.headers.update(key)
    other = calls.step("init", filename="other.wav", call_log_id=CALL_LOG)
    refused(other, 422, "IDEMPOTENCY_KEY_REUSED")
    if again == "form":
        refused(calls.whole(wav, call_log_id=NOBODYS), 409, "CONFLICT")
    calls.session.headers["Idempotency-Key"] = "x" * 300
    refused(calls.step("init", **named), 400, "VALIDATION_ERROR", "Idempotency-Key")


def test_a_form_that_is_overtaken_by_its_own_repetition_gets_the_same_answer(
    portal: Portal, calls: Calls, wav: bytes
) -> None:
    calls.session.headers["Idempotency-Key"] = secrets.token_hex(8)
    parts: list[Any] = [("file", ("a.aac", wav)), ("call_log_id", (None, CALL_LOG))]
    form = requests.Request("POST", calls.url, files=parts).prepare()
    overtaking: list[requests.Response] = []

    def stalled() -> Iterator[bytes]:
        yield form.body[:9000]
        other = Calls(portal, calls.token)
        other.session.headers.update(calls.session.headers)
        overtaking.append(other.whole(wav))
        yield form.body[9000:]

    kind = {"Content-Type": form.headers["Content-Type"]}
    answer = calls.session.post(calls.url, data=stalled(), headers=kind)
    assert (answer.status_code, answer.text) == (200, overtaking[0].text)


def test_acceptance_9_while_it_is_assembled_the_answer_is_202_and_then_the_recording_is_there(
    own_portal: Callable[..., Portal], wav: bytes
) -> None:
    portal = own_portal(PORTAL_JOB_WORKERS="0", PORTAL_FINISH_WAIT_SECONDS="0")
    calls = Calls(portal, portal.token("uploader", "upload", "read", leads=["lead-1"]))
    answer = calls.whole(wav, "a.wav")
    data = answer.json()["data"]
    assert (answer.status_code, data["status"]) == (202, "processing")
    assert data.keys() == {"id", "recording_path", "message", "status"}
    assert answer.headers["Location"] == f"/api/leads/lead-1/recordings/{data['id']}"
    refused(calls.get(f"/{data['id']}"), 409, "NOT_READY", "being processed")
    assert calls.end(data["id"], 1).status_code == 202
    stranger = Calls(portal, portal.token("uploader", "upload", "read", leads=["*"]))
    refused(stranger.get(f"/{data['id']}"), 404, "NOT_FOUND")
    elsewhere = Calls(portal, portal.token("auditor", "read", leads=["*"]))
    refused(elsewhere.get(f"/{data['id']}"), 404, "NOT_FOUND")
    with portal.app.app_context():  # what a worker would do
        lease = leases.claim(db.session, assembly.KIND, data["id"], 60)
        assembly.assemble(db.session, stores, data["id"], lease)
    assert calls.get(f"/{data['id']}").content == wav
    done = calls.end(data["id"], 1)
    assert done.status_code == 200
    assert done.json()["data"]["recording_path"] == data["recording_path"]
