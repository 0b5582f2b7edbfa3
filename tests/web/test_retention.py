"""The pages of retention: tester, calendar, runs, certificates, and who sees them."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from portal.core import deletion, leases
from portal.core.audit import SYSTEM
from portal.core.models import Recording, new_id
from portal.core.retention import clock, running
from portal.core.retention.deciding import Rule
from portal.core.transaction import utc_now
from portal.db import db
from portal.storage import stores
from tests.conftest import Portal
from tests.web.browsing import Person
from tests.web.listing import recorded
from tests.web.retaining import CALLS, house, in_force, running_house, send

__all__ = ["house", "running_house"]

ROOT = Path(__file__).parents[2]
DAY = timedelta(days=1)


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
