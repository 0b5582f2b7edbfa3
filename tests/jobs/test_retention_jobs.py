"""The jobs of retention: the clock is looked at, and the nightly run is made when it is time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from jobs import tasks
from portal.core.models import RetentionRun
from portal.core.retention import clock
from portal.core.transaction import utc_now
from portal.db import db
from tests.conftest import Portal
from tests.waiting import wait_for


def test_a_running_portal_looks_at_the_clock(portal: Portal) -> None:
    wait_for(lambda: portal.rows("SELECT 1 FROM heartbeat"), seconds=90)


@pytest.fixture
def house(tmp_path: Path) -> Portal:
    """One that does not run; its jobs are called as a worker calls them."""
    made = Portal(tmp_path)
    made.cli("migrate")
    return made


def test_the_nightly_run_waits_for_the_clock_and_is_made_once(house: Portal) -> None:
    with house.app.app_context():
        tasks.look_at_the_clock()
        tasks.run_retention()
        assert db.session.query(RetentionRun).count() == 0
        now = utc_now()
        for hours in range(25, -1, -1):
            clock.beat(db.session, now - timedelta(hours=hours))
        for _ in range(2):
            tasks.run_retention()
        [made] = db.session.query(RetentionRun).all()
        assert made.ended_at is not None
