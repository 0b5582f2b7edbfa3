"""No page that people open all day reads a large table as a whole, whatever it is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from bench.made_up import fill
from bench.million import EMAIL, PAGES, PASSWORD, sign_in
from portal import migrate
from portal.app import create_app
from portal.config import Settings
from portal.core import accounts
from portal.db import db
from tests.core.explaining import plans
from tests.databases import new_database

GROWING = (
    "audit_event|job|legal_hold|note|part|play_session|recording|recording_detail|recording_tag|"
    "review|upload"
)
READ_WHOLE = re.compile(rf"\b(?:SCAN|Seq Scan on) ({GROWING})\b(?! USING)")
PLACES = (
    "/",
    "/recordings/{recording}",
    "/audit",
    "/audit?action=recording.download",
    "/uploads",
    "/integrity",
    "/holds",
    "/retention",
    "/approvals",
)
# Where nearly all fit, as they do here, a thousand are met at once.
ADDRESSES = [f"/recordings?{query}" for query in PAGES.values() if query != "held=no"] + [*PLACES]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def full(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Flask]:
    """A portal with some hundred recordings, an officer signed in and its database at hand."""
    folder = tmp_path_factory.mktemp("full")
    settings = {"PORTAL_DATA_DIR": str(folder)}
    if request.param == "postgresql":
        settings["PORTAL_DATABASE_URL"] = new_database(request.getfixturevalue("postgres"), "plans")
    app = create_app(Settings.from_env(settings))
    with app.app_context():
        migrate.upgrade(db.engine)
        accounts.create_user(db.session, EMAIL, "officer", PASSWORD)
        fill(db.engine, 400, 400)
        yield app


@pytest.fixture(scope="module")
def officer(full: Flask) -> FlaskClient:
    return sign_in(full)


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_reads_no_large_table_as_a_whole(officer: FlaskClient, address: str) -> None:
    with db.engine.connect() as connection:
        some = connection.exec_driver_sql("SELECT id FROM recording LIMIT 1").scalar()

    def get() -> None:
        answer = officer.get(address.format(recording=some))
        assert answer.status_code == 200, answer.text

    found = plans(db.engine, get)
    assert found
    for plan in found:
        assert not READ_WHOLE.search(plan.steps), f"{plan.asked}\n{plan.steps}"
