"""Bringing the database to the version of this code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

LOCK = 7261004  # any number that nothing else in this database locks
FOLDER = Path(__file__).parent.parent / "migrations"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return config


@contextmanager
def _changing(engine: Engine) -> Iterator[Connection]:
    """One transaction in which tables may be made anew, as SQLite has to for many changes. While
    that happens their rows are gone for a moment, and nothing may complain that refers to them."""
    with engine.connect() as connection:
        sqlite = engine.dialect.name == "sqlite"
        if sqlite:  # has no effect inside a transaction
            _foreign_keys(connection, "OFF")
        try:
            with connection.begin():
                before = _revision(connection)
                yield connection
                if sqlite and _revision(connection) != before:  # the look reads every row
                    _refuse_dangling(connection)
        finally:
            if sqlite:
                _foreign_keys(connection, "ON")


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_dangling(connection: Connection) -> None:
    """Raises IntegrityError if a row refers to one that is gone."""
    if connection.exec_driver_sql("PRAGMA foreign_key_check").first():
        raise IntegrityError("PRAGMA foreign_key_check", None, ValueError("rows lost"))


def _foreign_keys(connection: Connection, state: str) -> None:
    raw = connection.connection.dbapi_connection
    assert raw is not None  # noqa: S101 - the connection is open
    raw.cursor().execute(f"PRAGMA foreign_keys={state}")


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Apply the missing migrations, in one transaction. Does nothing when there are none."""
    config = _config()
    with _changing(engine) as connection:
        if engine.dialect.name == "postgresql":  # several hosts may start at once
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def revisions(connection: Connection) -> tuple[str | None, str | None]:
    """The version of this database, and the one that this code wants."""
    return _revision(connection), _wanted()


@cache
def _wanted() -> str | None:
    """Read once: it takes reading all migrations, and load balancers ask every few seconds."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def downgrade(engine: Engine, revision: str) -> None:
    config = _config()
    with _changing(engine) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def check(engine: Engine) -> None:
    """Raises alembic's CommandError if the models have something that no migration makes."""
    config = _config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.check(config)


def write_revision(engine: Engine, message: str, number: str) -> None:
    """A new numbered migration out of the difference between the models and the database."""
    config = _config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.revision(config, message, autogenerate=True, rev_id=number)
