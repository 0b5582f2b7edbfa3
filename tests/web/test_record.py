"""The record of a recording's history: everything is in it, and to open it is in it too."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from portal.core import audit, holding, releasing
from portal.core.transaction import writing
from portal.db import db
from tests.conftest import Portal, Tus, upload_id
from tests.web.browsing import Person

MANY = 1100


@pytest.fixture(scope="module")
def content(media: Callable[..., Path]) -> bytes:
    return media("call-sales-0815.wav").read_bytes()


@pytest.fixture
def call(portal: Portal, token: str, content: bytes) -> str:
    tus = Tus(portal, token)
    path = tus.begin(len(content))
    tus.patch(path, 0, content)
    portal.recording(upload_id(path))
    return upload_id(path)


def test_it_tells_what_was_done_by_whom(portal: Portal, call: str, content: bytes) -> None:
    officer, auditor = Person(portal, "officer"), Person(portal, "auditor")
    reviewer = Person(portal, "reviewer")
    secret = reviewer.begin(call).json()["play"]
    stretches = str([[n * 100, n * 100 + 50] for n in range(12)])
    reviewer.post(f"/recordings/{call}/heard", play=secret, ranges=stretches)
    reviewer.post(f"/recordings/{call}/notes", text="a shared remark", start="0", shared="on")
    auditor.post(f"/recordings/{call}/notes", text="a private remark", start="0")
    officer.get(f"/recordings/{call}/download")
    with portal.app.app_context():
        holding.hold(db.session, audit.SYSTEM, call, "Case 4711")
        releasing.end_holds(db.session, audit.SYSTEM, call)
    page = auditor.get(f"/recordings/{call}/record").text
    row = portal.recording(call)
    for told in (
        hashlib.sha256(content).hexdigest(),
        row["owner_label"],
        row["token_id"],
        row["codecs"],
        f"{len(content):,} bytes",
        reviewer.email,
        officer.email,
        "a shared remark",
        "Case 4711",
        "Verified and made available",
        "Recording downloaded",
        f"<dd>{auditor.email}</dd>",
    ):
        assert told in page, told
    assert "a private remark" not in page
    assert page.count("0:00–0:00") + page.count("0:01–0:01") > 0


def test_the_end_of_the_chain_in_it_is_that_of_its_own_opening(portal: Portal, call: str) -> None:
    auditor = Person(portal, "auditor")
    page = auditor.get(f"/recordings/{call}/record").text
    query = (
        "SELECT seq, hash FROM audit_event WHERE object_id = ? AND actor_label = ? "
        "AND action = 'recording.record_viewed'"
    )
    [event] = portal.rows(query, call, auditor.email)
    seq, end = re.search(r"#([0-9,]+)<br><code class=\"hash\">([0-9a-f]{64})", page).groups()
    head = portal.rows("SELECT hash FROM audit_event WHERE seq = ?", int(seq.replace(",", "")))
    assert head[0]["hash"] == end and int(seq.replace(",", "")) >= event["seq"]
    assert event["hash"] in page


def test_more_than_a_thousand_events_and_plays_are_all_there(portal: Portal, call: str) -> None:
    with portal.app.app_context(), writing(db.session):
        for number in range(MANY):
            audit.record(db.session, audit.SYSTEM, f"test.{number}", ("recording", call))
    page = Person(portal, "auditor").get(f"/recordings/{call}/record").text
    told = [int(each) for each in re.findall(r"<td>test\.([0-9]+)", page)]
    assert told == list(range(MANY))
    assert "End of the record" in page and page.rstrip().endswith("</html>")


def test_it_is_for_whoever_may_know_the_history(portal: Portal, call: str) -> None:
    answers = {"officer": 200, "source_owner": 200, "reviewer": 403, "admin": 403}
    for role, status in answers.items():
        person = Person(portal, role)
        assert person.get(f"/recordings/{call}/record").status_code == status, role
        shown = f"/recordings/{call}/record" in person.get(f"/recordings/{call}").text
        assert shown == (status == 200), role
    missing = "/recordings/00000000-0000-7000-8000-000000000000/record"
    assert Person(portal, "auditor").get(missing).status_code == 404


def test_it_is_printed_without_the_menu_and_in_portuguese(portal: Portal, call: str) -> None:
    page = Person(portal, "auditor", language="pt-BR").get(f"/recordings/{call}/record").text
    assert "Registro do histórico" in page and "Fim do registro" in page
    sheet = re.search(r'href="(/static/css/record\.css[^"]*)"', page)[1]
    assert "@media print" in Person(portal, "auditor").get(sheet).text
    assert "<style" not in page and "style=" not in page
