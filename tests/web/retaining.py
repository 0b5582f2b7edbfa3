"""What tests of the pages of retention share: a portal without workers, and rules in force."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from sqlalchemy import delete, update

from portal.core.audit import SYSTEM
from portal.core.models import Heartbeat, Recording, RetentionPolicy, RetentionRule, RetentionRun
from portal.core.retention import planning, policies
from portal.core.retention.deciding import Rule
from portal.core.transaction import utc_now, writing
from portal.db import db
from tests.conftest import Portal
from tests.web.browsing import Person

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


def in_force(house: Portal, *rules: Rule) -> None:
    with house.app.app_context():
        with writing(db.session):
            policies.adopt(db.session, SYSTEM, rules, "a test")
        planning.plan_all(db.session)


def form(*rows: dict[str, str], **more: Any) -> dict[str, Any]:
    """The form as a browser sends it."""
    return {name: [row.get(name, "") for row in rows] for name in ROW} | more


def send(person: Person, path: str, *rows: dict[str, str], **more: Any) -> requests.Response:
    return person.post(f"/retention/{path}", **form(*rows, **more))


def change(person: Person, base: int, *rows: dict[str, str], **more: Any) -> requests.Response:
    more = {"base": str(base), "reason": "the law"} | more
    return send(person, "change", *rows, **more)
