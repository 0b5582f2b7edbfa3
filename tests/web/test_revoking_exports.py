"""Acceptance 21 for what is made while it is sent: exports, and the record of a history."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from portal.core import accounts
from portal.db import db
from tests.conftest import Portal
from tests.waiting import wait_for
from tests.web.browsing import Person
from tests.web.listing import recorded
from tests.web.test_export import NUMBERS, multiply
from tests.web.test_revoking import SECONDS, Listener, change

ROWS = 40_000
MADE_ID = "printf('00000000-0000-7000-9000-%012x', n)"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A portal with 40,000 recordings, one of which was played 40,000 times."""
    made = Portal(tmp_path_factory.mktemp("house"), PORTAL_JOB_WORKERS="0").start()
    (call,) = recorded(made, [{}])
    Person(made, "auditor").begin(call)
    multiply(made, ROWS)
    with made.app.app_context(), db.engine.begin() as connection:
        names = [row[1] for row in connection.exec_driver_sql("PRAGMA table_info(play_session)")]
        own = {"id": MADE_ID, "secret_hash": "'s' || n"}
        columns = ", ".join(own.get(name, f'"{name}"') for name in names)
        copies = f"INSERT INTO play_session SELECT {columns} FROM play_session, ({NUMBERS})"
        connection.exec_driver_sql(copies, (ROWS,))
    yield made
    made.drop()


def begun(person: Person, path: str) -> Listener:
    cookie = "; ".join(f"{each.name}={each.value}" for each in person.session.cookies)
    return Listener(person.portal, path, Cookie=cookie)


@pytest.mark.parametrize("name", ["export.csv", "export.jsonl", "{call}/record"])
def test_acceptance_21_what_is_being_sent_stops_within_ten_seconds(
    house: Portal, name: str
) -> None:
    query = "SELECT recording_id FROM play_session LIMIT 1"
    path = f"/recordings/{name.format(call=house.rows(query)[0]['recording_id'])}"
    people = [Person(house, "auditor") for _ in range(3)]
    answers = [begun(each, path) for each in people]
    wait_for(lambda: all(each.received > 256 * 1024 for each in answers))
    signed_out, unscoped, _ = people
    signed_out.post("/logout")
    change(house, accounts.set_scope, unscoped.email, ["source:calls"])
    revoked = time.monotonic()
    wait_for(lambda: all(each.ended_at for each in answers[:2]), SECONDS, "the answers end")
    assert all(each.ended_at - revoked < SECONDS for each in answers[:2])
    before = answers[2].received
    wait_for(lambda: answers[2].received > before, what="an answer that nobody revoked goes on")
    for each in answers:
        each.leave()
