"""Ten years in a minute: two workers, one of them killed, and exactly what must go is gone.

The suite lives them with 1,000 recordings; RETENTION_RECORDINGS=100000 asks for more.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, insert, select
from sqlalchemy.orm import sessionmaker

from portal import migrate
from portal.core import accounts, assembly, holding, releasing
from portal.core.audit import SYSTEM
from portal.core.models import AuditEvent, Recording, RecordingTag, Tag, Upload, new_id, place_at
from portal.core.retention import planning, policies
from portal.core.retention.deciding import Rule
from portal.core.transaction import writing
from tests.core.retaining import DAY
from tests.core.retention_worker import GRACE, dates
from tests.databases import new_database, open_engine
from tests.waiting import wait_for

COUNT = int(os.environ.get("RETENTION_RECORDINGS", "1000"))
SECONDS = 120 + COUNT / 10
BEGUN, CHANGED, ENDS = (datetime(year, 1, 1, tzinfo=UTC) for year in (2010, 2015, 2020))
BIG = 5_000_000
RULES = [
    Rule("calls", source="calls", keep_days=90, delete_days=90),
    Rule("sessions", source="sessions", keep_days=0, delete_days=1000),
    Rule("big", min_size=BIG, keep_days=400, delete_days=300),
    Rule("fraud", tag="fraud", keep_days=None, delete_days=10),
]
LATER = [*RULES[:1], Rule("sessions", source="sessions", keep_days=0, delete_days=2000), *RULES[2:]]


@dataclass(frozen=True)
class Made:
    """One recording. `held`: None, "always", or "until the change"."""

    id: str
    source: str
    received_at: datetime
    size: int
    fraud: bool
    held: str | None

    def days(self, now: datetime) -> int | None:
        """After how many days it goes, said without the portal's own words."""
        if self.fraud or (self.source == "tus" and self.size < BIG):
            return None
        by_source = {"calls": 90, "sessions": 1000 if now < CHANGED else 2000, "tus": 0}
        return max(by_source[self.source], 400 if self.size >= BIG else 0)

    def stays(self, now: datetime) -> bool:
        days = self.days(now)
        held = self.held == "always" or (self.held is not None and now < CHANGED)
        return held or days is None or self.received_at + days * DAY > now

    def gone(self) -> bool:
        """Whether it is gone at the end: due on one day, and still so on another one a grace
        later."""
        marked: datetime | None = None
        for now in (*dates(BEGUN, CHANGED - DAY), *dates(CHANGED, ENDS)):
            if self.stays(now):
                marked = None
            elif marked is None:
                marked = now
            elif now >= marked + GRACE:
                return True
        return False


def made(number: int, dice: random.Random) -> Made:
    received = BEGUN + dice.random() * (ENDS - BEGUN) + timedelta(microseconds=number)
    [source] = dice.choices(("calls", "sessions", "tus"), (10, 10, 80))
    size = dice.choices((7, BIG), (90, 10))[0]
    held = dice.choices((None, "always", "until the change"), (90, 5, 5))[0]
    return Made(new_id(), source, received, size, dice.random() < 0.1, held)


class House:
    """A database and a folder full of recordings, and two workers."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        engine = open_engine(url)
        migrate.upgrade(engine)
        self.engine: Engine = engine
        self.sessions = sessionmaker(engine, expire_on_commit=False)

    def fill(self, rows: Sequence[Made]) -> None:
        with self.sessions() as session:
            owner = accounts.create_user(session, "ursula@example.org", "uploader", "x" * 12).id
            session.execute(insert(Upload), [_upload(row, owner) for row in rows])
            session.execute(insert(Recording), [_recording(row, owner) for row in rows])
            session.add(tag := Tag(name="fraud"))
            session.flush()
            frauds = [{"recording_id": row.id, "tag_id": tag.id} for row in rows if row.fraud]
            session.execute(insert(RecordingTag), frauds)
            session.commit()
            for row in rows:
                if row.held:
                    holding.hold(session, SYSTEM, row.id, row.held)
        for row in rows:
            path = self.folder / _key(row)
            path.parent.mkdir(parents=True)
            path.write_bytes(b"bytes")

    def rules(self, rules: Sequence[Rule]) -> None:
        with self.sessions() as session:
            with writing(session):
                policies.adopt(session, SYSTEM, rules, "law")
            planning.plan_all(session)

    def worker(self, first: datetime, last: datetime) -> subprocess.Popen[bytes]:
        words = [self.url, str(self.folder), f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}"]
        return subprocess.Popen([sys.executable, "-m", "tests.core.retention_worker", *words])

    def deleted(self) -> int:
        return int(self._scalar(select(func.count()).where(Recording.state == "deleted")))

    def _scalar(self, query: Any) -> Any:
        with self.sessions() as session:
            return session.scalar(query)

    def ids(self, *where: Any) -> set[str]:
        with self.sessions() as session:
            return set(session.scalars(select(Recording.id).where(*where)))

    def buried_once(self) -> bool:
        """Whether each deletion is in the audit log exactly once."""
        action = AuditEvent.action == "deletion.completed"
        all_, different = (
            self._scalar(select(func.count(what)).where(action))
            for what in (AuditEvent.object_id, AuditEvent.object_id.distinct())
        )
        return bool(all_ == different == self.deleted())


def _key(row: Made) -> str:
    return f"{assembly.recording_folder(row.id)}/1/original"


def _upload(row: Made, owner: str) -> dict[str, Any]:
    at = row.received_at
    usual = {"owner_id": owner, "owner_label": "Ursula", "filename": "call.wav", "state": "done"}
    times = {"created_at": at, "progress_at": at, "expires_at": at}
    return {"id": row.id, "dialect": row.source, "details": {}, "wire": {}} | usual | times


def _recording(row: Made, owner: str) -> dict[str, Any]:
    at = row.received_at
    usual = {"owner_id": owner, "owner_label": "Ursula", "filename": "call.wav", "state": "ready"}
    content = {"sha256": "0" * 64, "sha256_declared": False, "integrity": "ok", "details": {}}
    times = {"received_at": at, "available_at": at, "verified_at": at, "place": place_at(at)}
    own = {"id": row.id, "source": row.source, "size": row.size, "key": _key(row)}
    return usual | content | times | own


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> House:
    url = f"sqlite:///{tmp_path}/portal.sqlite3"
    if request.param == "postgresql":
        url = new_database(request.getfixturevalue("postgres"), "years")
    (tmp_path / "store").mkdir()
    return House(url, tmp_path / "store")


def finish(*workers: subprocess.Popen[bytes]) -> None:
    assert [each.wait(SECONDS) for each in workers] == [0] * len(workers)


def test_ten_years_delete_exactly_what_must_go(house: House) -> None:
    dice = random.Random(4711)
    rows = [made(number, dice) for number in range(COUNT)]
    house.fill(rows)
    house.rules(RULES)
    doomed, other = (house.worker(BEGUN, CHANGED - DAY) for _ in range(2))
    wait_for(lambda: house.deleted() > COUNT // 50, SECONDS, "some are deleted")
    doomed.send_signal(signal.SIGKILL)
    finish(other, house.worker(BEGUN, CHANGED - DAY))
    assert doomed.wait() == -signal.SIGKILL, "it was killed in the middle"
    release_and_lengthen(house, rows)
    finish(house.worker(CHANGED, ENDS), house.worker(CHANGED, ENDS))
    expected = {row.id for row in rows if row.gone()}
    assert COUNT // 10 < len(expected) < COUNT // 2
    assert house.ids(Recording.state == "deleted") == expected
    assert house.ids(Recording.state != "ready", Recording.state != "deleted") == set()
    assert {path.parents[1].name for path in house.folder.rglob("original")} == {
        row.id for row in rows if row.id not in expected
    }
    assert house.buried_once()


def release_and_lengthen(house: House, rows: Sequence[Made]) -> None:
    with house.sessions() as session:
        for row in rows:
            if row.held == "until the change":
                releasing.end_holds(session, SYSTEM, row.id)
    house.rules(LATER)
