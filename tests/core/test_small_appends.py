"""Small bodies: one transaction, the same fence, and nothing left where they may not be counted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event

from portal.core import ending, small_appends
from portal.core.accounts import Caller
from portal.core.appending import append
from portal.core.errors import NotAllowed, TakenOver
from portal.core.uploads import Progress
from tests.core.conftest import HOUR, Body, Site


@pytest.fixture
def client(site: Site) -> Caller:
    return replace(site.caller, dialect="tus")


def small(
    site: Site, caller: Caller, upload_id: str, offset: int, content: bytes
) -> Progress | None:
    with site.sessions() as session:
        said = (upload_id, offset, content, HOUR)
        return small_appends.append(session, site.stores, caller, *said)


@contextmanager
def statements(site: Site) -> Iterator[list[str]]:
    """The first words of what the database is asked meanwhile."""
    engine, asked = site.session.get_bind(), []

    def note(conn: object, cursor: object, statement: str, *rest: object) -> None:
        asked.append(statement.split()[0])

    def commit(conn: object) -> None:
        asked.append("COMMIT")

    event.listen(engine, "before_cursor_execute", note)
    event.listen(engine, "commit", commit)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)
        event.remove(engine, "commit", commit)


def test_a_small_body_takes_one_transaction_of_two_statements(site: Site, client: Caller) -> None:
    upload_id = site.begin(9)
    with statements(site) as asked:
        assert small(site, client, upload_id, 0, b"four")
    assert [each for each in asked if each != "BEGIN"] == ["UPDATE", "INSERT", "COMMIT"]


def test_a_large_one_takes_two_of_five(site: Site) -> None:
    upload_id = site.begin(9)
    with statements(site) as asked:
        site.append(upload_id, 0, Body(b"four"))
    taken, counted = ["SELECT", "UPDATE", "SELECT", "COMMIT"], ["UPDATE", "INSERT", "COMMIT"]
    assert [each for each in asked if each != "BEGIN"] == taken + counted


def test_small_ones_follow_each_other_and_the_last_byte_ends_the_upload(
    site: Site, client: Caller
) -> None:
    upload_id = site.begin(9)
    first, last = (small(site, client, upload_id, *each) for each in ((0, b"four"), (4, b"five!")))
    assert first and (first.offset, first.length, first.finished) == (4, 9, False)
    assert last and (last.offset, last.finished) == (9, True)
    assert site.counted_bytes(upload_id) == b"fourfive!"
    assert [part.number for part in site.parts(upload_id)] == [0, 1]
    assert site.upload(upload_id).state == "finishing"
    assert site.events(upload_id)[-1] == "upload.received"


def test_one_shuts_an_older_writer_out(site: Site, client: Caller) -> None:
    upload_id = site.begin(10)
    older = Body(b"older", lambda: small(site, client, upload_id, 0, b"newer"), b"end")
    with pytest.raises(TakenOver):
        site.append(upload_id, 0, older)
    assert site.counted_bytes(upload_id) == b"newer"
    assert len(site.keys("parts")) == 1
    assert site.upload(upload_id).writing is None


def test_of_many_at_once_one_is_counted(site: Site, client: Caller) -> None:
    upload_id = site.begin(100)

    def send(session: object) -> Progress | None:
        return small(site, client, upload_id, 0, b"once")

    assert len([each for each in site.at_once(send, 8) if each is not None]) == 1  # type: ignore[arg-type]
    assert site.counted_bytes(upload_id) == b"once"
    assert len(site.keys("parts")) == 1


@pytest.mark.parametrize("offset, content", [(3, b"x"), (5, b"x"), (4, b"too many"), (0, b"four")])
def test_what_does_not_fit_changes_nothing(
    site: Site, client: Caller, offset: int, content: bytes
) -> None:
    upload_id = site.begin(9)
    small(site, client, upload_id, 0, b"four")
    before = site.upload(upload_id)
    assert small(site, client, upload_id, offset, content) is None
    after = site.upload(upload_id)
    assert (after.offset, after.generation) == (before.offset, before.generation)
    assert len(site.keys("parts")) == 1


def test_nobody_adds_to_what_is_not_theirs_to_continue(
    site: Site, client: Caller, stranger: Caller
) -> None:
    upload_id = site.begin(9)
    for caller in (replace(stranger, dialect="tus"), replace(client, dialect="chunks")):
        assert small(site, caller, upload_id, 0, b"four") is None
    with pytest.raises(NotAllowed):
        small(site, replace(client, rights=frozenset()), upload_id, 0, b"four")
    assert site.upload(upload_id).offset == 0 and site.keys("parts") == []


def test_an_upload_that_has_ended_or_run_out_takes_none(site: Site, client: Caller) -> None:
    given_up, late = site.begin(9), site.begin(9, lifetime=timedelta(0))
    ending.abandon(site.session, site.caller, given_up)
    for upload_id in (given_up, late):
        assert small(site, client, upload_id, 0, b"four") is None
    assert site.keys("parts") == []


def test_both_ways_count_the_same_parts(site: Site, client: Caller) -> None:
    upload_id = site.begin(12)
    small(site, client, upload_id, 0, b"four")
    with site.sessions() as session:
        append(session, site.stores, client, upload_id, 4, Body(b"more"), HOUR)
    small(site, client, upload_id, 8, b"last")
    assert site.counted_bytes(upload_id) == b"fourmorelast"
    assert [part.number for part in site.parts(upload_id)] == [0, 1, 2]
