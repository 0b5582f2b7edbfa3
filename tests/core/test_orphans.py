"""Repairing what stands alone: only what was approved, never too much, never what is held."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from portal.core import holding, orphans, releasing, storage_changes
from portal.core.audit import SYSTEM
from portal.core.errors import Conflict
from portal.core.models import LegalHold, Recording
from portal.core.orphans import Differences
from portal.core.storages import MARK
from portal.core.transaction import utc_now, writing
from storage_backends.local import LocalStore
from tests.core.conftest import Site

WORDS = b"these are no media"


def stray_beside(site: Site, recording: Recording) -> str:
    """An object of an attempt that lost, from long ago."""
    key = f"{recording.key.rpartition('/')[0]}-lost/original"
    site.store.write(key, [WORDS])
    os.utime(site.folder / key, (1, 1))
    return key


def compare(site: Site) -> Differences:
    return orphans.compare(site.session, site.stores, utc_now())


def test_strays_go_and_lost_recordings_are_marked(site: Site) -> None:
    lost, *kept = (site.recorded(WORDS) for _ in range(3))
    (site.folder / lost.key).unlink()
    stray = stray_beside(site, kept[0])
    found = compare(site)
    place = found.places["main"]
    assert (place.recordings, place.objects) == (3, 3)
    assert orphans.repair(site.session, site.stores, SYSTEM, found) == 2
    assert site.keys("recordings") == sorted(each.key for each in kept)
    marked = site.recording(lost.id)
    assert marked is not None and (marked.integrity, marked.state) == ("missing", lost.state)
    assert site.events(lost.id)[-1] == "integrity.mismatch"
    assert "storage.orphan_removed" in site.events("main")
    assert stray not in site.keys("recordings")


def test_when_more_than_half_would_go_nothing_does(site: Site) -> None:
    first, second, third = (site.recorded(WORDS) for _ in range(3))
    for each in (first, second):
        (site.folder / each.key).unlink()
    with pytest.raises(Conflict, match=r"2 of 3 recordings.*Nothing was changed"):
        orphans.repair(site.session, site.stores, SYSTEM, compare(site))
    strays = [stray_beside(site, each) for each in (first, second, third)]
    found = compare(site)
    found.places["main"].missing = []
    with pytest.raises(Conflict, match=r"3 of 4 objects"):
        orphans.repair(site.session, site.stores, SYSTEM, found)
    assert set(strays) < set(site.keys("recordings"))
    assert [row.integrity for row in (first, second)] == ["ok", "ok"]


def test_what_is_held_stays_as_it_is(site: Site) -> None:
    lost, kept, _ = (site.recorded(WORDS) for _ in range(3))
    stray = stray_beside(site, kept)
    (site.folder / lost.key).unlink()
    for each in (lost, kept):
        holding.hold(site.session, SYSTEM, each.id, "lawsuit 12")
    assert orphans.repair(site.session, site.stores, SYSTEM, compare(site)) == 0
    assert stray in site.keys("recordings")
    assert site.session.get_one(Recording, lost.id).integrity == "ok"


def test_a_stray_that_became_somebodys_in_between_stays(site: Site) -> None:
    recording, _ = site.recorded(WORDS), site.recorded(WORDS)
    stray = stray_beside(site, recording)
    found = compare(site)
    with writing(site.session):
        site.session.get_one(Recording, recording.id).thumbnail_key = stray
    assert orphans.repair(site.session, site.stores, SYSTEM, found) == 0
    assert stray in site.keys("recordings")


def test_a_hold_that_was_released_protects_no_more(site: Site) -> None:
    recording, _ = site.recorded(WORDS), site.recorded(WORDS)
    holding.hold(site.session, SYSTEM, recording.id, "lawsuit 12")
    releasing.end_holds(site.session, SYSTEM, recording.id)
    stray_beside(site, recording)
    assert orphans.repair(site.session, site.stores, SYSTEM, compare(site)) == 1
    assert site.session.query(LegalHold).count() == 1


@pytest.fixture
def archive(site: Site, tmp_path: Path) -> LocalStore:
    """A further storage where three recordings are, and three in the main one."""
    folder = tmp_path / "archive"
    storage_changes.add(site.session, site.stores, SYSTEM, "archive", folder.as_uri(), {})
    for rule in (False, True):
        if rule:
            storage_changes.add_rule(site.session, SYSTEM, "archive")
        for _ in range(3):
            site.assemble(site.received(WORDS))
    return LocalStore(folder)


def test_a_storage_that_was_lost_wholly_is_no_list_of_orphans(
    site: Site, archive: LocalStore
) -> None:
    """Whatever stands in the others: three of six are no more than half."""
    for each in list(archive.find("recordings")):
        archive.delete(each.key)
    with pytest.raises(Conflict, match="In archive, 3 of 3 recordings"):
        orphans.repair(site.session, site.stores, SYSTEM, compare(site))


def test_a_place_without_its_mark_is_not_compared(site: Site, archive: LocalStore) -> None:
    archive.delete(MARK)
    found = compare(site)
    assert list(found.places) == ["main"] and "mount its disk" in found.silent["archive"]


def test_a_recording_whose_bytes_are_back_is_not_marked(site: Site) -> None:
    lost, *_ = (site.recorded(WORDS) for _ in range(3))
    hidden = (site.folder / lost.key).rename(site.folder / "elsewhere")
    found = compare(site)
    hidden.rename(site.folder / lost.key)
    assert orphans.repair(site.session, site.stores, SYSTEM, found) == 0
    assert site.session.get_one(Recording, lost.id).integrity == "ok"


def test_a_desk_is_swept_once_nobody_can_be_at_it(site: Site) -> None:
    """A part that waited for days makes a desk that looks as old: the file is the same."""
    working, done = site.received(WORDS), site.received(WORDS)
    site.assemble(done)
    for upload_id in (working, done):
        key = f"assembling/{upload_id}/1-left/original"
        site.store.write(key, [WORDS])
        os.utime(site.folder / key, (1, 1))
    assert compare(site).swept == 1
    assert site.keys("assembling") == [f"assembling/{working}/1-left/original"]


def test_what_has_not_our_form_of_key_is_swept_by_nobody(site: Site) -> None:
    for key in ("parts/recordings/0190ab/x/1/original", "assembling/notes.txt"):
        site.store.write(key, [WORDS])
        os.utime(site.folder / key, (1, 1))
    assert compare(site).swept == 0


def test_with_another_database_nothing_is_swept(site: Site) -> None:
    """A store that carries a mark, and a database that has never heard of it."""
    key = "parts/0190ab00-0000-7000-8000-000000000000/0.1"
    site.store.write(key, [WORDS])
    os.utime(site.folder / key, (1, 1))
    site.store.write(MARK, [b'{"id": "of another portal"}'])
    found = compare(site)
    assert found.swept == 0 and "another database" in found.silent["main"]
