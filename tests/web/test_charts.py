"""The page of charts: its numbers against SQL, its tables and files, and who may open it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from jobs import schedule, tasks
from portal.core.metrics import forecast, rolling_up
from portal.core.transaction import utc_now
from portal.db import db
from portal.storage import stores
from tests.conftest import Portal
from tests.web.browsing import Person
from tests.web.home_facts import played
from tests.web.listing import recorded

NOW = utc_now()
MIDNIGHT = NOW.replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Portal:
    """Two months of recordings, counted."""
    portal = Portal(tmp_path_factory.mktemp("charts"), PORTAL_JOB_WORKERS="0").start()
    rows = [
        {
            "received_at": NOW - timedelta(hours=7 * number, seconds=5),
            "available_at": NOW - timedelta(hours=7 * number, seconds=5 - number % 9),
            "source": ("tus", "calls")[number % 2],
            "size": 1000 + number,
        }
        for number in range(200)
    ]
    ids = recorded(portal, rows)
    played(portal, Person(portal, "auditor"), ids[0], [])
    roll_up(portal)
    yield portal
    portal.drop()


def roll_up(portal: Portal) -> None:
    with portal.app.app_context():
        rolling_up.run(db.session, utc_now(), seconds=60)


def table(person: Person, name: str, period: str = "month") -> list[dict[str, str]]:
    answer = person.get(f"/charts/{name}.csv?period={period}")
    assert answer.ok, answer.text
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_each_day_has_what_sql_finds_in_it(house: Portal) -> None:
    rows = table(Person(house, "admin"), "received")
    sizes = table(Person(house, "admin"), "bytes")
    assert [row["begin"] for row in rows] == [
        (MIDNIGHT - timedelta(days=29 - number)).isoformat() for number in range(30)
    ]
    query = """SELECT source, count(*) AS n, sum(size) AS size FROM recording
               WHERE received_at >= ? AND received_at < ? GROUP BY source"""
    for row, size in zip(rows, sizes, strict=True):
        begin = datetime.fromisoformat(row["begin"])
        times = [f"{at:%Y-%m-%d %H:%M:%S.%f}" for at in (begin, begin + timedelta(days=1))]
        truth = house.rows(query, *times)
        assert {each["source"]: each["n"] for each in truth} == numbers(row)
        assert {each["source"]: each["size"] for each in truth} == numbers(size)


def numbers(row: dict[str, str]) -> dict[str, int]:
    return {name: int(value) for name, value in row.items() if name != "begin" and value != "0"}


@pytest.mark.parametrize(("period", "stretches"), [("day", 24), ("month", 30), ("year", 52)])
def test_what_is_stored_at_the_end_is_what_sql_sums_up(
    house: Portal, period: str, stretches: int
) -> None:
    rows = table(Person(house, "admin"), "stored", period)
    [truth] = house.rows("SELECT sum(size) AS size FROM recording WHERE deleted_at IS NULL")
    assert len(rows) == stretches
    assert int(rows[-1]["main"]) == truth["size"]
    levels = [int(row["main"]) for row in rows]
    assert levels == sorted(levels)


def test_weeks_begin_on_monday_and_hours_are_those_of_today(house: Portal) -> None:
    weeks = [
        datetime.fromisoformat(row["begin"])
        for row in table(Person(house, "admin"), "plays", "year")
    ]
    assert {week.weekday() for week in weeks} == {0} and weeks[-1] <= NOW
    hours = [row["begin"] for row in table(Person(house, "admin"), "plays", "day")]
    assert datetime.now(UTC) - datetime.fromisoformat(hours[-1]) < timedelta(hours=1)


def test_half_of_the_recordings_were_available_within_the_time_that_is_told(house: Portal) -> None:
    rows = table(Person(house, "admin"), "available", "year")
    took = "(julianday(available_at) - julianday(received_at)) * 86400"
    [middle] = house.rows(f"SELECT {took} AS took FROM recording ORDER BY 1 LIMIT 1 OFFSET 99")
    [last] = [row for row in rows if row["half"]][-1:]
    assert float(last["half"]) >= 1 and float(last["most"]) >= float(last["half"])
    page = Person(house, "admin").get("/charts?period=year").text
    half = re.search(r"Half of them within <b>(\d+) second", page)
    assert half is not None and int(half[1]) == 5 > round(middle["took"]) > 2


def test_the_page_has_every_number_in_a_table_and_links_to_the_file(house: Portal) -> None:
    page = Person(house, "admin").get("/charts").text
    received = page.partition("Recordings received</h2>")[2].partition("</section>")[0]
    assert 'href="/charts/received.csv?period=month"' in received
    cells = [int(each) for each in re.findall(r'<td class="number">(\d+)</td>', received)]
    rows = table(Person(house, "admin"), "received")
    assert sorted(cells) == sorted(int(row[key]) for row in rows for key in ("tus", "calls"))
    assert received.count('class="bar-of"') == 60
    assert "Times are those of UTC" in page


def test_only_who_operates_the_system_sees_them(house: Portal) -> None:
    for role in ("officer", "auditor", "reviewer", "uploader"):
        assert Person(house, role).get("/charts").status_code == 403
        assert Person(house, role).get("/charts/received.csv").status_code == 403
    admin = Person(house, "admin")
    assert admin.get("/charts?period=century").status_code == 400
    assert admin.get("/charts/nothing.csv").status_code == 404


def test_the_day_on_which_the_disk_is_full(house: Portal) -> None:
    with house.app.app_context():
        [main] = [
            each
            for each in forecast.of_all(db.session, stores, NOW)
            if each.disk.storage_id == "main"
        ]
    query = "SELECT sum(size) AS size FROM recording WHERE received_at >= ? AND received_at < ?"
    days = [f"{MIDNIGHT - timedelta(days=each):%Y-%m-%d %H:%M:%S}" for each in (30, 0)]
    assert main.per_day == house.rows(query, *days)[0]["size"] // 30
    assert main.full_on is None, "some kilobytes a day fill no disk"
    assert forecast.full_on(1000, 100, NOW) == NOW.date() + timedelta(days=10)
    assert forecast.full_on(1000, -100, NOW) is None
    assert forecast.full_on(99, 100, NOW) == NOW.date()


def test_the_page_says_when_nothing_was_counted_yet(own_portal: Callable[..., Portal]) -> None:
    portal = own_portal(PORTAL_JOB_WORKERS="0", PORTAL_WEB_PROCESSES="1")
    admin = Person(portal, "admin")
    assert "Nothing is counted yet" in admin.get("/charts").text
    roll_up(portal)
    assert "Nothing is counted yet" not in admin.get("/charts").text


def test_it_is_counted_by_a_periodic_job(house: Portal) -> None:
    periodic = [job.func for job in schedule.periodic(house.app.config["SETTINGS"])]
    assert tasks.roll_up_metrics in periodic
    with house.app.app_context():
        tasks.TASKS["jobs.tasks.roll_up_metrics"]()
    [job] = house.rows("SELECT state FROM job WHERE id = 'roll_up_metrics'")
    assert job["state"] == "done"
