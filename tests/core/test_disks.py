"""Who is told that a disk fills up: at which level, once, and in which places."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core import disks
from portal.core.disks import NAMES, Disk, level_after, level_at
from portal.core.storages import Stores
from portal.db import db
from storage_backends.local import LocalStore
from tests.conftest import Portal

percents = st.integers(0, 100)


@given(before=st.sampled_from(NAMES), percent=percents)
def test_a_higher_level_is_told_at_once_and_a_lower_one_with_room_to_spare(
    before: str, percent: int
) -> None:
    after, rank = level_after(before, percent), NAMES.index
    assert rank(after) >= rank(level_at(percent))
    if rank(after) < rank(before):
        assert level_at(percent + disks.SLACK) == after


@pytest.mark.parametrize(
    ("percents", "told"),
    [
        ([79, 80, 79, 80, 79], ["warn"]),
        ([79, 90, 89, 88, 87, 78, 77], ["high", "warn", "ok"]),
        ([100, 93, 92], ["full", "high"]),
        ([100, 10], ["full", "ok"]),
    ],
)
def test_a_disk_at_the_edge_of_a_level_is_told_of_once(
    percents: list[int], told: list[str]
) -> None:
    heard, level = [], "ok"
    for percent in percents:
        before, level = level, level_after(level, percent)
        heard += [level] * (level != before)
    assert heard == told


class Filling(LocalStore):
    """A folder that we say is so full: no test can fill this machine's disk."""

    used = 0

    def total_bytes(self) -> int:
        return 1000

    def free_bytes(self) -> int:
        return 1000 - self.used


def test_crossing_a_level_is_logged_and_audited_once(
    own_portal: type[Portal], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    portal = own_portal(PORTAL_JOB_WORKERS="0", PORTAL_WEB_PROCESSES="1")
    store = Filling(tmp_path / "store")
    stores = Stores(store, store, "secret")
    query = "SELECT * FROM audit_event WHERE action = 'storage.disk_level' ORDER BY seq"
    with portal.app.app_context(), caplog.at_level(logging.INFO, "portal.core.disks"):
        for used in (100, 810, 815, 960, 960, 100):
            store.used = used
            disks.watch(db.session, stores)
    details = [json.loads(row["details"]) for row in portal.rows(query)]
    steps = [(each["before"], each["after"], each["percent"]) for each in details]
    assert steps == [("ok", "warn", 81), ("warn", "full", 96), ("full", "ok", 10)]
    assert {row["object_id"] for row in portal.rows(query)} == {"main"}
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR", "INFO"]
    assert "main is 96 % full" in caplog.text


def test_the_fullest_disk_is_the_one_that_matters() -> None:
    found = [Disk("main", 1000, 500), Disk("staging", 10, 1), Disk("old", 100, 90)]
    assert disks.fullest(found) == found[1]
    assert disks.fullest([]) is None
