"""The deletion of recordings by programs: what forbids it, and what is left of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import Portal, Tus, upload_id
from tests.waiting import wait_for
from tests.web.browsing import Person
from tests.wire.programs import LIST, Program, call, owner, sound

__all__ = ["call", "owner", "sound"]


def gone(program: Program, recording_id: str) -> dict[str, Any]:
    """What is told of a recording once it has been deleted."""

    def tombstone() -> dict[str, Any] | None:
        said = program.get(f"{LIST}/{recording_id}").json()
        return said if said["status"] == "deleted" else None

    return wait_for(tombstone)


def test_a_deleted_recording_leaves_a_tombstone_and_no_bytes(
    portal: Portal, owner: Program, sound: bytes
) -> None:
    doomed = owner.send(sound, filename="doomed.wav", wats_user="doomed")
    folder = f"recordings/{doomed[:6]}/{doomed}"
    assert portal.stored_files(folder)
    answer = owner.delete(doomed, {"reason": "asked by the customer"})
    assert answer.status_code == 200
    assert answer.json() == {"file_id": doomed, "status": "deleting"}
    said = gone(owner, doomed)
    assert said["deletion_reason"] == "asked by the customer"
    assert "@" in said["deleted_by"] and said["deleted_at"]
    assert portal.stored_files(folder) == []
    assert owner.delete(doomed).json() == {"file_id": doomed, "status": "deleted"}
    assert gone(owner, doomed) == said
    assert owner.get(f"{LIST}/{doomed}/content").status_code == 404
    assert owner.listed("wats_user=doomed") == []
    assert owner.listed("wats_user=doomed&state=deleted") == [doomed]
    query = "SELECT action FROM audit_event WHERE object_id = ? ORDER BY seq"
    events = [row["action"] for row in portal.rows(query, doomed)]
    assert events[-3:] == ["deletion.requested", "deletion.begun", "deletion.completed"]
    assert doomed not in portal.cli("reconcile", check=False).stdout


def test_the_page_of_a_deleted_recording_says_who_and_why(
    portal: Portal, owner: Program, sound: bytes
) -> None:
    doomed = owner.send(sound, filename="doomed.wav")
    owner.delete(doomed, query="?reason=" + quote("<b>spring</b> cleaning"))
    gone(owner, doomed)
    page = Person(portal, "auditor").get(f"/recordings/{doomed}?tab=history").text
    assert "&lt;b&gt;spring&lt;/b&gt; cleaning" in page and 'id="player"' not in page
    assert "Deletion requested" in page and "Recording deleted" in page
    said = Person(portal, "auditor", "pt-BR").get(f"/recordings/{doomed}?tab=history").text
    assert "Excluída" in said and "Motivo: " in said and "Exclusão solicitada" in said
    auditor = Person(portal, "auditor")
    assert doomed not in auditor.get("/recordings").text
    assert doomed in auditor.get("/recordings?state=deleted").text


def test_a_recording_under_legal_hold_stays(portal: Portal, owner: Program, sound: bytes) -> None:
    held = owner.send(sound)
    portal.cli("hold", held, "--reason", "lawsuit 12")
    for _ in range(2):
        answer = owner.delete(held)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "held")
        assert "legal hold" in answer.json()["error"]["message"]
    assert owner.get(f"{LIST}/{held}/content").content == sound
    portal.cli("release", held)
    assert owner.delete(held).status_code == 200
    gone(owner, held)


def test_nothing_is_deleted_before_its_time(own_portal: Callable, sound: bytes) -> None:
    portal = own_portal(PORTAL_KEEP_DAYS="30")
    program = Program(portal)
    kept = program.send(sound)
    answer = program.delete(kept)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "held")
    until = (datetime.now(UTC) + timedelta(days=30)).strftime("%Y-%m-%d")
    assert until in answer.json()["error"]["message"]
    assert program.get(f"{LIST}/{kept}/content").content == sound


def test_an_upload_that_is_still_open_is_no_recording(portal: Portal, owner: Program) -> None:
    path = Tus(portal, owner.token).begin(100)
    for answer in (owner.delete(upload_id(path)), owner.get(f"{LIST}/{upload_id(path)}")):
        assert answer.status_code == 404
    assert Tus(portal, owner.token).head(path).status_code == 200


def test_an_officer_deletes_what_is_not_theirs_and_the_scope_alone_is_enough(
    portal: Portal, owner: Program, sound: bytes
) -> None:
    doomed = owner.send(sound)
    officer = Program(portal, "officer", "delete")
    assert officer.get(f"{LIST}/{doomed}").status_code == 403
    assert officer.delete(doomed).status_code == 200
    assert gone(owner, doomed)["deletion_reason"] == "No reason was given."


@pytest.mark.parametrize(
    "body",
    [
        b"no",
        b"[]",
        b"[" * 100_000,
        b'{"reason": 5}',
        b'{"reason": "\\u0000"}',
        b'{"reason": "\\ud800"}',
        json.dumps({"reason": "x" * 1001}).encode(),
    ],
)
def test_a_damaged_reason_deletes_nothing(owner: Program, call: str, body: bytes) -> None:
    answer = owner.session.delete(f"{owner.portal.url}{LIST}/{call}", data=body)
    assert answer.status_code == 400, answer.text
    assert owner.delete(call, query="?reason=%00").status_code == 400
    assert owner.get(f"{LIST}/{call}").json()["status"] == "ready"


def test_a_huge_reason_is_refused(owner: Program, call: str) -> None:
    url = f"{owner.portal.url}{LIST}/{call}"
    assert owner.session.delete(url, data=b" " * 300_000).status_code == 413


def test_deleting_at_once_is_one_deletion(portal: Portal, owner: Program, sound: bytes) -> None:
    doomed = owner.send(sound)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: owner.delete(doomed), range(8)))
    assert {each.status_code for each in answers} == {200}
    gone(owner, doomed)
    query = "SELECT action FROM audit_event WHERE object_id = ? AND action LIKE 'deletion.%'"
    actions = [row["action"] for row in portal.rows(query, doomed)]
    assert sorted(actions) == ["deletion.begun", "deletion.completed", "deletion.requested"]
