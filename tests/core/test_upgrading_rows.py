"""Databases of earlier versions, with everything in them, become what the code expects."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, Engine, MetaData, Table, insert, select
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from portal import migrate
from portal.core.models import LegalCase, LegalHold, Recording
from tests.core.test_migrations import empty_postgres, engine, one_database

__all__ = ["empty_postgres", "engine", "one_database"]

NOW = datetime(2026, 11, 1, tzinfo=UTC)
UPLOAD = "0190ab00-0000-7000-8000-000000000000"


def fill(engine: Engine) -> None:
    """A person, an upload under way, and a recording, as far as these tables were then."""
    tables = MetaData()
    tables.reflect(engine)
    with engine.begin() as connection:
        for name in ("user", "upload", "part", "recording"):
            table = tables.tables[name]
            connection.execute(insert(table).values(_row(table)))


def _row(table: Table) -> dict[str, object]:
    """Something in every column that must have something."""
    known = {"id": UPLOAD, "upload_id": UPLOAD, "owner_id": UPLOAD, "key": "parts/1/0.1"}
    row = {}
    for column in table.columns:
        if column.name in known:
            row[column.name] = known[column.name]
        elif not column.nullable and column.server_default is None:
            row[column.name] = _something(column.type)
    return row


def _something(kind: TypeEngine[Any]) -> object:
    if isinstance(kind, JSON):
        return {}
    kinds: dict[type, object] = {str: "x", int: 1, bool: True, datetime: NOW}
    return kinds[kind.python_type]


def test_rows_of_the_version_with_one_store_say_where_their_bytes_are(engine: Engine) -> None:
    migrate.upgrade(engine, "0002")
    fill(engine)
    migrate.upgrade(engine)
    tables = MetaData()
    tables.reflect(engine)
    with engine.connect() as connection:
        for name in ("upload", "recording"):
            storage_id = tables.tables[name].c.storage_id
            assert connection.scalars(select(storage_id)).all() == ["main"]


def test_rows_of_the_first_version_stay(engine: Engine) -> None:
    migrate.upgrade(engine, "0001")
    fill(engine)
    migrate.upgrade(engine)
    tables = MetaData()
    tables.reflect(engine)
    with engine.connect() as connection:
        for name in ("user", "upload", "part", "recording"):
            assert len(connection.execute(select(tables.tables[name])).all()) == 1


def test_each_legal_hold_of_before_becomes_a_case(engine: Engine) -> None:
    migrate.upgrade(engine, "0013")
    fill(engine)
    tables = MetaData()
    tables.reflect(engine)
    placed = {"recording_id": UPLOAD, "reason": "lawsuit " + 300 * "x", "placed_by": "anna (shell)"}
    over = {"released_by": "bert (shell)", "released_at": NOW}
    with engine.begin() as connection:
        for number, more in enumerate([{}, over]):
            row = {"id": f"hold-{number}", "placed_at": NOW} | placed | more
            connection.execute(insert(tables.tables["legal_hold"]).values(row))
    migrate.upgrade(engine)
    with Session(engine) as session:
        cases = session.scalars(select(LegalCase).order_by(LegalCase.id)).all()
        held = {each.case_id: each for each in session.scalars(select(LegalHold))}
    assert [each.id for each in cases] == ["hold-0", "hold-1"]
    for each in cases:
        assert each.name == placed["reason"][:255] and not each.future
        assert each.reason == held[each.id].reason == placed["reason"]
        assert each.owner_label == each.placed_by == "anna (shell)"
        assert (each.released_by, each.released_at) == (
            held[each.id].released_by,
            held[each.id].released_at,
        )
    assert [each.released_by for each in cases] == [None, "bert (shell)"]
    migrate.downgrade(engine, "0013")
    with engine.connect() as connection:
        rows = connection.execute(select(tables.tables["legal_hold"])).all()
        assert sorted(each.released_by or "" for each in rows) == ["", "bert (shell)"]


def test_what_was_reviewed_before_says_so_itself(engine: Engine) -> None:
    migrate.upgrade(engine, "0020")
    fill(engine)
    tables = MetaData()
    tables.reflect(engine)
    mark = {"recording_id": UPLOAD, "user_id": UPLOAD, "user_label": "anna", "at": NOW}
    with engine.begin() as connection:
        connection.execute(insert(tables.tables["review"]).values(mark))
    migrate.upgrade(engine)
    with Session(engine) as session:
        assert session.scalar(select(Recording.reviewed))
