"""Whatever takes recordings away leaves a held one alone; behind the code stands the database."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from portal.core import (
    approvals,
    deciding,
    deletion,
    ending,
    holding,
    leases,
    orphans,
    reconcile,
    releasing,
    requested_deletion,
)
from portal.core.audit import SYSTEM
from portal.core.errors import Held
from portal.core.models import Recording
from portal.core.retention.deciding import Rule
from portal.core.transaction import utc_now, writing
from tests.core import retaining
from tests.core.cases import case_now, officer, place
from tests.core.conftest import Site
from tests.core.deleting import NOT_KEPT, WORDS, ask, found, purge


def by_api(site: Site, held: Recording) -> None:
    with pytest.raises(Held):
        ask(site, held.id)


def by_request(site: Site, held: Recording) -> None:
    with pytest.raises(Held):
        requested_deletion.ask(site.session, officer(site), [held.id], "why not", NOT_KEPT)


def by_the_purge_of_a_mark_that_nobody_could_make(site: Site, held: Recording) -> None:
    with writing(site.session):
        site.session.get_one(Recording, held.id).state = "deleting"
    purge(site, held.id)


def by_cleanup(site: Site, held: Recording) -> None:
    for late in ending.expire(site.session, utc_now() + 400 * approvals.LIFETIME):
        ending.tidy(site.session, site.stores, late)
    reconcile.tidy_ended(site.session, site.stores)


def by_reconcile(site: Site, held: Recording) -> None:
    others = [site.recorded(WORDS) for _ in range(2)]
    stray = f"{held.key.rpartition('/')[0]}-lost/original"
    site.store.write(stray, [WORDS])
    os.utime(site.folder / stray, (1, 1))
    differences = orphans.compare(site.session, site.stores, utc_now())
    assert orphans.repair(site.session, site.stores, SYSTEM, differences) == 0
    assert stray in site.keys("recordings") and others


def by_the_nightly_run(site: Site, held: Recording) -> None:
    retaining.in_force(site, Rule("soon", keep_days=0, delete_days=1))
    for night in (10, 20):
        assert retaining.run(site, utc_now() + night * retaining.DAY).blocked == 1
    purge(site, held.id)


WAYS = [
    by_api,
    by_request,
    by_the_nightly_run,
    by_the_purge_of_a_mark_that_nobody_could_make,
    by_cleanup,
    by_reconcile,
]


@pytest.mark.parametrize("way", WAYS)
def test_acceptance_7_a_held_recording_survives(
    site: Site, way: Callable[[Site, Recording], None]
) -> None:
    held = site.recorded(WORDS)
    place(site, officer(site), held)
    way(site, held)
    now = found(site, held.id)
    assert (now.state, now.key, now.deleted_at) == ("ready", held.key, None)
    assert site.content(held.key) == WORDS


def test_a_hold_survives_an_approval_from_before(site: Site) -> None:
    anna, bert, held = officer(site), officer(site), site.recorded(WORDS)
    made = requested_deletion.ask(site.session, anna, [held.id], "not ours", NOT_KEPT)
    place(site, anna, held)
    outcome = deciding.approve(site.session, bert, made.id, made.sha256, NOT_KEPT).outcome
    assert outcome is not None and outcome["marked"] == []
    purge(site, held.id)
    assert site.content(held.key) == WORDS


RECORDING = "UPDATE recording SET {} WHERE id = :recording"
FORBIDDEN = [
    "DELETE FROM recording WHERE id = :recording",
    RECORDING.format("state = 'purging'"),
    RECORDING.format("state = 'deleted', deleted_at = received_at"),
    RECORDING.format("key = 'recordings/elsewhere'"),
    RECORDING.format("sha256 = 'x'"),
    RECORDING.format("version_id = 'x'"),
    RECORDING.format("storage_id = 'elsewhere'"),
    "DELETE FROM legal_hold",
    "DELETE FROM legal_case",
    "UPDATE legal_hold SET reason = 'none'",
    "UPDATE legal_hold SET placed_at = '2020-01-01'",
    "UPDATE legal_hold SET released_by = 'nobody'",
    "UPDATE legal_case SET name = 'another', number = NULL",
    "UPDATE legal_case SET query = '{}'",
]
ALLOWED = [
    RECORDING.format("state = 'deleting'"),
    RECORDING.format("integrity = 'mismatch', verified_at = received_at"),
    "UPDATE legal_hold SET released_at = '2026-01-01', released_by = 'operator'",
    "UPDATE legal_case SET review_on = '2027-01-01', future = NOT future",
]


def run(site: Site, statement: str, recording: Recording) -> None:
    with site.sessions() as session:
        values = {"recording": recording.id} if ":recording" in statement else {}
        session.execute(text(statement), values)
        session.commit()


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_database_itself_refuses(site: Site, statement: str) -> None:
    held = site.recorded(WORDS)
    place(site, officer(site), held)
    with pytest.raises(DBAPIError, match=r"legal hold|Legal holds"):
        run(site, statement, held)


@pytest.mark.parametrize("statement", ALLOWED)
def test_the_database_lets_work_go_on(site: Site, statement: str) -> None:
    held = site.recorded(WORDS)
    place(site, officer(site), held)
    run(site, statement, held)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE legal_hold SET released_at = NULL, released_by = NULL",
        "UPDATE legal_hold SET released_by = 'somebody else'",
        "UPDATE legal_case SET released_at = NULL",
        "DELETE FROM legal_hold",
    ],
)
def test_a_release_is_never_undone(site: Site, statement: str) -> None:
    held = site.recorded(WORDS)
    case = holding.hold(site.session, SYSTEM, held.id, "lawsuit 12")
    releasing.end_holds(site.session, SYSTEM, held.id)
    with pytest.raises(DBAPIError, match="Legal holds stay on record"):
        run(site, statement, held)
    assert case_now(site, case).released_at is not None


def test_nothing_replaces_a_row_that_is_held_or_holds(site: Site) -> None:
    """SQLite's own way to delete without a DELETE; PostgreSQL's is to truncate."""
    held = site.recorded(WORDS)
    place(site, officer(site), held)
    sqlite = site.session.get_bind().dialect.name == "sqlite"
    for table in ("recording", "legal_hold", "legal_case"):
        way = f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"
        with pytest.raises(DBAPIError, match=r"legal hold|Legal holds"):
            run(site, way if sqlite else f"TRUNCATE {table} CASCADE", held)


def test_once_released_a_recording_is_purged_like_any(site: Site) -> None:
    held = site.recorded(WORDS)
    holding.hold(site.session, SYSTEM, held.id, "lawsuit 12")
    releasing.end_holds(site.session, SYSTEM, held.id)
    ask(site, held.id)
    lease = leases.claim(site.session, deletion.KIND, held.id, 60)
    assert lease is not None
    deletion.purge(site.session, site.stores, held.id, NOT_KEPT, lease)
    assert found(site, held.id).state == "deleted" and site.keys() == []
