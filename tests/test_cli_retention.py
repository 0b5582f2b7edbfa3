"""`portal retention`: what is in force, what it says of a recording, what a run would do."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from portal.core.audit import SYSTEM
from portal.core.retention import clock, planning, policies
from portal.core.retention.deciding import Rule
from portal.core.transaction import utc_now, writing
from portal.db import db
from tests.conftest import Portal
from tests.web.listing import recorded


@pytest.fixture
def house(tmp_path: Path) -> Portal:
    """A portal that does not run: the commands need its data alone."""
    made = Portal(tmp_path)
    made.cli("migrate")
    return made


def rule(house: Portal) -> None:
    with house.app.app_context():
        with writing(db.session):
            rules = [Rule("Calls", "calls", keep_days=1, delete_days=2)]
            policies.adopt(db.session, SYSTEM, rules, "a test")
        planning.plan_all(db.session)


def steady(house: Portal) -> None:
    with house.app.app_context():
        now = utc_now()
        for hours in range(25, -1, -1):
            clock.beat(db.session, now - timedelta(hours=hours))


def test_rules_and_why(house: Portal) -> None:
    assert "Policy 0, 0 rule(s)" in house.cli("retention", "rules").stdout
    [call] = recorded(house, [{"source": "calls"}])
    assert "keep: no_rule" in house.cli("retention", "why", call).stdout
    rule(house)
    assert "Calls: source=calls" in house.cli("retention", "rules").stdout
    said = house.cli("retention", "why", call).stdout
    assert said.startswith("mark: due") and "by Calls" in said
    refused = house.cli("retention", "why", "nonsense", check=False)
    assert refused.returncode == 1 and "no such recording" in refused.stderr


def test_a_dry_run_changes_nothing_and_a_run_waits_for_the_clock(house: Portal) -> None:
    [call] = recorded(house, [{"source": "calls"}])
    rule(house)
    dry = house.cli("retention", "run", "--dry-run").stdout
    assert "1 looked at by policy 1: 1 marked" in dry and "Nothing was changed." in dry
    refused = house.cli("retention", "run", check=False)
    assert refused.returncode == 1 and "The clock was set" in refused.stderr
    [row] = house.rows("SELECT marked_at FROM recording WHERE id = ?", call)
    assert row["marked_at"] is None
    steady(house)
    assert "1 marked" in house.cli("retention", "run").stdout
    [row] = house.rows("SELECT marked_rule, state FROM recording WHERE id = ?", call)
    assert (row["marked_rule"], row["state"]) == ("Calls", "ready")
    [event] = house.rows("SELECT actor_type FROM audit_event WHERE action = 'retention.run'")
    assert event["actor_type"] == "shell"
