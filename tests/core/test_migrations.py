"""The database and the code agree, on both kinds of database, going up and going down."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Column, Engine, Integer, Table, inspect
from sqlalchemy.orm import Session

from portal import migrate
from portal.core import accounts
from portal.core.models import Base
from tests.databases import new_database, open_engine

PROJECT = Path(__file__).parents[2]
TABLES = {"alembic_version", *Base.metadata.tables}


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database of this test's own, with nothing in it."""
    if request.param == "sqlite":
        made = open_engine(f"sqlite:///{tmp_path}/portal.sqlite3")
    else:
        made = open_engine(request.getfixturevalue("empty_postgres"))
    yield made
    made.dispose()


@pytest.fixture(scope="module")
def one_database(postgres: str) -> str:
    return new_database(postgres, "migrations")


@pytest.fixture
def empty_postgres(one_database: str) -> str:
    """To empty a database takes a tenth of the time of making one."""
    engine = open_engine(one_database)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    engine.dispose()
    return one_database


def tables(engine: Engine) -> set[str]:
    """Without those of the search, of which SQLite has several."""
    names = inspect(engine).get_table_names()
    return {name for name in names if not name.startswith("recording_words")}


def test_an_empty_database_becomes_what_the_code_expects(engine: Engine) -> None:
    assert tables(engine) == set()
    migrate.upgrade(engine)
    assert tables(engine) == TABLES
    migrate.check(engine)


def test_migrating_again_keeps_what_is_there(engine: Engine) -> None:
    migrate.upgrade(engine)
    with Session(engine) as session:
        accounts.create_user(session, "ada@example.org", "admin", "x" * 12)
        migrate.upgrade(engine)
        assert accounts.any_user(session)


def test_down_to_nothing_and_up_again(engine: Engine) -> None:
    migrate.upgrade(engine)
    migrate.downgrade(engine, "base")
    assert tables(engine) == {"alembic_version"}
    migrate.upgrade(engine)
    assert tables(engine) == TABLES
    migrate.check(engine)


def test_the_check_finds_a_table_that_no_migration_makes(engine: Engine) -> None:
    migrate.upgrade(engine)
    forgotten = Table("forgotten", Base.metadata, Column("id", Integer, primary_key=True))
    try:
        with pytest.raises(CommandError, match="forgotten"):
            migrate.check(engine)
    finally:
        Base.metadata.remove(forgotten)


def test_a_database_that_is_not_migrated_is_found_too(engine: Engine) -> None:
    with pytest.raises(CommandError, match="not up to date"):
        migrate.check(engine)


MIGRATES = """
import sys
from sqlalchemy import create_engine
from portal import migrate
engine = create_engine(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
migrate.upgrade(engine)
"""


def test_several_hosts_may_migrate_the_same_database_at_once(empty_postgres: str) -> None:
    address = empty_postgres.replace("postgresql://", "postgresql+psycopg://")
    command = [sys.executable, "-c", MIGRATES, address]
    pipes = {each: subprocess.PIPE for each in ("stdin", "stdout", "stderr")}
    hosts = [subprocess.Popen(command, cwd=PROJECT, text=True, **pipes) for _ in range(3)]
    for each in hosts:
        assert each.stdout is not None and each.stdout.readline() == "ready\n"
    for each in hosts:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()
    assert {each.communicate(timeout=30)[1] for each in hosts} == {""}
    assert {each.returncode for each in hosts} == {0}
    assert tables(open_engine(empty_postgres)) == TABLES


def test_migrations_are_numbered_and_follow_one_another() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate.FOLDER))
    scripts = ScriptDirectory.from_config(config)
    assert len(scripts.get_heads()) == 1
    known = {each.revision: each for each in scripts.walk_revisions()}
    files = sorted((migrate.FOLDER / "versions").glob("*.py"))
    assert len(known) == len(files)
    for number, path in enumerate(files, start=1):
        assert re.fullmatch(rf"{number:04}_[a-z0-9_]+\.py", path.name)
        assert known[f"{number:04}"].path == str(path)
        assert known[f"{number:04}"].down_revision == (f"{number - 1:04}" if number > 1 else None)
