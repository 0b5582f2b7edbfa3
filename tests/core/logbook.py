"""An audit log of a test's own, on either kind of database, and ways to tamper with it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import sessionmaker

from portal import migrate
from portal.core import audit
from portal.core.audit import seals, verifying
from portal.core.audit.seals import Outside, SealKey
from portal.core.audit.verifying import Problem, Verdict
from portal.core.models import AuditEvent, AuditHead
from storage_backends.local import LocalStore
from tests.databases import new_database, open_engine


class Logbook:
    """A log with its seals outside of the database and the key that signs them."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.sessions = sessionmaker(engine, expire_on_commit=False)
        self.outside = Outside(folder / "seals.jsonl", LocalStore(folder / "store", strict=False))
        self.key = SealKey(secrets.token_hex(32))

    def write(self, count: int = 1, **details: object) -> None:
        with self.sessions() as session:
            for number in range(count):
                subject = ("thing", str(number))
                audit.record_alone(session, audit.SYSTEM, "user.created", subject, **details)

    def seal(self) -> bool:
        with self.sessions() as session:
            return seals.seal(session, self.outside, self.key)[1]

    def verify(self) -> Verdict:
        with self.sessions() as session:
            return verifying.verify(session, self.outside, self.key.public)

    def wrong(self) -> list[tuple[str, int]]:
        return [(each.code, each.seq) for each in self.verify().problems]

    def first_wrong(self) -> Problem | None:
        return self.verify().first

    def events(self) -> list[AuditEvent]:
        with self.sessions() as session:
            return list(session.query(AuditEvent).order_by(AuditEvent.seq))

    def head(self) -> AuditHead:
        with self.sessions() as session:
            return session.query(AuditHead).one()

    def tamper(self, *statements: str) -> None:
        """Run these as whoever owns the database can: with the triggers out of the way."""
        with self.engine.begin() as connection:
            if self.engine.dialect.name == "postgresql":
                for table in ("audit_event", "audit_head", "audit_seal"):
                    connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
            else:
                query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
                for (name,) in connection.execute(text(query)).all():
                    connection.execute(text(f"DROP TRIGGER {name}"))
            for statement in statements:
                connection.execute(text(statement))


@pytest.fixture(params=["sqlite", "postgresql"])
def book(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Logbook]:
    if request.param == "sqlite":
        engine = open_engine(f"sqlite:///{tmp_path}/portal.sqlite3")
    else:
        engine = open_engine(new_database(request.getfixturevalue("postgres"), "logbook"))
    migrate.upgrade(engine)
    yield Logbook(engine, tmp_path)
    engine.dispose()
