"""The audit log's chain: no gaps, nothing lost or kept by mistake, nothing to change afterwards."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DatabaseError

from portal import migrate
from portal.core import accounts, audit, sign_in
from portal.core.audit import actions, seals
from portal.core.models import Job, LoginSession, User
from portal.core.transaction import utc_now, writing
from tests.core.conftest import Site, at_once
from tests.core.logbook import Logbook, book

__all__ = ["book"]
ROOT = Path(__file__).parents[2]


def test_anybody_can_compute_the_chain_from_its_description(book: Logbook) -> None:
    """As docs/audit.md says it, without a line of ours."""
    book.write(3, words="Ação “x”\n\u2028", nested={"b": [1, None, True], "a": {}})
    before = "0" * 64
    for event in book.events():
        who = [event.actor_type, event.actor_id, event.actor_label, event.token_id]
        whence = [event.ip, event.user_agent, event.request_id]
        what = [event.action, event.object_type, event.object_id, event.result, event.details]
        at = event.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        written = json.dumps([event.seq, at, *who, *whence, *what], sort_keys=True)
        written = json.dumps(json.loads(written), separators=(",", ":"), sort_keys=True)
        before = hashlib.sha256(bytes.fromhex(before) + written.encode()).hexdigest()
        assert event.hash == before
    assert (book.head().seq, book.head().hash) == (3, before)


def test_what_is_undone_leaves_no_event_and_no_gap(book: Logbook) -> None:
    book.write()
    with book.sessions() as session, pytest.raises(RuntimeError), writing(session):
        audit.record(session, audit.SYSTEM, "user.created")
        raise RuntimeError("the act failed")
    book.write()
    assert [each.seq for each in book.events()] == [1, 2]


def test_an_event_without_a_transaction_of_its_own_is_refused(book: Logbook) -> None:
    with book.sessions() as session:
        audit.record(session, audit.SYSTEM, "user.created")
        with pytest.raises(AssertionError, match="use writing"):
            audit.record_alone(session, audit.SYSTEM, "user.created")


def test_writers_at_once_make_one_chain(book: Logbook) -> None:
    assert at_once([lambda: book.write(25)] * 8) == [None] * 8
    assert [each.seq for each in book.events()] == list(range(1, 201))
    assert book.wrong() == []


@pytest.mark.parametrize("book", ["postgresql"], indirect=True)  # SQLite has one writer
def test_nobody_waits_for_the_work_of_somebody_who_has_recorded_already(book: Logbook) -> None:
    with book.sessions() as session, writing(session):
        audit.record(session, audit.SYSTEM, "user.created")
        session.add(Job(id="slow", kind="k", state="s", epoch=1, attempts=0, created_at=utc_now()))
        session.flush()
        other = threading.Thread(target=book.write)
        other.start()
        other.join(10)
        assert not other.is_alive() and len(book.events()) == 1
    assert [each.object_id for each in book.events()] == ["0", None]


@pytest.mark.parametrize("table", ["audit_event", "audit_seal"])
@pytest.mark.parametrize("act", ["UPDATE {0} SET hash = 'x'", "DELETE FROM {0}"])
def test_the_database_refuses_to_change_what_was_written(
    book: Logbook, table: str, act: str
) -> None:
    refused(book, act.format(table))


@pytest.mark.parametrize("book", ["postgresql"], indirect=True)  # SQLite has no TRUNCATE
def test_the_database_refuses_to_empty_the_log(book: Logbook) -> None:
    refused(book, "TRUNCATE audit_event")


def refused(book: Logbook, act: str) -> None:
    book.write(2)
    book.seal()
    with pytest.raises(DatabaseError, match="append-only"), book.engine.begin() as connection:
        connection.execute(text(act))
    assert book.wrong() == []


@pytest.mark.parametrize(
    "act",
    [
        "DELETE FROM audit_head",
        "UPDATE audit_head SET seq = 1",
        f"INSERT INTO audit_head VALUES (2, 0, '{'0' * 64}')",
    ],
)
def test_the_head_only_grows(book: Logbook, act: str) -> None:
    book.write(2)
    with pytest.raises(DatabaseError, match="append-only"), book.engine.begin() as connection:
        connection.execute(text(act))


def test_a_row_cannot_be_replaced_either(book: Logbook) -> None:
    """SQLite's REPLACE removes the old row without asking the trigger of DELETE."""
    book.write(2)
    word = "INSERT OR REPLACE" if book.engine.dialect.name == "sqlite" else "INSERT"
    act = f"{word} INTO audit_event SELECT * FROM audit_event WHERE seq = 1"
    with pytest.raises(DatabaseError), book.engine.begin() as connection:
        connection.execute(text(act))


def test_acceptance_13_a_deleted_user_stays_in_the_log_by_name(book: Logbook) -> None:
    with book.sessions() as session:
        made = accounts.create_user(session, "gone@example.org", "auditor", "x" * 12)
        visitor = audit.Actor("visitor", None, "", ip="192.0.2.1")
        sign_in.log_in(session, "gone@example.org", "x" * 12, visitor, timedelta(hours=1))
    before = [vars(each) | {"_sa_instance_state": None} for each in book.events()]
    with book.sessions() as session:
        session.execute(delete(LoginSession).where(LoginSession.user_id == made.id))
        session.execute(delete(User).where(User.id == made.id))
        session.commit()
    assert [vars(each) | {"_sa_instance_state": None} for each in book.events()] == before
    assert book.events()[-1].actor_label == "gone@example.org" and book.wrong() == []


def test_acceptance_13_names_on_recordings_are_copies(site: Site) -> None:
    recording = site.recorded(b"content")
    with site.sessions() as session:
        owner = update(User).where(User.id == recording.owner_id)
        name = session.get_one(User, recording.owner_id).email
        session.execute(owner.values(email="renamed@example.org"))
        session.commit()
        assert session.get_one(type(recording), recording.id).owner_label == "Ursula"
        session.execute(owner.values(email=name))
        session.commit()


def test_only_what_differs_is_kept_of_a_change() -> None:
    before = {"role": "auditor", "active": True, "tag": "x"}
    after = {"role": "admin", "active": True, "lead": None}
    assert audit.changed(before, after) == {
        "before": {"role": "auditor", "tag": "x"},
        "after": {"role": "admin", "lead": None},
    }


def test_a_seal_is_kept_in_three_places_and_made_only_when_something_happened(
    book: Logbook,
) -> None:
    book.write(5)
    assert book.seal() and not book.seal()
    (line,) = book.outside.file.read_text().splitlines()
    (stored,) = book.outside.store.find("seals")
    with book.sessions() as session:
        ((_, kept),) = seals.in_database(session)
    content = b"".join(book.outside.store.read(stored.key)).decode()
    assert seals.parse(line) == seals.parse(content) == kept
    assert kept.genuine(book.key.public) and kept.seq == 5
    assert book.outside.file.stat().st_mode & 0o777 == 0o600
    book.write()
    assert book.seal()


OLD = (
    "INSERT INTO audit_event (seq, at, actor_type, actor_label, action, result, details)"
    " VALUES ({}, '2026-01-31 16:00:00.123456{}', 'system', 'system', 'user.created', 'ok', '{}')"
)


def test_a_log_from_before_the_chain_is_chained_without_gaps(book: Logbook) -> None:
    migrate.downgrade(book.engine, "0003")
    zone = "+00" if book.engine.dialect.name == "postgresql" else ""
    with book.engine.begin() as connection:
        for seq in (3, 4, 9):
            connection.execute(text(OLD.format(seq, zone, '{"Ação": [1]}').replace(": [", "\\: [")))
    migrate.upgrade(book.engine)
    assert [each.seq for each in book.events()] == [1, 2, 3]
    assert book.wrong() == []
    book.write()
    assert book.wrong() == [] and book.head().seq == 4


def test_down_and_up_again_the_chain_and_the_seals_outside_still_fit(book: Logbook) -> None:
    book.write(3, n=1)
    book.seal()
    before = [each.hash for each in book.events()]
    migrate.downgrade(book.engine, "0003")
    migrate.upgrade(book.engine)
    assert [each.hash for each in book.events()] == before
    verdict = book.verify()
    assert verdict.problems == [] and verdict.sealed is not None


def test_every_action_in_the_program_is_listed() -> None:
    """A literal of a known family anywhere in the program is an action, or this list is short."""
    families = "|".join(sorted({name.partition(".")[0] for name in actions.ACTIONS}))
    literal = re.compile(rf'"((?:{families})\.[a-z_.]+)"')
    files = [*(ROOT / "portal").rglob("*.py"), *(ROOT / "jobs").rglob("*.py")]
    files.remove(ROOT / "portal/core/audit/actions.py")
    named = {
        found: path.name
        for path in files
        if path.parent.name != "models"
        for found in literal.findall(path.read_text())
    }
    assert set(named) - set(actions.ACTIONS) == set()
    assert set(actions.ACTIONS) <= set(named)
