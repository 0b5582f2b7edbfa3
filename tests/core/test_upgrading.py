"""What an upgrade makes of the people and recordings that are there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from portal import migrate
from tests.databases import new_database, open_engine

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def test_accounts_keep_what_they_saw_and_departments_are_found(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/portal.sqlite3")
    migrate.upgrade(engine, "0004")
    old = sa.MetaData()
    old.reflect(engine)
    said = {"a": {"department": " Sales  EAST"}, "b": {"departamento": "x" * 65}, "c": {}}
    with engine.begin() as connection:
        person = {"id": "u", "email": "ana@example.org", "role": "auditor", "password_hash": "x"}
        insert(connection, old, "user", person | {"active": True, "login_epoch": 1})
        token = {"id": "t", "user_id": "u", "secret_hash": "x", "scopes": ["read"], "leads": []}
        insert(connection, old, "token", token)
        for name, details in said.items():
            insert(connection, old, "upload", {"id": name, "owner_id": "u", "details": details})
            insert(connection, old, "recording", {"id": name, "owner_id": "u", "details": details})
    migrate.upgrade(engine)
    with engine.connect() as connection:
        scopes = "SELECT scope FROM user UNION ALL SELECT scope FROM token"
        assert [json.loads(row[0]) for row in connection.exec_driver_sql(scopes)] == [["*"], ["*"]]
        found = connection.exec_driver_sql("SELECT id, department FROM recording ORDER BY id")
        assert [tuple(row) for row in found] == [("a", "sales east"), ("b", None), ("c", None)]
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    if request.param == "sqlite":
        made = open_engine(f"sqlite:///{tmp_path}/portal.sqlite3")
    else:
        made = open_engine(new_database(request.getfixturevalue("postgres"), "upgrading"))
    yield made
    made.dispose()


@pytest.mark.parametrize("revision", ["0001", "0002"])
def test_each_table_may_have_rows_that_refer_to_others(engine: sa.Engine, revision: str) -> None:
    migrate.upgrade(engine, revision)
    old = sa.MetaData()
    old.reflect(engine)
    names = [table.name for table in old.sorted_tables if table.name != "alembic_version"]
    with engine.begin() as connection:
        for name in names:
            insert(connection, old, name, {"id": "x"} if "id" in old.tables[name].c else {})
    for other in ("head", revision, "head"):
        (migrate.downgrade if other == revision else migrate.upgrade)(engine, other)
        with engine.connect() as connection:
            counts = [connection.scalar(count(each)) for each in names]
            assert dict(zip(names, counts, strict=True)) == dict.fromkeys(names, 1), other
            if engine.dialect.name == "sqlite":
                assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
                assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []


def count(name: str) -> sa.Select[int]:
    return sa.select(sa.func.count()).select_from(sa.table(name))


def insert(
    connection: sa.Connection, tables: sa.MetaData, name: str, values: dict[str, object]
) -> None:
    """A row with these values, and something in each column that needs something."""
    table = tables.tables[name]
    filled = {
        column.name: _anything(column.type, str(values.get("id", "x")))
        for column in table.columns
        if not column.nullable and column.server_default is None
    }
    connection.execute(table.insert().values(filled | values))


def _anything(kind: sa.types.TypeEngine[object], text: str) -> object:
    if isinstance(kind, sa.DateTime):
        return NOW
    if isinstance(kind, sa.JSON):
        return {}
    return text if isinstance(kind, sa.String) else 0
