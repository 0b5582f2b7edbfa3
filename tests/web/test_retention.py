"""The pages of retention: rules change with a preview, a reason and, if shorter, two people."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import delete, update

from portal.core import deletion, leases
from portal.core.audit import SYSTEM
from portal.core.models import (
    Heartbeat,
    Recording,
    RetentionPolicy,
    RetentionRule,
    RetentionRun,
    new_id,
)
from portal.core.retention import clock, planning, policies, running
from portal.core.retention.deciding import Rule
from portal.core.transaction import utc_now, writing
from portal.db import db
from portal.storage import stores
from tests.conftest import Portal, wait_for
from tests.web.browsing import Person
from tests.web.listing import recorded

ROOT = Path(__file__).parents[2]
DAY = timedelta(days=1)
ROW = ("name", "source", "kind", "tag", "department", "min", "max", "keep", "delete")
CALLS = {"name": "Calls", "source": "calls", "keep": "90", "delete": "180"}


@pytest.fixture(scope="module")
def running_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    folder = tmp_path_factory.mktemp("retention")
    portal = Portal(folder, PORTAL_JOB_WORKERS="0", PORTAL_WEB_PROCESSES="1").start()
    yield portal
    portal.drop()


@pytest.fixture
def house(running_house: Portal) -> Portal:
    """Without rules and runs, and whatever was recorded before is gone."""
    with running_house.app.app_context():
        for table in (RetentionRule, RetentionPolicy, RetentionRun, Heartbeat):
            db.session.execute(delete(table))
        gone = {"state": "deleted", "deleted_at": utc_now(), "deletion_reason": "a test"}
        db.session.execute(update(Recording).values(**gone, planned_policy=0))
        db.session.commit()
    return running_house


def form(*rows: dict[str, str], **more: Any) -> dict[str, Any]:
    """The form as a browser sends it."""
    return {name: [row.get(name, "") for row in rows] for name in ROW} | more


def send(person: Person, path: str, *rows: dict[str, str], **more: Any) -> requests.Response:
    return person.post(f"/retention/{path}", **form(*rows, **more))


def in_force(house: Portal, *rules: Rule) -> None:
    with house.app.app_context():
        with writing(db.session):
            policies.adopt(db.session, SYSTEM, rules, "a test")
        planning.plan_all(db.session)


def change(person: Person, base: int, *rows: dict[str, str], **more: Any) -> requests.Response:
    more = {"base": str(base), "reason": "the law"} | more
    return send(person, "change", *rows, **more)


def test_the_way_of_a_new_policy_through_two_people(house: Portal) -> None:
    anna, bert = Person(house, "admin"), Person(house, "officer")
    assert "Nothing is ever deleted by itself" in anna.get("/retention").text
    preset = send(anna, "edit", base="0", act="preset:sac").text
    assert 'value="SAC"' in preset and "no legal advice" in preset
    preview = send(anna, "edit", CALLS, base="0", act="preview").text
    assert "a second person has to approve this" in preview and 'name="base" value="0"' in preview
    asked = change(anna, 0, CALLS)
    assert re.search(r"/approvals/[0-9a-f-]{36}$", asked.url) and "Take it back" in asked.text
    path = asked.url.removeprefix(house.url)
    page = bert.get(path).text
    assert "after 180 days" in page and "There were none." in page and "Calls" in page
    sha256 = re.search(r'name="sha256" value="([0-9a-f]{64})"', page)[1]
    assert "Approved" in bert.post(f"{path}/approve", sha256=sha256).text
    rules = anna.get("/retention").text
    assert "Version 1" in rules and "after 180 days" in rules and "the approval" in rules


def test_lengthening_is_in_force_at_once_and_planned_by_a_worker(
    own_portal: Callable[..., Portal],
) -> None:
    portal = own_portal()
    [call] = recorded(portal, [{"source": "calls"}])
    in_force(portal, Rule("Calls", "calls", keep_days=90, delete_days=36_000))
    anna = Person(portal, "officer")
    longer = CALLS | {"delete": "36500"}
    assert "Nothing goes sooner than today" in send(anna, "edit", longer, base="1").text
    assert "The new rules are in force." in change(anna, 1, longer).text
    query = "SELECT planned_policy, delete_at FROM recording WHERE id = ? AND planned_policy = 2"
    [row] = wait_for(lambda: portal.rows(query, call))
    assert row["delete_at"].startswith("2126-")


def test_every_wrong_field_is_told_and_nothing_typed_is_lost(house: Portal) -> None:
    anna = Person(house, "admin")
    wrong = {"name": " ", "tag": "<b>x</b>", "min": "5", "max": "2", "keep": "x", "delete": "0"}
    answer = send(anna, "edit", CALLS, CALLS | {"delete": "7.5"}, wrong, base="0")
    page = answer.text
    assert answer.status_code == 400
    for sentence in (
        "Give the rule a name",
        "Another rule has this name already",
        "Write whole days",
        "The largest size is smaller",
    ):
        assert sentence in page
    assert 'value="7.5"' in page and 'value="&lt;b&gt;x&lt;/b&gt;"' in page
    assert page.count('aria-invalid="true"') == page.count('class="field-problem"') == 6
    assert policies_of(house) == []


def policies_of(house: Portal) -> list[dict[str, Any]]:
    return house.rows("SELECT number FROM retention_policy")


def test_rows_are_added_moved_and_removed_without_scripts(house: Portal) -> None:
    anna = Person(house, "admin")
    two = [{"name": "first"}, {"name": "second"}]

    def names(act: str) -> list[str]:
        return re.findall(
            r'name="name" value="([^"]*)"', send(anna, "edit", *two, base="0", act=act).text
        )

    assert names("add") == ["first", "second", ""]
    assert names("up:1") == ["second", "first"]
    assert names("remove:0") == ["second"]
    for odd in ("up:0", "remove:9", "preset:x", "remove:-1", "nonsense"):
        assert names(odd) == ["first", "second"]


def test_the_second_of_two_editors_is_told_and_keeps_what_they_typed(house: Portal) -> None:
    in_force(house, Rule("Calls", "calls", keep_days=90, delete_days=180))
    anna, bert = Person(house, "admin"), Person(house, "officer")
    assert "in force" in change(bert, 1, CALLS | {"keep": "100"}).text
    for answer in (
        change(anna, 1, CALLS | {"keep": "120"}),
        send(anna, "edit", CALLS | {"keep": "120"}, base="1"),
    ):
        assert answer.status_code == 409
        assert f"{bert.email} has changed the rules meanwhile" in answer.text
        assert 'value="120"' in answer.text and 'name="base" value="2"' in answer.text
    assert "in force" in change(anna, 2, CALLS | {"keep": "120"}).text
    assert len(policies_of(house)) == 3


def test_deleting_much_is_asked_again(house: Portal) -> None:
    recorded(house, [{"source": "calls"}] * 3 + [{"source": "tus"}] * 3)
    in_force(house)
    anna = Person(house, "admin")
    soon = CALLS | {"keep": "1", "delete": "1"}
    preview = send(anna, "edit", soon, base="1").text
    assert "Type how many more than today: 3" in preview and "recording-0.wav" in preview
    for typed in ("", "2", "many"):
        again = change(anna, 1, soon, typed=typed)
        assert again.status_code == 409 and "Type the number of recordings" in again.text
        assert ">the law</textarea>" in again.text
    assert "/approvals/" in change(anna, 1, soon, typed=" 3 ").url
    no_reason = change(anna, 1, soon, typed="3", reason=" ")
    assert no_reason.status_code == 400 and "Say why" in no_reason.text


def test_the_tester_says_which_rule_and_why(house: Portal) -> None:
    [call, other] = recorded(house, [{"source": "calls", "received_at": utc_now()}, {}])
    in_force(house, Rule("Calls", "calls", keep_days=90, delete_days=180))
    auditor = Person(house, "auditor")
    page = auditor.get(f"/retention?id={call}").text
    assert "by the rule “Calls”" in page and "It must be kept" in page
    assert "No rule fits it" in auditor.get(f"/retention?id={other}").text
    for missing in ("00000000-0000-7000-8000-000000000000", "<script>"):
        page = auditor.get(f"/retention?id={missing}").text
        assert "There is no recording with this number" in page and "<script>" not in page


def test_the_calendar_counts_what_goes_when(house: Portal) -> None:
    now = utc_now()
    recorded(house, [{"received_at": now - 5 * DAY, "size": 2_000_000}] * 2 + [{"source": "calls"}])
    in_force(house, Rule("all", delete_days=100), Rule("calls", "calls", delete_days=None))
    day = now + 95 * DAY
    page = Person(house, "auditor").get("/retention/calendar").text
    month = f"/retention/calendar?month={day:%Y-%m}"
    assert f'href="{month}"' in page and "4.0 MB" in page
    days = Person(house, "auditor").get(month).text
    assert f"{day:%Y-%m-%d}" in days and "4.0 MB" in days
    assert Person(house, "auditor").get("/retention/calendar?month=2027-13").status_code == 400


def test_what_the_rules_delete_gets_its_certificate(house: Portal, tmp_path: Path) -> None:
    key = f"recordings/000000/{new_id()}/1/original"
    rows = [{"filename": "gone.wav", "key": key}, {"source": "calls"}]
    [gone, kept] = recorded(house, rows)
    in_force(house, Rule("short", "tus", delete_days=1))
    lived(house, gone)
    auditor = Person(house, "auditor")
    assert "gone.wav" in auditor.get("/retention/certificates").text
    page = auditor.get(f"/recordings/{gone}/certificate").text
    assert "short" in page and "retention" in page and "Signature" in page
    answer = auditor.get(f"/recordings/{gone}/certificate.json")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="deletion-{gone}.json"'
    file = tmp_path / "certificate.json"
    file.write_bytes(answer.content)
    public = house.cli("audit", "key").stdout.strip()
    script = [sys.executable, str(ROOT / "tools/verify_certificate.py"), str(file), "--key", public]
    assert subprocess.run(script, capture_output=True, check=False).returncode == 0
    assert json.loads(answer.content)["certificate"]["rule"] == "short"
    for path in (f"/recordings/{kept}/certificate", f"/recordings/{kept}/certificate.json"):
        assert auditor.get(path).status_code == 404


def lived(house: Portal, recording_id: str) -> None:
    """As if the runs of a week had been, and a worker had purged."""
    how = running.How(timedelta(0), timedelta(0), steady=timedelta(0))
    with house.app.app_context():
        for now in (utc_now(), utc_now() + DAY):
            clock.beat(db.session, now)
            running.run(db.session, SYSTEM, now, how)
        lease = leases.claim(db.session, deletion.KIND, recording_id, 60)
        assert lease is not None
        deletion.purge(db.session, stores, recording_id, timedelta(0), lease)
        assert db.session.get_one(Recording, recording_id).state == "deleted"


def test_the_runs_are_listed(house: Portal) -> None:
    recorded(house, [{}])
    in_force(house, Rule("short", delete_days=1))
    auditor = Person(house, "auditor")
    assert "There was no run yet" in auditor.get("/retention/runs").text
    with house.app.app_context():
        clock.beat(db.session, utc_now())
        how = running.How(timedelta(0), DAY, steady=timedelta(0))
        running.run(db.session, SYSTEM, utc_now(), how)
    page = auditor.get("/retention/runs").text
    assert 'data-label="Marked" class="number">1<' in page and "<b>1</b> 1.0 MB" in page


@pytest.mark.parametrize("role", ["reviewer", "source_owner", "uploader"])
def test_who_may_not_verify_sees_none_of_it(portal: Portal, role: str) -> None:
    person = Person(portal, role)
    assert 'href="/retention"' not in person.get("/account").text
    for path in ("", "/calendar", "/runs", "/certificates", "/edit"):
        assert person.get(f"/retention{path}").status_code == 403, path


def test_an_auditor_reads_and_does_not_change(portal: Portal) -> None:
    auditor = Person(portal, "auditor")
    for path in ("", "/calendar", "/runs", "/certificates"):
        assert auditor.get(f"/retention{path}").ok
    assert "Change the rules" not in auditor.get("/retention").text
    assert auditor.get("/retention/edit").status_code == 403
    for path in ("edit", "change"):
        assert send(auditor, path, CALLS, base="0", reason="x").status_code == 403


def test_a_damaged_or_forged_form_changes_nothing(house: Portal) -> None:
    anna = Person(house, "admin")
    for damaged in (
        form(CALLS, base="x"),
        form(CALLS, base="0") | {"keep": ["1", "2"]},
        form(*[CALLS] * 51, base="0"),
    ):
        assert anna.post("/retention/edit", **damaged).status_code == 400
    forged = anna.session.post(f"{house.url}/retention/change", data=form(CALLS, base="0"))
    assert forged.status_code == 400
    assert anna.get("/retention?policy=9").status_code == 404
    assert anna.get("/retention?policy=x").status_code == 400
    assert policies_of(house) == []
