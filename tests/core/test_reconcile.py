"""What is found when rows and objects are compared, and how little is done about it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from portal.core import assembly, ending, fixity, orphans, reconcile
from portal.core.models import Upload
from portal.core.transaction import utc_now
from storage_backends import StoredObject
from tests.core.conftest import HOUR, Body, ObservedStore, Site, stores_of

LONG_AGO = timedelta(hours=25)
LATELY = timedelta(hours=23)
WORDS = b"these are no media"


def file_of(site: Site, key: str, age: timedelta | None = None) -> Path:
    """The object's file, which from now on is so old."""
    path = site.folder / key
    if age is not None:
        then = (utc_now() - age).timestamp()
        os.utime(path, (then, then))
    return path


@dataclass(frozen=True)
class Found:
    swept: int
    missing: list[str]
    strays: list[str]


NOTHING = Found(0, [], [])


def compare(site: Site, now: datetime | None = None, store: ObservedStore | None = None) -> Found:
    stores = stores_of(store) if store else site.stores
    found = orphans.compare(site.session, stores, now or utc_now())
    missing, strays = ([each.key for each in some] for some in (found.missing, found.strays))
    return Found(found.swept, missing, strays)


def test_where_all_is_well_nothing_is_found_and_nothing_touched(site: Site, call: bytes) -> None:
    made = site.received(call)
    site.assemble(made)
    recording = site.recording(made)
    assert recording is not None and recording.peaks_key in site.keys(
        assembly.recording_folder(made)
    )
    open_upload = site.begin(10)
    site.append(open_upload, 0, Body(b"four"))
    before = site.keys()
    assert compare(site, utc_now() + LONG_AGO) == NOTHING
    assert site.keys() == before


def test_a_recording_without_its_object_is_named(site: Site) -> None:
    lost, kept = site.recorded(WORDS), site.recorded(WORDS)
    file_of(site, lost.key).unlink()
    assert compare(site).missing == [lost.key]
    assert site.recording(lost.id) is not None, "it is only reported"
    assert site.keys("recordings") == [kept.key]


def test_a_recording_that_is_finished_during_the_comparison_is_not_missing(site: Site) -> None:
    upload_id = site.received(WORDS)
    store = StoreWhereTimePasses(site.folder, strict=False)
    store.meanwhile = lambda: site.assemble(upload_id)
    found = compare(site, store=store)
    assert site.recording(upload_id) is not None
    assert found == NOTHING


class StoreWhereTimePasses(ObservedStore):
    """The real store, with something that happens while the recordings are being listed."""

    def find(self, prefix: str) -> Iterator[StoredObject]:
        found = list(super().find(prefix))
        if prefix == "recordings":
            act, self.meanwhile = self.meanwhile, lambda: None
            act()
        return iter(found)


def test_an_object_without_a_row_is_named_once_it_is_a_day_old(site: Site) -> None:
    recording = site.recorded(WORDS)
    stray = "recordings/0190ab/0190ab00-0000-7000-8000-000000000000/1/original"
    site.store.write(stray, [b"whose is this?"])
    file_of(site, stray, LATELY)
    assert compare(site).strays == []
    file_of(site, stray, LONG_AGO)
    file_of(site, recording.key, LONG_AGO)
    assert compare(site).strays == [stray]
    assert site.content(stray) == b"whose is this?", "it is only reported"


def test_old_bytes_that_were_never_acknowledged_are_swept_and_no_others(site: Site) -> None:
    upload_id = site.begin(10)
    site.append(upload_id, 0, Body(b"four"))
    (counted,) = site.parts(upload_id)
    old, young = f"parts/{upload_id}/1.7", f"parts/{upload_id}/1.8"
    for key, age in ((old, LONG_AGO), (young, LATELY), (counted.key, LONG_AGO)):
        if key != counted.key:
            site.store.write(key, [b"uncounted"])
        file_of(site, key, age)
    assert compare(site).swept == 1
    assert site.keys("parts") == sorted([counted.key, young])
    assert site.append(upload_id, 4, Body(b"sixbyt")).finished


def test_old_temporary_files_of_crashed_writers_are_swept(site: Site) -> None:
    names = ["parts/1/0.1.00000001.tmp", "recordings/ab/1/1/original.00000002.tmp"]
    for name, age in zip(names * 2, (LONG_AGO, LONG_AGO, LATELY, LATELY), strict=True):
        path = site.folder / (name if age == LONG_AGO else f"{name[:-12]}00000003.tmp")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
        file_of(site, str(path.relative_to(site.folder)), age)
    assert compare(site).swept == 2
    left = sorted(each.key for each in site.store.find_abandoned())
    assert left == [f"{name[:-12]}00000003.tmp" for name in names]


@pytest.mark.parametrize("count", [6, 7])
def test_many_recordings_are_compared_in_batches(
    site: Site, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(reconcile, "BATCH", 3)
    monkeypatch.setattr(orphans, "BATCH", 3)
    made = [site.recorded(WORDS) for _ in range(count)]
    strays = [each.key.replace("/1/", "/2/") for each in made[::3]]
    for key in strays:
        site.store.write(key, [b"of an attempt that lost"])
    for key in site.keys("recordings"):
        file_of(site, key, LONG_AGO)
    for each in made[1::2]:
        file_of(site, each.key).unlink()
    found = compare(site)
    assert found.missing == [each.key for each in made[1::2]]
    assert sorted(found.strays) == sorted(strays)
    walked = [each.id for each in reconcile.recordings(site.session)]
    assert walked == [each.id for each in made]


def test_many_parts_are_compared_in_batches(site: Site) -> None:
    upload_id = site.begin(10)
    site.append(upload_id, 0, Body(b"four"))
    for number in range(reconcile.BATCH + 20):
        path = site.folder / f"parts/{upload_id}/{number + 1}.9"
        path.write_bytes(b"")
        file_of(site, f"parts/{upload_id}/{number + 1}.9", LONG_AGO)
    file_of(site, site.parts(upload_id)[0].key, LONG_AGO)
    assert compare(site).swept == reconcile.BATCH + 20
    assert site.keys("parts") == [site.parts(upload_id)[0].key]


def end_by_abandoning(site: Site, upload_id: str) -> None:
    ending.abandon(site.session, site.caller, upload_id)


def end_by_expiry(site: Site, upload_id: str) -> None:
    assert ending.expire(site.session, utc_now() + 2 * HOUR) == [upload_id]


@pytest.mark.parametrize("end", [end_by_abandoning, end_by_expiry])
def test_what_ended_uploads_left_behind_is_removed(
    site: Site, end: Callable[[Site, str], None]
) -> None:
    upload_id = site.begin(10)
    site.append(upload_id, 0, Body(b"one", Body.PART_ENDS, b"two"))
    assert reconcile.tidy_ended(site.session, site.stores) == 0
    end(site, upload_id)
    assert reconcile.tidy_ended(site.session, site.stores) == 2
    assert site.keys() == [] and site.parts(upload_id) == []
    assert reconcile.tidy_ended(site.session, site.stores) == 0


def test_two_who_tidy_the_same_upload_do_not_disturb_each_other(site: Site) -> None:
    upload_id = site.begin(1000)
    steps = [b"x", Body.PART_ENDS] * 60
    site.append(upload_id, 0, Body(*steps))
    end_by_abandoning(site, upload_id)

    def tidy(session: Session) -> None:
        ending.tidy(session, site.stores, upload_id)

    assert site.at_once(tidy, 4) == [None] * 4
    assert site.keys() == [] and site.parts(upload_id) == []


def test_the_bytes_of_a_failed_upload_stay_for_a_week(site: Site) -> None:
    upload_id = site.received(WORDS, sha256="0" * 64)
    site.assemble(upload_id)
    assert reconcile.tidy_ended(site.session, site.stores) == 0
    kept_for = site.upload(upload_id).expires_at - utc_now()
    assert timedelta(days=6, hours=23) < kept_for <= timedelta(days=7)
    with site.sessions() as session:
        session.get_one(Upload, upload_id).expires_at = utc_now()
        session.commit()
    assert reconcile.tidy_ended(site.session, site.stores) == 2


def test_fixity_finds_a_single_flipped_bit_and_its_repair(site: Site) -> None:
    recording = site.recorded(WORDS)
    assert fixity.verify(site.session, site.stores, recording) == "ok"
    path = file_of(site, recording.key)
    path.chmod(0o600)
    path.write_bytes(bytes([WORDS[0] ^ 1]) + WORDS[1:])
    assert verified(site, recording.id) == ("mismatch", "integrity.mismatch")
    path.write_bytes(WORDS)
    assert verified(site, recording.id) == ("ok", "integrity.verified")


def test_fixity_finds_a_wrong_size(site: Site) -> None:
    recording = site.recorded(WORDS)
    path = file_of(site, recording.key)
    path.chmod(0o600)
    for content in (b"", WORDS[:-1], WORDS + b"!"):
        path.write_bytes(content)
        assert verified(site, recording.id) == ("mismatch", "integrity.mismatch")


def test_fixity_finds_a_missing_object(site: Site) -> None:
    recording = site.recorded(WORDS)
    file_of(site, recording.key).unlink()
    assert verified(site, recording.id) == ("missing", "integrity.mismatch")


def verified(site: Site, recording_id: str) -> tuple[str, str]:
    """The result that is kept on the row, and the last event of the audit log."""
    recording = site.recording(recording_id)
    assert recording is not None
    result = fixity.verify(site.session, site.stores, recording)
    kept = site.recording(recording_id)
    assert kept is not None and kept.integrity == result
    assert kept.verified_at > recording.verified_at
    return result, site.events(recording_id)[-1]
