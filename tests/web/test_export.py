"""A list as a file: all of it, in the list's order, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from portal.db import db
from tests.conftest import Portal
from tests.web.browsing import Person
from tests.web.listing import recorded
from tests.web.test_list import LISTED

MANY = 100_000
MADE_ID = "printf('00000000-0000-7000-8000-%012x', n)"
NUMBERS = (
    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ?) SELECT n FROM c"
)


@pytest.fixture
def house(own_portal: Callable[..., Portal]) -> Portal:
    return own_portal(PORTAL_JOB_WORKERS="0")


def test_a_file_has_what_the_list_has_in_its_order(house: Portal) -> None:
    recorded(house, [{"kind": "video"}, {"duration_ms": None}, {"kind": "video", "size": 5}])
    officer = Person(house, "officer")
    for query in ("kind=video", "kind=video&sort=largest", "sort=longest", ""):
        shown = LISTED.findall(officer.get(f"/recordings?{query}").text)
        lines = officer.get(f"/recordings/export.jsonl?{query}").text.splitlines()
        told = [json.loads(line) for line in lines]
        assert [each["id"] for each in told[:-1]] == shown
        assert told[-1] == {"end": True, "count": len(shown)}
        rows = list(csv.reader(io.StringIO(officer.get(f"/recordings/export.csv?{query}").text)))
        assert [row[0] for row in rows[1:-1]] == shown
        assert rows[-1] == [f"end of file: {len(shown)} recordings"]


def test_no_cell_is_a_formula(house: Portal) -> None:
    recorded(house, [{"filename": sign + "1+1|cmd", "details": {"x": sign}} for sign in "=+-@"])
    text = Person(house, "officer").get("/recordings/export.csv").text
    rows = list(csv.reader(io.StringIO(text)))
    assert [row[1][:2] for row in rows[1:-1]] == ["'@", "'-", "'+", "'="]
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]


def test_each_export_is_an_event_with_its_filters_and_count(house: Portal) -> None:
    recorded(house, [{"source": "calls"}] * 2)
    officer = Person(house, "officer")
    officer.get("/recordings/export.csv?source=calls&sort=oldest")
    query = "SELECT * FROM audit_event WHERE action = 'export.created' AND actor_label = ?"
    events = house.rows(query, officer.email)
    said = {"format": "csv", "filters": {"source": ["calls"]}, "sort": "oldest", "count": 2}
    told = json.loads(events[0]["details"])
    assert len(events) == 1 and said.items() <= told.items()


def test_nobody_exports_what_is_not_theirs_to_see(house: Portal) -> None:
    recorded(house, [{}])
    stranger = Person(house, "uploader")
    assert stranger.get("/recordings/export.jsonl").text == '{"end": true, "count": 0}\n'


def test_acceptance_14_a_hundred_thousand_rows_arrive_and_none_is_cut(house: Portal) -> None:
    recorded(house, [{"received_at": datetime(2020, 1, 1, tzinfo=UTC), "filename": "the first"}])
    multiply(house, MANY - 1)
    answer = Person(house, "officer").get("/recordings/export.jsonl")
    told = [json.loads(line) for line in answer.iter_lines()]
    assert told[-1] == {"end": True, "count": MANY}
    assert len({each["id"] for each in told[:-1]}) == MANY
    assert told[-2]["filename"] == "the first", "the oldest is the last"


def multiply(house: Portal, count: int) -> None:
    """Copies of the only recording and its upload, a second after one another."""
    with house.app.app_context(), db.engine.begin() as connection:
        for table, own in (
            ("upload", {"id": MADE_ID}),
            ("recording", {"id": MADE_ID, "key": "'k' || n", "place": "place + n * 1000000"}),
        ):
            names = [row[1] for row in connection.exec_driver_sql(f"PRAGMA table_info({table})")]
            columns = ", ".join(f'"{name}"' for name in names)
            values = ", ".join(own.get(name, f'"{name}"') for name in names)
            connection.exec_driver_sql(
                f"INSERT INTO {table} ({columns}) SELECT {values} FROM {table}, ({NUMBERS})",
                (count,),
            )
