"""What the tests share: one real portal (gunicorn, Valkey, workers, cron) for the whole run."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from argon2 import PasswordHasher
from flask import Flask

from portal import sample_media
from portal.app import create_app
from portal.config import Settings
from portal.core import accounts, passwords, tokens
from portal.db import db
from tests.databases import postgres
from tests.waiting import free_port, wait_for

__all__ = ["postgres"]

TUS = "/api/v1/videos/tus"
Finished = subprocess.CompletedProcess[str]
PASSWORD = "correct horse battery staple"


class Portal:
    """A portal that runs as `portal run` runs it, and what a test wants to ask it."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.data = folder / "data with blanks"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = os.environ | {
            "PORTAL_DATA_DIR": str(self.data),
            "PORT": str(self.port),
            "PORTAL_LEASE_SECONDS": "2",
            "PORTAL_RECONCILE_SECONDS": "1",
            "PORTAL_RESUMABLE_DRAFT": "on",
            **settings,
        }
        self.log = folder / "portal.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Portal:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "portal", "run"],
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        try:
            wait_for(self.answers, what=f"portal is up, see {self.log}")
        except BaseException:
            self.drop()  # nobody else knows of it yet
            raise
        return self

    def answers(self) -> bool:
        assert self.process is not None and self.process.poll() is None, self.log.read_text()
        try:
            return requests.get(f"{self.url}/health", timeout=5).ok
        except requests.ConnectionError:
            return False

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Stop it and return how many seconds that took."""
        assert self.process is not None
        begun = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(20)
        return time.monotonic() - begun

    def drop(self) -> None:
        """End it at once, for a test that is over: stopping in order takes seconds."""
        if self.process is not None and self.process.poll() is None:
            below = self.children()
            self.process.kill()
            self.process.wait(20)
            for pid in below:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def children(self, name: str = "") -> list[int]:
        """Its processes whose command line has this word, grandchildren too."""
        assert self.process is not None
        if not psutil.pid_exists(self.process.pid):
            return []
        below = psutil.Process(self.process.pid).children(recursive=True)
        return [each.pid for each in below if name in " ".join(_command(each))]

    def cli(self, *words: str, given: str = "", check: bool = True) -> Finished:
        return subprocess.run(
            [sys.executable, "-m", "portal", *words],
            env=self.environment,
            input=given,
            text=True,
            capture_output=True,
            check=check,
        )

    def person(self, role: str, scope: Sequence[str] = ("*",)) -> str:
        """A new account with PASSWORD that reaches everything, or this; returns its address."""
        email = f"{role}-{secrets.token_hex(4)}@example.org"
        with self.app.app_context():
            return accounts.create_user(db.session, email, role, PASSWORD, scope).email

    def token(self, role: str = "uploader", *scopes: str, leads: Sequence[str] = ()) -> str:
        """A token of a new account."""
        email = self.person(role)
        with self.app.app_context():
            return tokens.create_token(
                db.session, email, list(scopes or ("upload",)), leads=list(leads)
            )

    @cached_property
    def app(self) -> Flask:
        """An application of our own on the portal's data: quicker than its command line."""
        with pytest.MonkeyPatch.context() as here:  # stores read who they are there
            for name, value in self.environment.items():
                here.setenv(name, value)
            return create_app(Settings.from_env())

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """Looks into the database as an operator would."""
        connection = sqlite3.connect(f"file:{self.data}/portal.sqlite3?mode=ro", uri=True)
        connection.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in connection.execute(query, values)]
        finally:
            connection.close()

    def recording(self, upload_id: str, seconds: float = 30) -> dict[str, Any]:
        """The recording of this upload, once there is one."""
        query = "SELECT * FROM recording WHERE id = ?"
        return wait_for(lambda: self.rows(query, upload_id), seconds, f"recording {upload_id}")[0]

    def stored_files(self, below: str = "") -> list[Path]:
        """Of recordings, or of parts that have arrived."""
        folders = (self.data / place / below for place in ("store", "staging"))
        return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


class Tus:
    """A tus client that does exactly what a test says, and checks nothing."""

    def __init__(self, portal: Portal, token: str) -> None:
        self.portal = portal
        self.session = requests.Session()
        self.session.headers.update({"Authorization": f"Bearer {token}", "Tus-Resumable": "1.0.0"})

    def create(self, length: int | str, metadata: str = "", **headers: str) -> requests.Response:
        sent = {"Upload-Length": str(length), "Upload-Metadata": metadata} | headers
        return self.session.post(self.portal.url + TUS, headers=sent)

    def begin(self, length: int, metadata: str = "") -> str:
        """A new upload's path."""
        response = self.create(length, metadata)
        assert response.status_code == 201, response.text
        return response.headers["Location"]

    def patch(self, path: str, offset: int | str, body: Any, **headers: str) -> requests.Response:
        kind = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset)}
        return self.session.patch(self.portal.url + path, data=body, headers=kind | headers)

    def head(self, path: str) -> requests.Response:
        return self.session.head(self.portal.url + path)

    def offset(self, path: str) -> int:
        return int(self.head(path).headers["Upload-Offset"])

    def delete(self, path: str) -> requests.Response:
        return self.session.delete(self.portal.url + path)

    def raw(self, path: str, offset: int, length: int, framing: str = "") -> socket.socket:
        """A connection on which a PATCH has been announced, and no byte of its body sent."""
        connection = socket.create_connection(("127.0.0.1", self.portal.port), timeout=30)
        connection.sendall(self.announced(path, offset, length, framing))
        return connection

    def announced(self, path: str, offset: int, length: int, framing: str = "") -> bytes:
        """The head of a PATCH, as it stands on the wire."""
        authorization = self.session.headers["Authorization"]
        return (
            f"PATCH {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\n"
            f"Tus-Resumable: 1.0.0\r\nUpload-Offset: {offset}\r\n"
            f"{framing or f'Content-Length: {length}'}\r\n"
            "Content-Type: application/offset+octet-stream\r\n\r\n".encode()
        )


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:  # it has just ended
        return []


def upload_id(path: str) -> str:
    return path.rpartition("/")[2]


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Real Argon2 hashes, made in a hundredth of the time."""
    with pytest.MonkeyPatch.context() as patch:
        cheap = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
        patch.setattr(passwords, "_hasher", lambda: cheap)
        passwords._nobody_hash.cache_clear()
        yield
    passwords._nobody_hash.cache_clear()


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """The portal that most tests share. Those that break things start one of their own."""
    running = Portal(tmp_path_factory.mktemp("portal")).start()
    yield running
    running.stop()
    assert not running.children(), "the portal left processes behind"


@pytest.fixture
def own_portal(tmp_path: Path) -> Iterator[Callable[..., Portal]]:
    """Starts portals with settings of the test's own, and stops them at its end."""
    started: list[Portal] = []

    def start(**settings: str) -> Portal:
        folder = tmp_path / str(len(started))
        folder.mkdir()
        started.append(Portal(folder, **({"PORTAL_JOB_WORKERS": "1"} | settings)).start())
        return started[-1]

    yield start
    for each in started:
        each.drop()


@pytest.fixture(scope="session")
def token(portal: Portal) -> str:
    return portal.token()


@pytest.fixture
def tus(portal: Portal, token: str) -> Tus:
    return Tus(portal, token)


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Real media of a few seconds, made on first use: media("call-support-4711.aac").

    The processes of one run share them: whoever comes second waits for whoever came first.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def made(name: str, seconds: int = 4) -> Path:
        path = shared / f"media-{seconds}-{name}"
        with path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return path if path.exists() else sample_media.make_sample(name, path, seconds)

    return made
