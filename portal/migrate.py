"""Bringing the database to the version of this code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine

LOCK = 7261004  # any number that nothing else in this database locks
FOLDER = Path(__file__).parent.parent / "migrations"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return config


@contextmanager
def _migrating(engine: Engine) -> Iterator[tuple[Config, Connection]]:
    """The configuration, and the connection whose one transaction everything is.

    To alter a table, SQLite often needs a copy of it, and the old one dropped: with foreign keys
    to it that works while they are not looked at.
    """
    config = _config()
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.detach()  # the pool shall not hand out a connection that ignores them
            connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")
        with connection.begin():
            config.attributes["connection"] = connection
            yield config, connection


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Apply the missing migrations, in one transaction. Does nothing when there are none."""
    with _migrating(engine) as (config, connection):
        if engine.dialect.name == "postgresql":  # several hosts may start at once
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
        command.upgrade(config, revision)


def downgrade(engine: Engine, revision: str) -> None:
    with _migrating(engine) as (config, _):
        command.downgrade(config, revision)


def check(engine: Engine) -> None:
    """Raises alembic's CommandError if the models have something that no migration makes."""
    with _migrating(engine) as (config, _):
        command.check(config)


def write_revision(engine: Engine, message: str, number: str) -> None:
    """A new numbered migration out of the difference between the models and the database."""
    with _migrating(engine) as (config, _):
        command.revision(config, message, autogenerate=True, rev_id=number)
