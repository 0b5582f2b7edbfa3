"""Purging a deleted recording: what is written down first, and being cut off anywhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import delete as delete_rows

from portal.core import deletion, fixity, holding, leases, orphans, reconcile
from portal.core.audit import SYSTEM
from portal.core.errors import Held
from portal.core.leases import Lease, LeaseLost
from portal.core.models import Job, LegalHold
from portal.core.transaction import utc_now
from storage_backends import StorageUnavailable, Store, StoredObject
from tests.core.conftest import Site, stores_of
from tests.core.deleting import NOT_KEPT, WEEK, WORDS, ask, found, purge, with_pictures


class Watched:
    """The site's store; each deletion of an object is looked at, or fails."""

    def __init__(self, site: Site, works: int = 1000) -> None:
        self.site, self.works = site, works
        self.events_before: list[list[str]] = []

    def find(self, prefix: str) -> Iterator[StoredObject]:
        return self.site.store.find(prefix)

    def read(self, key: str, start: int, stop: int) -> Iterator[bytes]:
        return self.site.store.read(key, start, stop)

    def delete_folder(self, folder: str) -> None:
        Store.delete_folder(self, folder)  # type: ignore[arg-type]

    def delete(self, key: str) -> None:
        self.events_before.append(self.site.events(key.split("/")[2]))
        if self.works == 0:
            raise StorageUnavailable("out of order")
        self.works -= 1
        self.site.store.delete(key)


def _missing(site: Site) -> list[str]:
    found = orphans.compare(site.session, site.stores, utc_now())
    return [each.key for each in found.missing]


def claim(site: Site, recording_id: str, seconds: float = 60) -> Lease:
    lease = leases.claim(site.session, deletion.KIND, recording_id, seconds)
    assert lease is not None
    return lease


def test_nothing_is_removed_before_the_audit_log_says_so(site: Site) -> None:
    recording = with_pictures(site)
    ask(site, recording.id)
    watched, lease = Watched(site), claim(site, recording.id)
    deletion.purge(site.session, stores_of(watched), recording.id, NOT_KEPT, lease)
    assert len(watched.events_before) == 5
    for seen in watched.events_before:
        assert seen[-2:] == ["deletion.requested", "deletion.begun"]


@pytest.mark.parametrize("works", [0, 1, 3])
def test_a_purge_that_is_cut_off_is_finished_by_the_next(site: Site, works: int) -> None:
    recording = with_pictures(site)
    ask(site, recording.id)
    lease = claim(site, recording.id, seconds=-1)
    with pytest.raises(StorageUnavailable):
        deletion.purge(site.session, stores_of(Watched(site, works)), recording.id, NOT_KEPT, lease)
    assert found(site, recording.id).state == "purging"
    with pytest.raises(Held, match="deleted already"):
        holding.hold(site.session, SYSTEM, recording.id, "too late")
    assert _missing(site) == []
    assert deletion.waiting(site.session) == [recording.id]
    purge(site, recording.id, keep=WEEK)
    assert found(site, recording.id).state == "deleted" and site.keys() == []
    assert deletion.waiting(site.session) == []
    assert site.events(recording.id).count("deletion.begun") == 1


def test_of_two_workers_the_one_that_lost_the_lease_changes_nothing(site: Site) -> None:
    recording = site.recorded(WORDS)
    ask(site, recording.id)
    lost = claim(site, recording.id, seconds=-1)
    purge(site, recording.id)
    first = found(site, recording.id)
    with pytest.raises(LeaseLost):
        deletion.purge(site.session, site.stores, recording.id, NOT_KEPT, lost)
    assert found(site, recording.id).deleted_at == first.deleted_at
    assert site.events(recording.id).count("deletion.completed") == 1


def test_acceptance_6_what_does_not_go_away_is_never_called_deleted(
    site: Site,
) -> None:
    class Stubborn(Watched):
        def delete(self, key: str) -> None:
            """Says that it is done."""

    recording = site.recorded(WORDS)
    ask(site, recording.id)
    lease = claim(site, recording.id)
    with pytest.raises(StorageUnavailable, match="still"):
        deletion.purge(site.session, stores_of(Stubborn(site)), recording.id, NOT_KEPT, lease)
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
    assert _missing(site) == [lost.key]
    assert [each.id for each in reconcile.recordings(site.session)] == [lost.id]


def test_a_recording_that_is_deleted_during_the_comparison_is_not_missing(site: Site) -> None:
    recording = site.recorded(WORDS)
    ask(site, recording.id)
    site.store.meanwhile = lambda: purge(site, recording.id)
    look, site.store.stat = (
        site.store.stat,
        lambda key, version=None: _after_a_while(site, look, key),
    )  # type: ignore[method-assign]
    assert _missing(site) == []
    assert found(site, recording.id).state == "deleted"


def _after_a_while(site: Site, look, key: str) -> StoredObject:  # type: ignore[no-untyped-def]
    act, site.store.meanwhile = site.store.meanwhile, lambda: None
    act()
    return look(key)


def test_fixity_and_jobs_are_none_of_the_tombstones_business(site: Site) -> None:
    """A second look at a deleted recording's job finds the work done."""
    recording = site.recorded(WORDS)
    assert fixity.verify(site.session, site.stores, recording) == "ok"
    ask(site, recording.id)
    purge(site, recording.id)
    with site.sessions() as session:
        assert session.get_one(Job, f"{deletion.KIND}-{recording.id}").state == "done"
        assert session.query(LegalHold).count() == 0
        session.execute(delete_rows(Job))
        session.commit()
    purge(site, recording.id)
    assert site.events(recording.id).count("deletion.completed") == 1
