"""Databases as the portal opens them, and a PostgreSQL for this run."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import Engine, make_url

from portal.config import Settings
from portal.db import prepare_engine
from tests.waiting import free_port, wait_for


def open_engine(database_url: str) -> Engine:
    """As portal/app.py opens it."""
    settings = Settings.from_env({"PORTAL_DATABASE_URL": database_url})
    engine = create_engine(settings.database_url)
    prepare_engine(engine, strict=False)
    return engine


def new_database(postgres: str, name: str) -> str:
    """The address of a fresh database on that server."""
    with open_engine(postgres).connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
    return str(make_url(postgres).set(database=name))


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of an empty PostgreSQL, started for this run."""
    folder = Path(tempfile.mkdtemp(prefix="portal-postgres-"))
    program = _find_postgres()
    port = free_port()
    as_user: dict[str, Any] = {}
    if os.getuid() == 0:  # PostgreSQL refuses to run as root
        nobody = pwd.getpwnam("nobody")
        as_user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | as_user
    data = str(folder / "data")
    subprocess.run(
        [str(program / "initdb"), "-D", data, "-U", "portal", "-A", "trust", "-E", "UTF8"],
        check=True,
        cwd=folder,
        **quiet,
    )
    options = ["-D", data, "-p", str(port), "-k", str(folder), "-c", "listen_addresses=127.0.0.1"]
    options += ["-c", "fsync=off"]  # this run alone needs it
    server = subprocess.Popen([str(program / "postgres"), *options], cwd=folder, **quiet)
    try:
        address = f"postgresql://portal@127.0.0.1:{port}/postgres"
        wait_for(lambda: _serves(address), what="PostgreSQL serves")
        yield address
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(20)
        shutil.rmtree(folder)


def _serves(address: str) -> bool:
    with contextlib.suppress(psycopg.OperationalError):
        psycopg.connect(address, connect_timeout=2).close()
        return True
    return False


def _find_postgres() -> Path:
    """Where initdb and postgres are; installed when that is possible, a clear failure otherwise."""
    for _ in range(2):
        found = [Path(path) for path in (shutil.which("initdb"),) if path]
        found += sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
        if found:
            return found[0].resolve().parent
        if os.getuid() == 0 and shutil.which("apt-get"):
            subprocess.run(["apt-get", "update", "-qq"], check=True)
            subprocess.run(["apt-get", "install", "-y", "-qq", "postgresql"], check=True)
    pytest.fail("These tests need PostgreSQL: install the package «postgresql».")
