"""The core without the web: a real database of either kind, and real files."""

from __future__ import annotations

import hashlib
import io
import shutil
import threading
import wave
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session, sessionmaker

from portal import migrate
from portal.core import accounts, appending, assembly, leases, uploads
from portal.core.accounts import Caller
from portal.core.audit import SYSTEM
from portal.core.checks import Check
from portal.core.limits import Limits
from portal.core.models import AuditEvent, Base, Part, Recording, Upload
from portal.core.storages import Stores
from portal.core.transaction import utc_now
from portal.core.uploads import NewUpload, Progress
from storage_backends import StoredObject
from storage_backends.base import Block
from storage_backends.local import LocalStore
from tests.databases import new_database, open_engine

HOUR = timedelta(hours=1)
RAN_OUT = -1.0
"""The seconds of a lease that is over as soon as it begins."""


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def sessions(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[sessionmaker[Session]]:
    """Sessions on a database of either kind; `site` empties it after each test."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('database')}/portal.sqlite3"
    else:
        url = new_database(request.getfixturevalue("postgres"), "core")
    engine = open_engine(url)
    migrate.upgrade(engine)
    yield sessionmaker(engine, expire_on_commit=False)
    engine.dispose()


GUARDED = ("recording", "legal_case", "legal_hold")


@contextmanager
def without_guards(session: Session) -> Iterator[None]:
    """One transaction in which legal holds can be removed, as nothing in the portal can."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL session_replication_role = replica"))
        yield
    else:
        query = text("SELECT name, sql, tbl_name FROM sqlite_master WHERE type = 'trigger'")
        guards = [each for each in session.execute(query).all() if each.tbl_name in GUARDED]
        for each in guards:
            session.execute(text(f"DROP TRIGGER {each.name}"))
        yield
        for each in guards:
            session.connection().exec_driver_sql(each.sql)
    session.commit()


def at_once(acts: Sequence[Callable[[], object]]) -> list[object]:
    """Runs each in a thread of its own; what they returned or raised."""
    outcomes: list[object] = []

    def run(act: Callable[[], object]) -> None:
        try:
            outcomes.append(act())
        except Exception as error:
            outcomes.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


class Body:
    """The bytes of one request as they arrive: blocks, and things that happen between them.

    An act is called when its turn comes. `announced` is the Content-Length, if there is one.
    """

    PART_ENDS = b""
    """Between two blocks: so much time has passed that what came until here is acknowledged."""

    def __init__(self, *steps: bytes | Callable[[], object], announced: int | None = None) -> None:
        self.steps = list(steps)
        self.length = announced
        self.done = not steps

    def take(self, seconds: float | None, most: int | None) -> Iterator[Block]:
        room = most
        while self.steps and room != 0:
            step = self.steps.pop(0)
            self.done = not self.steps
            if callable(step):
                step()
            elif step == self.PART_ENDS:
                if seconds is not None:
                    return
            else:
                now, later = (step, b"") if room is None else (step[:room], step[room:])
                room = None if room is None else room - len(now)
                self._put_back(later)
                yield now

    pour = take

    def _put_back(self, later: bytes) -> None:
        if later:
            self.steps.insert(0, later)
            self.done = False


class ObservedStore(LocalStore):
    """The real store, except that something else happens right after each join."""

    meanwhile: Callable[[], object] = staticmethod(lambda: None)

    def join(self, keys: list[str], key: str) -> StoredObject:  # type: ignore[override]
        stored = super().join(keys, key)
        act, self.meanwhile = self.meanwhile, lambda: None
        act()
        return stored


def stores_of(store: Any) -> Stores:
    """Stores of which this one is all."""
    return Stores(store, store, "a secret of the tests")


class Site:
    """One session, one store for everything, one uploader, and what tests do with them."""

    def __init__(self, sessions: sessionmaker[Session], folder: Path, caller: Caller) -> None:
        self.sessions = sessions
        self.session = sessions()
        self.store = ObservedStore(folder, strict=False)
        self.stores = stores_of(self.store)
        self.folder = folder
        self.caller = caller

    def begin(self, length: int, lifetime: timedelta = HOUR, sha256: str | None = None) -> str:
        new = NewUpload("tus", "call.wav", length, declared_sha256=sha256)
        return uploads.start(self.session, self.caller, new, Limits(lifetime)).upload_id

    def append(
        self,
        upload_id: str,
        offset: int,
        body: Body,
        check: Check | None = None,
        lifetime: timedelta = HOUR,
    ) -> Progress:
        """In a session of its own, as each request has one."""
        with self.sessions() as session:
            act = (session, self.stores, self.caller, upload_id, offset, body, lifetime, check)
            return appending.append(*act)

    def received(self, content: bytes, parts: int = 2, sha256: str | None = None) -> str:
        """A new upload whose bytes are all here."""
        upload_id = self.begin(len(content), sha256=sha256)
        size = -(-len(content) // parts)
        for at in range(0, len(content), size):
            self.append(upload_id, at, Body(content[at : at + size]))
        return upload_id

    def assemble(self, upload_id: str, seconds: float = 60) -> None:
        """As a worker does it, with a lease of so many seconds."""
        with self.sessions() as session:
            lease = leases.claim(session, assembly.KIND, upload_id, seconds)
            assert lease is not None, "somebody else has the lease"
            assembly.assemble(session, self.stores, upload_id, lease)

    def recorded(self, content: bytes) -> Recording:
        """A recording as assembly leaves it, without the time that looking at media takes."""
        upload_id, now = self.begin(len(content)), utc_now()
        key = f"{assembly.recording_folder(upload_id)}/1/original"
        self.store.write(key, [content])
        recording = Recording(id=upload_id, owner_id=self.caller.user_id, owner_label="Ursula")
        recording.source, recording.state, recording.integrity = "tus", "ready", "ok"
        recording.filename, recording.details = "call.wav", {}
        recording.received_at = recording.available_at = recording.verified_at = now
        recording.key, recording.size, recording.sha256 = key, len(content), sha256(content)
        recording.sha256_declared = False
        with self.sessions() as session:
            session.get_one(Upload, upload_id).state = "done"
            session.add(recording)
            session.commit()
        return recording

    def at_once(self, act: Callable[[Session], object], count: int) -> list[object]:
        """The same act in so many threads, each with a session of its own."""

        def run() -> object:
            with self.sessions() as session:
                return act(session)

        return at_once([run] * count)

    def upload(self, upload_id: str) -> Upload:
        with self.sessions() as session:
            return session.get_one(Upload, upload_id)

    def recording(self, upload_id: str) -> Recording | None:
        with self.sessions() as session:
            return session.get(Recording, upload_id)

    def parts(self, upload_id: str) -> list[Part]:
        with self.sessions() as session:
            query = select(Part).where(Part.upload_id == upload_id).order_by(Part.number)
            return list(session.scalars(query))

    def events(self, object_id: str) -> list[str]:
        with self.sessions() as session:
            query = select(AuditEvent.action).where(AuditEvent.object_id == object_id)
            return list(session.scalars(query.order_by(AuditEvent.seq)))

    def keys(self, prefix: str = "") -> list[str]:
        return sorted(each.key for each in self.store.find(prefix))

    def content(self, key: str) -> bytes:
        return b"".join(self.store.read(key))

    def counted_bytes(self, upload_id: str) -> bytes:
        """What the acknowledged parts hold, in their order."""
        return b"".join(self.content(part.key) for part in self.parts(upload_id))


@pytest.fixture(scope="session")
def uploader(sessions: sessionmaker[Session]) -> Caller:
    with sessions() as session:
        user = accounts.create_user(session, "ursula@example.org", "uploader", "x" * 12)
        return accounts.caller_for(user, SYSTEM)


@pytest.fixture(scope="session")
def stranger(sessions: sessionmaker[Session]) -> Caller:
    with sessions() as session:
        user = accounts.create_user(session, "otto@example.org", "uploader", "x" * 12)
        return accounts.caller_for(user, SYSTEM)


@pytest.fixture
def site(sessions: sessionmaker[Session], tmp_path: Path, uploader: Caller) -> Iterator[Site]:
    """Without uploads, recordings and jobs; people and the audit log stay from test to test."""
    made = Site(sessions, tmp_path / "store", uploader)
    yield made
    made.session.close()
    with sessions() as session, without_guards(session):
        for table in reversed(Base.metadata.sorted_tables):
            if table.name not in ("user", "token") and not table.name.startswith("audit_"):
                session.execute(table.delete())
    shutil.rmtree(tmp_path)


@pytest.fixture(scope="session")
def call() -> bytes:
    """Half a second of a recorded call, as WAV."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(range(200)) * 40)
    return file.getvalue()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
