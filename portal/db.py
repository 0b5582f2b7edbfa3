"""Flask-SQLAlchemy's handle on the core's tables, and the rules of SQLite and of forking."""

from __future__ import annotations

import os
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from portal.config import Settings
from portal.core.models import Base
from portal.core.transaction import LOCK_SECONDS, WRITES

db = SQLAlchemy(metadata=Base.metadata, session_options={"expire_on_commit": False})


def session_maker() -> sessionmaker[Session]:
    """Makes sessions for threads beside the one that has `db.session`."""
    return sessionmaker(db.engine, expire_on_commit=False)


def engine_options(settings: Settings) -> dict[str, Any]:
    """80 connections a process, which hundreds of threads share: no transaction is open while bytes
    move, and PostgreSQL has a hundred unless it is told otherwise."""
    options: dict[str, Any] = {"pool_size": 16, "max_overflow": 64}
    options |= {"hide_parameters": True}  # what people entered reaches no log with an error
    if settings.database_url.startswith("postgresql"):
        # To compile a query takes PostgreSQL 200 ms and more; ours are done in 50 without it.
        options |= {"pool_pre_ping": True, "connect_args": {"options": "-c jit=off"}}
    return options


def first_line(error: SQLAlchemyError) -> str:
    """What the database itself said, without the statement and further lines."""
    said = str(getattr(error, "orig", None) or error)
    return (said.splitlines() or ["it does not answer."])[0]


def prepare_engine(engine: Engine, strict: bool) -> None:
    """SQLite's settings for each new connection, and no connection inherited by a fork.

    Inherited PostgreSQL connections gave wrong results and hung.
    """
    os.register_at_fork(after_in_child=lambda: engine.dispose(close=False))
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine, strict)


def _prepare_sqlite(engine: Engine, strict: bool) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # type: ignore[attr-defined]
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout={1000 * LOCK_SECONDS}",
            "journal_mode=WAL",
            "foreign_keys=ON",
            # NORMAL lost 462 commits at a power cut, FULL none; it costs 0.4 ms a commit.
            f"synchronous={'FULL' if strict else 'NORMAL'}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
