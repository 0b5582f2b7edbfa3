"""How the core writes: one short transaction that takes the write lock at once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.core import chain

WRITES = "portal_writes"
"""Execution option that makes SQLite begin with BEGIN IMMEDIATE (see portal/db.py)."""
LOCK_SECONDS = 15
"""How long to wait for SQLite's lock."""
_line = threading.Lock()


@contextmanager
def writing(session: Session) -> Iterator[Session]:
    """A transaction that commits at the end of the block, or undoes all of it. The audit events of
    the block are written right before the commit, and undone or committed with it.

    It begins afresh: what is read in it is current, and what was read before is but a copy.
    SQLite's deferred BEGIN lost 158 of 900 read-modify-write updates; with the lock taken first,
    none.
    """
    release(session)
    with _in_line(session):
        session.connection(execution_options={WRITES: True})
        try:
            yield session
            chain.append_pending(session)
            session.commit()
        except BaseException:
            chain.forget(session)
            session.rollback()
            raise


@contextmanager
def _in_line(session: Session) -> Iterator[None]:
    """The writing threads of a process line up before SQLite's one lock.

    SQLite itself has them poll, and whoever comes last may be first: of 400 threads that wrote
    fifty times each, in two processes, one waited 4.7 s, in a line none more than 0.9.
    """
    if session.get_bind().dialect.name != "sqlite":
        yield
        return
    first = _line.acquire(timeout=LOCK_SECONDS)  # after that SQLite says what is wrong
    try:
        yield
    finally:
        if first:
            _line.release()


def one_at_a_time(session: Session, what: int) -> None:
    """Until the commit, nobody else gets beyond this line with the same number.

    For limits over many rows, which no row lock protects. SQLite has one writer anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(what)))


def release(session: Session) -> None:
    """End a transaction that has only read, and give its connection back.

    The objects stay readable, as copies of what was. A rollback instead would make SQLAlchemy
    read each of them again at its next use.
    """
    unwritten = session.new or session.dirty or session.deleted or chain.pending(session)
    assert not unwritten, "use writing() to write"  # noqa: S101
    session.close()


def utc_now() -> datetime:
    return datetime.now(UTC)
