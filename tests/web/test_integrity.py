"""The page of integrity, and “verify now”: asked for on the page, done by a real worker."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from portal.core.transaction import utc_now
from tests.conftest import Portal, Tus, upload_id
from tests.waiting import wait_for
from tests.web.browsing import Person
from tests.web.listing import recorded


@pytest.fixture(scope="module")
def call(portal: Portal, token: str, media: Callable[..., Path]) -> str:
    tus, content = Tus(portal, token), media("call-sales-0815.wav").read_bytes()
    path = tus.begin(len(content))
    tus.patch(path, 0, content)
    portal.recording(upload_id(path))
    return upload_id(path)


def checked(portal: Portal, recording_id: str) -> list[str]:
    query = "SELECT action FROM audit_event WHERE object_id = ? AND action LIKE 'integrity.%'"
    return [row["action"] for row in portal.rows(f"{query} ORDER BY seq", recording_id)]


@pytest.mark.parametrize("role", ["admin", "officer", "auditor"])
def test_verify_now_is_asked_for_and_done(portal: Portal, call: str, role: str) -> None:
    person, before = Person(portal, role), len(checked(portal, call))
    assert "Verify now" in person.get(f"/recordings/{call}?tab=integrity").text
    answer = person.post(f"/recordings/{call}/verify")
    assert answer.url.endswith("tab=integrity#panel") and answer.ok
    done = wait_for(lambda: checked(portal, call)[before + 1 :])
    assert done == ["integrity.verified"]
    assert "Integrity confirmed" in person.get(f"/recordings/{call}?tab=integrity").text


def test_a_missing_file_is_called_missing_wherever_its_integrity_is_told(
    portal: Portal, token: str
) -> None:
    tus = Tus(portal, token)
    path = tus.begin(4)
    tus.patch(path, 0, b"%PDF")
    lost, person = upload_id(path), Person(portal, "officer")
    (portal.data / "store" / portal.recording(lost)["key"]).unlink()
    person.post(f"/recordings/{lost}/verify")
    wait_for(lambda: portal.recording(lost)["integrity"] == "missing")
    page = person.get(f"/recordings/{lost}?tab=integrity").text
    told = re.findall(r'class="integrity-(\w+)">.*?</svg>\s*(\w+)', page, re.DOTALL)
    assert told == [("missing", "Missing")] * 4, "head, facts, now, and the verification"


def test_the_page_says_that_it_was_asked_for_until_it_was_done(
    own_portal: Callable[..., Portal],
) -> None:
    portal = own_portal(PORTAL_JOB_WORKERS="0", PORTAL_WEB_PROCESSES="1")
    [call] = recorded(portal, [{}])
    person = Person(portal, "officer")
    page = person.post(f"/recordings/{call}/verify").text
    assert "A verification was asked for" in page
    part = person.session.post(
        f"{portal.url}/recordings/{call}/verify",
        data={"csrf_token": re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)[1]},
        headers={"X-Part": "yes"},
    ).text
    assert "A verification was asked for" in part and "<html" not in part


def test_who_may_not_verify_sees_no_button_and_is_refused(portal: Portal, call: str) -> None:
    for role in ("reviewer", "source_owner"):
        person = Person(portal, role)
        assert 'href="/integrity"' not in person.get("/recordings").text
        assert "Verify now" not in person.get(f"/recordings/{call}?tab=integrity").text
        assert person.post(f"/recordings/{call}/verify").status_code == 403
        assert person.get("/integrity").status_code == 403


def test_a_forged_form_verifies_nothing(portal: Portal, call: str) -> None:
    person, before = Person(portal, "auditor"), checked(portal, call)
    address = f"{portal.url}/recordings/{call}/verify"
    assert person.session.post(address).status_code == 400
    assert person.session.get(address).status_code == 405
    assert checked(portal, call) == before


def test_the_page_counts_and_lists_what_is_wrong_page_by_page(
    own_portal: Callable[..., Portal],
) -> None:
    portal = own_portal(PORTAL_JOB_WORKERS="0", PORTAL_WEB_PROCESSES="1")
    now = utc_now()
    rows = [{"filename": f"late-{n:03}.wav", "verified_at": now - timedelta(days=90 - n / 10)}
            for n in range(120)]  # fmt: skip
    rows += [{"filename": "differs.wav", "integrity": "mismatch", "verified_at": now}]
    rows += [{"filename": "lost.wav", "integrity": "missing", "verified_at": now}]
    rows += [{"filename": "good.wav", "verified_at": now}] * 3
    recorded(portal, rows)
    admin = Person(portal, "admin")
    page = admin.get("/integrity").text
    counts = re.findall(r"<b>([0-9,+]+)</b> (\w+)", page)
    assert counts == [("3", "Verified"), ("1", "Different"), ("1", "Missing"), ("120", "Overdue")]
    assert "3 months ago" in page and "within 30 days" in page
    assert "differs.wav" in page and "lost.wav" not in page
    assert "lost.wav" in admin.get("/integrity?state=missing").text
    path, seen = "/integrity?state=overdue", []
    while path:
        page = admin.get(path).text
        seen += re.findall(r">(late-[0-9]+)\.wav<", page)
        further = re.search(r'rel="next" href="([^"]+)"', page)
        path = further[1].replace("&amp;", "&") if further else ""
    assert seen == [f"late-{n:03}" for n in range(120)]
    link = re.search(r'href="(/recordings/[^"]+)">late-', page)[1]
    assert "Last verification" in admin.get(link).text


@pytest.mark.parametrize("damaged", ["state=ok", "after=1", "after=x.y", "after=9.z"])
def test_a_damaged_address_is_refused(portal: Portal, damaged: str) -> None:
    assert Person(portal, "auditor").get(f"/integrity?{damaged}").status_code == 400
