"""A house of several thousand recordings: what lies far behind the first page is found from it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psycopg
import pytest

from bench.made_up import NEEDLE, fill
from portal.db import db
from tests.conftest import Portal
from tests.web.browsing import Person

COUNT = 4000
LISTED = re.compile(r'<a href="/recordings/([0-9a-f-]{36})">([^<]*)</a>')


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def auditor(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Person]:
    settings = {"PORTAL_JOB_WORKERS": "0"}
    if request.param == "postgresql":
        server: str = request.getfixturevalue("postgres")
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute("CREATE DATABASE depth")
        settings["PORTAL_DATABASE_URL"] = server.rpartition("/")[0] + "/depth"
    portal = Portal(tmp_path_factory.mktemp("depth"), **settings).start()
    with portal.app.app_context():
        fill(db.engine, COUNT, events=0)
    yield Person(portal, "officer")
    portal.drop()


@pytest.mark.parametrize(
    "asked",
    [
        f"q={NEEDLE}",
        "department=archives",
        "to=2025-01-01&hour_to=1&department=archives",
        "weekday=3&q=quetz&min_mb=0",
    ],
)
def test_acceptance_4_a_match_far_behind_the_first_page_is_found_from_it(
    auditor: Person, asked: str
) -> None:
    first = LISTED.findall(auditor.get("/recordings").text)
    found = LISTED.findall(auditor.get(f"/recordings?{asked}").text)
    assert len(first) == 50
    assert len(found) == 1 and NEEDLE in found[0][1]
    assert found[0] not in first
    assert auditor.get(f"/recordings?before={found[0][0]}").text.count(NEEDLE) == 0, "the last one"
