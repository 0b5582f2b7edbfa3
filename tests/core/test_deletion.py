"""Deleting a recording: what forbids it, what is written down first, and being cut off anywhere."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import delete as delete_rows
from sqlalchemy.orm import Session

from portal.core import deletion, fixity, leases, reconcile, recordings
from portal.core.accounts import Caller
from portal.core.audit import SYSTEM
from portal.core.errors import Held, InvalidRequest, NotAllowed, NotFound
from portal.core.leases import Lease, LeaseLost
from portal.core.models import Job, LegalHold, Recording
from portal.core.recordings import Wanted
from portal.core.transaction import utc_now
from storage_backends import StorageUnavailable, StoredObject
from tests.core.conftest import Site, at_once

WORDS = b"these are no media"
NOT_KEPT, WEEK = timedelta(0), timedelta(days=7)
MISSING = "00000000-0000-7000-8000-000000000000"


def ask(site: Site, recording_id: str, keep: timedelta = NOT_KEPT) -> str:
    return deletion.ask(site.session, site.caller, recording_id, "asked by mail", keep).state


def purge(site: Site, recording_id: str, keep: timedelta = NOT_KEPT) -> None:
    """As a worker does it."""
    with site.sessions() as session:
        lease = leases.claim(session, deletion.KIND, recording_id, 60)
        assert lease is not None, "somebody else has the lease"
        deletion.purge(session, site.store, recording_id, keep, lease)


def found(site: Site, recording_id: str) -> Recording:
    recording = site.recording(recording_id)
    assert recording is not None
    return recording


def with_pictures(site: Site) -> Recording:
    """A recording with everything that assembly may leave in its folder."""
    recording = site.recorded(WORDS)
    folder = recording.key.rpartition("/")[0]
    for name in ("thumbnail.jpg", "peaks.json", "playback.m4a"):
        site.store.write(f"{folder}/{name}", [b"made from it"])
    with site.sessions() as session:
        row = session.get_one(Recording, recording.id)
        row.thumbnail_key, row.peaks_key = f"{folder}/thumbnail.jpg", f"{folder}/peaks.json"
        row.playback_key = f"{folder}/playback.m4a"
        session.commit()
    return recording


def test_a_deleted_recording_leaves_its_row_and_nothing_else(site: Site) -> None:
    kept, gone = site.recorded(WORDS), with_pictures(site)
    assert ask(site, gone.id) == "deleting"
    assert len(site.keys()) == 5, "asking removes nothing"
    purge(site, gone.id)
    assert site.keys() == [kept.key]
    row = found(site, gone.id)
    assert (row.state, row.deletion_reason) == ("deleted", "asked by mail")
    assert (row.deleted_by, row.sha256) == (site.caller.label, gone.sha256)
    assert row.deleted_at is not None and row.thumbnail_key is row.peaks_key is None
    assert site.events(gone.id)[-3:] == [
        "deletion.requested",
        "recording.purge",
        "recording.deleted",
    ]


def test_a_tombstone_is_shown_to_those_alone_who_look_for_it(site: Site) -> None:
    gone, going, kept = (site.recorded(WORDS) for _ in range(3))
    for each in (gone, going):
        ask(site, each.id)
    purge(site, gone.id)
    auditor = replace(site.caller, rights=frozenset({"list", "play"}))

    def listed(state: str | None) -> list[str]:
        page = recordings.page(site.session, auditor, 10, Wanted(state=state))
        return [each.id for each in page.rows]

    assert listed(None) == [kept.id]
    assert (listed("deleted"), listed("deleting")) == ([gone.id], [going.id])
    with site.sessions() as session:
        session.get_one(Recording, going.id).state = "purging"
        session.commit()
    assert listed("deleting") == [going.id]
    assert recordings.find(site.session, auditor, gone.id).state == "deleted"
    for each in (gone, going):
        with pytest.raises(NotFound):
            recordings.fetch(site.session, auditor, each.id)
    assert "recording.download" not in site.events(gone.id)


def test_asking_again_changes_nothing(site: Site) -> None:
    recording = site.recorded(WORDS)
    for _ in range(2):
        assert ask(site, recording.id) == "deleting"
    purge(site, recording.id)
    first = found(site, recording.id)
    assert ask(site, recording.id) == "deleted"
    purge(site, recording.id)
    again = found(site, recording.id)
    assert (again.deleted_at, again.deleted_by) == (first.deleted_at, first.deleted_by)
    events = site.events(recording.id)
    assert [events.count(each) for each in set(events)] == [1] * len(set(events))


def test_many_who_ask_at_once_make_one_request_of_it(site: Site) -> None:
    recording = site.recorded(WORDS)

    def ask_once(session: Session) -> str:
        return deletion.ask(session, site.caller, recording.id, "enough", NOT_KEPT).state

    assert site.at_once(ask_once, 6) == ["deleting"] * 6
    assert site.events(recording.id).count("deletion.requested") == 1


def test_who_may_delete_needs_no_other_right_and_learns_nothing_of_others(
    site: Site, stranger: Caller
) -> None:
    recording = site.recorded(WORDS)
    for right, refusal in (("delete_own", NotFound), ("list", NotAllowed)):
        other = replace(stranger, rights=frozenset({right}))
        said = set()
        for wanted in (recording.id, MISSING):
            with pytest.raises(refusal) as refused:
                deletion.ask(site.session, other, wanted, "spite", NOT_KEPT)
            said.add(str(refused.value))
        assert len(said) == 1, "what exists cannot be told from what does not"
    officer = replace(stranger, rights=frozenset({"delete"}))
    asked = deletion.ask(site.session, officer, recording.id, "order", NOT_KEPT)
    assert asked.state == "deleting"


def test_an_upload_that_is_no_recording_yet_is_not_found(site: Site) -> None:
    with pytest.raises(NotFound):
        ask(site, site.begin(10))


def test_what_must_be_kept_is_kept_and_no_longer(site: Site) -> None:
    recording = site.recorded(WORDS)
    with pytest.raises(Held, match="kept until"):
        ask(site, recording.id, WEEK)
    assert found(site, recording.id).state == "ready"
    now = found(site, recording.id).received_at + WEEK
    with pytest.raises(Held):
        deletion.assert_deletable(site.session, recording, WEEK, now - timedelta(seconds=1))
    deletion.assert_deletable(site.session, recording, WEEK, now)


def test_a_longer_time_that_is_set_meanwhile_counts(site: Site) -> None:
    recording = site.recorded(WORDS)
    ask(site, recording.id)
    purge(site, recording.id, keep=WEEK)
    assert found(site, recording.id).state == "ready"
    assert site.events(recording.id)[-1] == "deletion.refused"
    assert site.content(recording.key) == WORDS


def test_a_held_recording_is_not_deleted_until_the_last_hold_is_released(site: Site) -> None:
    recording = site.recorded(WORDS)
    for reason in ("lawsuit 12", "lawsuit 34"):
        deletion.hold(site.session, SYSTEM, recording.id, reason)
    with pytest.raises(Held, match="legal hold"):
        ask(site, recording.id)
    assert deletion.end_holds(site.session, SYSTEM, recording.id) == 2
    assert deletion.end_holds(site.session, SYSTEM, recording.id) == 0
    assert ask(site, recording.id) == "deleting"
    assert site.events(recording.id) == [
        "upload.created",
        "hold.placed",
        "hold.placed",
        "hold.released",
        "deletion.requested",
    ]


def test_a_hold_placed_while_the_deletion_waits_wins(site: Site) -> None:
    recording = site.recorded(WORDS)
    ask(site, recording.id)
    deletion.hold(site.session, SYSTEM, recording.id, "lawsuit 12")
    row = found(site, recording.id)
    assert (row.state, row.deletion_reason, row.deleted_by) == ("ready", None, None)
    purge(site, recording.id)
    assert site.content(recording.key) == WORDS
    assert "recording.purge" not in site.events(recording.id)


def test_a_quarantined_recording_that_is_held_goes_back_into_quarantine(site: Site) -> None:
    recording = site.recorded(WORDS)
    with site.sessions() as session:
        row = session.get_one(Recording, recording.id)
        row.state, row.error_code = "quarantined", "not_media"
        session.commit()
    ask(site, recording.id)
    deletion.hold(site.session, SYSTEM, recording.id, "lawsuit 12")
    assert found(site, recording.id).state == "quarantined"


def test_of_hold_and_purge_at_once_one_wins_wholly(site: Site) -> None:
    """Either the recording is held and all there, or the hold is refused and it is gone."""
    for _ in range(8):
        recording = site.recorded(WORDS)
        ask(site, recording.id)
        act = (site, recording.id, threading.Barrier(2))
        outcomes = at_once([partial(_hold_as_others_start, *act), partial(_purge_too, *act)])
        refused = any(isinstance(each, Held) for each in outcomes)
        assert found(site, recording.id).state == ("deleted" if refused else "ready"), outcomes
        assert site.keys().count(recording.key) == (0 if refused else 1)


def _hold_as_others_start(site: Site, recording_id: str, start: threading.Barrier) -> object:
    start.wait()
    with site.sessions() as session:
        return deletion.hold(session, SYSTEM, recording_id, "lawsuit")


def _purge_too(site: Site, recording_id: str, start: threading.Barrier) -> None:
    start.wait()
    purge(site, recording_id)


def test_a_hold_needs_a_reason_and_something_to_hold(site: Site) -> None:
    recording = site.recorded(WORDS)
    with pytest.raises(InvalidRequest):
        deletion.hold(site.session, SYSTEM, recording.id, "  ")
    with pytest.raises(NotFound):
        deletion.hold(site.session, SYSTEM, MISSING, "lawsuit")
    with pytest.raises(NotFound):
        deletion.end_holds(site.session, SYSTEM, MISSING)
    ask(site, recording.id)
    purge(site, recording.id)
    with pytest.raises(Held, match="deleted already"):
        deletion.hold(site.session, SYSTEM, recording.id, "lawsuit")


class Watched:
    """The site's store; each deletion of an object is looked at, or fails."""

    def __init__(self, site: Site, works: int = 1000) -> None:
        self.site, self.works = site, works
        self.events_before: list[list[str]] = []

    def find(self, prefix: str) -> Iterator[StoredObject]:
        return self.site.store.find(prefix)

    def delete(self, key: str) -> None:
        self.events_before.append(self.site.events(key.split("/")[2]))
        if self.works == 0:
            raise StorageUnavailable("out of order")
        self.works -= 1
        self.site.store.delete(key)


def claim(site: Site, recording_id: str, seconds: float = 60) -> Lease:
    lease = leases.claim(site.session, deletion.KIND, recording_id, seconds)
    assert lease is not None
    return lease


def test_nothing_is_removed_before_the_audit_log_says_so(site: Site) -> None:
    recording = with_pictures(site)
    ask(site, recording.id)
    watched, lease = Watched(site), claim(site, recording.id)
    deletion.purge(site.session, watched, recording.id, NOT_KEPT, lease)  # type: ignore[arg-type]
    assert len(watched.events_before) == 4
    for seen in watched.events_before:
        assert seen[-2:] == ["deletion.requested", "recording.purge"]


@pytest.mark.parametrize("works", [0, 1, 3])
def test_a_purge_that_is_cut_off_is_finished_by_the_next(site: Site, works: int) -> None:
    recording = with_pictures(site)
    ask(site, recording.id)
    lease = claim(site, recording.id, seconds=-1)
    with pytest.raises(StorageUnavailable):
        deletion.purge(site.session, Watched(site, works), recording.id, NOT_KEPT, lease)  # type: ignore[arg-type]
    assert found(site, recording.id).state == "purging"
    with pytest.raises(Held, match="deleted already"):
        deletion.hold(site.session, SYSTEM, recording.id, "too late")
    assert reconcile.compare(site.session, site.store, utc_now()).missing == []
    assert deletion.waiting(site.session) == [recording.id]
    purge(site, recording.id, keep=WEEK)
    assert found(site, recording.id).state == "deleted" and site.keys() == []
    assert deletion.waiting(site.session) == []
    assert site.events(recording.id).count("recording.purge") == 1


def test_of_two_workers_the_one_that_lost_the_lease_changes_nothing(site: Site) -> None:
    recording = site.recorded(WORDS)
    ask(site, recording.id)
    lost = claim(site, recording.id, seconds=-1)
    purge(site, recording.id)
    first = found(site, recording.id)
    with pytest.raises(LeaseLost):
        deletion.purge(site.session, site.store, recording.id, NOT_KEPT, lost)
    assert found(site, recording.id).deleted_at == first.deleted_at
    assert site.events(recording.id).count("recording.deleted") == 1


def test_objects_that_do_not_go_away_keep_the_recording_from_being_called_deleted(
    site: Site,
) -> None:
    class Stubborn(Watched):
        def delete(self, key: str) -> None:
            """Says that it is done."""

    recording = site.recorded(WORDS)
    ask(site, recording.id)
    lease = claim(site, recording.id)
    with pytest.raises(StorageUnavailable, match="still there"):
        deletion.purge(site.session, Stubborn(site), recording.id, NOT_KEPT, lease)  # type: ignore[arg-type]
    assert found(site, recording.id).state == "purging"


def test_a_purge_nobody_asked_for_does_nothing(site: Site) -> None:
    recording = site.recorded(WORDS)
    purge(site, recording.id)
    assert found(site, recording.id).state == "ready" and site.content(recording.key) == WORDS


def test_the_bytes_of_a_deleted_recording_are_not_reported_as_missing(site: Site) -> None:
    gone, lost = site.recorded(WORDS), site.recorded(WORDS)
    ask(site, gone.id)
    purge(site, gone.id)
    site.store.delete(lost.key)
    assert reconcile.compare(site.session, site.store, utc_now()).missing == [lost.key]
    assert [each.id for each in reconcile.recordings(site.session)] == [lost.id]


def test_a_recording_that_is_deleted_during_the_comparison_is_not_missing(site: Site) -> None:
    recording = site.recorded(WORDS)
    ask(site, recording.id)
    site.store.meanwhile = lambda: purge(site, recording.id)
    look, site.store.stat = site.store.stat, lambda key: _after_a_while(site, look, key)  # type: ignore[method-assign]
    assert reconcile.compare(site.session, site.store, utc_now()).missing == []
    assert found(site, recording.id).state == "deleted"


def _after_a_while(site: Site, look, key: str) -> StoredObject:  # type: ignore[no-untyped-def]
    act, site.store.meanwhile = site.store.meanwhile, lambda: None
    act()
    return look(key)


def test_fixity_and_jobs_are_none_of_the_tombstones_business(site: Site) -> None:
    """A second look at a deleted recording's job finds the work done."""
    recording = site.recorded(WORDS)
    assert fixity.verify(site.session, site.store, recording) == "ok"
    ask(site, recording.id)
    purge(site, recording.id)
    with site.sessions() as session:
        assert session.get_one(Job, f"{deletion.KIND}-{recording.id}").state == "done"
        assert session.query(LegalHold).count() == 0
        session.execute(delete_rows(Job))
        session.commit()
    purge(site, recording.id)
    assert site.events(recording.id).count("recording.deleted") == 1
