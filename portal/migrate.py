"""Bringing the database to the version of this code."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

LOCK = 7261004  # any number that nothing else in this database locks
FOLDER = Path(__file__).parent.parent / "migrations"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return config


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Apply the missing migrations, in one transaction. Does nothing when there are none."""
    config = _config()
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":  # several hosts may start at once
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def downgrade(engine: Engine, revision: str) -> None:
    config = _config()
    with engine.begin() as connection:
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
