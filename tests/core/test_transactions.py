"""Transactions are short: none is open while bytes move, and none loses another's change."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from portal.core import appending, assembly, ending, finding, fixity, leases, recordings, uploads
from portal.core.accounts import ROLE_MAY, Caller
from portal.core.audit import SYSTEM
from portal.core.models import Job, Upload
from portal.core.scopes import EVERYTHING
from portal.core.transaction import writing
from tests.core.conftest import HOUR, Body, ObservedStore, Site, stores_of


def test_of_changes_made_at_once_none_is_lost(site: Site) -> None:
    lease = leases.claim(site.session, "knit", "", 60)
    assert lease is not None
    start = threading.Barrier(4)

    def change(session: Session) -> None:
        start.wait()
        for _ in range(15):
            with writing(session):
                job = session.get_one(Job, lease.job_id, with_for_update=True)
                job.attempts += 1

    assert site.at_once(change, 4) == [None] * 4
    with site.sessions() as session:
        assert session.get_one(Job, lease.job_id).attempts == 61


def test_what_a_transaction_reads_is_current(site: Site) -> None:
    upload_id = site.begin(10)
    seen = uploads.find(site.session, site.caller, upload_id)
    site.append(upload_id, 0, Body(b"four"))
    with writing(site.session):
        assert site.session.get_one(Upload, upload_id).offset == 4
    site.append(upload_id, 4, Body(b"five!"))
    with writing(site.session):
        assert site.session.get_one(Upload, upload_id).offset == 9
    assert seen.id == upload_id


@pytest.fixture
def officer(site: Site) -> Caller:
    rights = ROLE_MAY["officer"]
    return Caller("nobody", "olga@example.org", "officer", rights, SYSTEM, scope=EVERYTHING)


def test_none_is_open_while_a_client_sends(site: Site) -> None:
    upload_id = site.begin(10)
    states: list[bool] = []
    with site.sessions() as session:
        body = Body(b"four", lambda: states.append(session.in_transaction()), b"sixbyt")
        appending.append(session, site.stores, site.caller, upload_id, 0, body, HOUR)
    assert states == [False]


def test_none_is_open_while_a_worker_joins_and_examines(site: Site) -> None:
    upload_id = site.received(b"for a long time")
    states: list[bool] = []
    with site.sessions() as session:
        site.store.meanwhile = lambda: states.append(session.in_transaction())
        lease = leases.claim(session, assembly.KIND, upload_id, 60)
        assert lease is not None
        assembly.assemble(session, site.stores, upload_id, lease)
    assert states == [False]


class WatchedStore(ObservedStore):
    """The real store, which notes whether a transaction was open at each act."""

    session: Session
    states: list[bool]

    def read(
        self, key: str, start: int = 0, stop: int | None = None, version: str | None = None
    ) -> Iterator[bytes]:
        self.states.append(self.session.in_transaction())
        return super().read(key, start, stop, version)

    def delete(self, key: str) -> None:
        self.states.append(self.session.in_transaction())
        super().delete(key)


@pytest.fixture
def watched(site: Site) -> WatchedStore:
    store = WatchedStore(site.folder, strict=False)
    store.session, store.states = site.session, []
    return store


def test_none_is_open_while_a_recording_is_verified(
    site: Site, watched: WatchedStore, officer: Caller
) -> None:
    recording_id = site.recorded(b"read back").id
    recording = recordings.find(site.session, officer, recording_id)
    assert fixity.verify(site.session, stores_of(watched), recording) == "ok"
    assert set(watched.states) == {False}


def test_none_is_open_while_parts_are_deleted(site: Site, watched: WatchedStore) -> None:
    upload_id = site.begin(10)
    site.append(upload_id, 0, Body(b"one", Body.PART_ENDS, b"two"))
    ending.abandon(site.session, site.caller, upload_id)
    assert ending.tidy(site.session, stores_of(watched), upload_id) == 2
    assert watched.states == [False, False]


def test_none_is_open_after_a_look_at_an_upload(site: Site) -> None:
    upload_id = site.begin(10)
    upload = uploads.settled(site.session, site.caller, upload_id)
    assert (upload.offset, upload.length, upload.state) == (0, 10, "open")
    assert not site.session.in_transaction()


def test_a_page_of_recordings_costs_two_queries(site: Site, officer: Caller) -> None:
    for number in range(2):
        site.recorded(b"number %d" % number)
    queries: list[str] = []
    engine = site.session.get_bind()
    event.listen(engine, "before_cursor_execute", lambda *about: queries.append(about[2]))
    page = finding.page(site.session, officer, limit=10)
    assert [row.size for row in page.rows] == [8, 8]
    selects = [query for query in queries if query.startswith("SELECT")]
    assert len(selects) == 2, "their ids by an index, then their rows"
