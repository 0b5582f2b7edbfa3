"""`portal audit …`, as an operator uses it, and the periodic jobs that do the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import PASSWORD, Portal
from tests.waiting import wait_for

COUNT = "SELECT details FROM audit_event WHERE action = ? AND result = ?"


@pytest.fixture
def still(tmp_path: Path) -> Portal:
    """A portal that does not run, with two accounts."""
    portal = Portal(tmp_path)
    for name in ("ana", "bruno"):
        words = ("create-user", f"{name}@example.org", "--role", "auditor", "--password-stdin")
        portal.cli(*words, given=PASSWORD)
    return portal


def test_a_good_log_is_sealed_and_verified(still: Portal) -> None:
    assert still.cli("audit", "seal").stdout.startswith("Sealed #2 ")
    assert still.cli("audit", "seal").stdout.startswith("Nothing has happened since")
    done = still.cli("audit", "verify")
    assert done.stdout.startswith("3 events checked; sealed to #2 at ")
    assert len(still.rows(COUNT, "audit.verified", "ok")) == 1
    (line,) = (still.data / "seals.jsonl").read_text().splitlines()
    (stored,) = still.stored_files("seals")
    assert stored.read_text() == line


def test_a_changed_log_is_an_exit_status_and_an_event(still: Portal) -> None:
    database = sqlite3.connect(still.data / "portal.sqlite3")
    database.execute("DROP TRIGGER audit_event_no_update")
    database.execute("UPDATE audit_event SET actor_label = 'nobody' WHERE seq = 1")
    database.commit()
    database.close()
    done = still.cli("audit", "verify", check=False)
    assert done.returncode == 1 and "WRONG  Event #1 was changed" in done.stdout
    assert "The audit log is not what was written" in done.stderr
    assert len(still.rows(COUNT, "audit.verified", "failed")) == 1


def test_a_running_portal_seals_and_verifies_by_itself(own_portal: Callable[..., Portal]) -> None:
    portal = own_portal(PORTAL_SEAL_SECONDS="10")
    wait_for(lambda: portal.rows(COUNT, "audit.sealed", "ok"), what="sealed")
    wait_for(lambda: portal.rows(COUNT, "audit.verified", "ok"), what="verified")
    assert portal.stored_files("seals") and (portal.data / "seals.jsonl").exists()


def test_a_damaged_key_is_a_sentence(still: Portal) -> None:
    (still.data / "seal_key").write_text("x" * 64)
    done = still.cli("audit", "key", check=False)
    assert done.returncode == 1 and "key of the seals" in done.stderr
    assert "Traceback" not in done.stderr
