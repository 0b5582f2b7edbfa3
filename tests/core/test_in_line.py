"""Many threads that write at once: each has its turn, and whoever fails leaves it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from portal.core.transaction import LOCK_SECONDS, writing
from tests.databases import open_engine


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    engine = open_engine(f"sqlite:///{tmp_path}/counted.sqlite3")
    with Session(engine) as session, writing(session):
        session.execute(text("CREATE TABLE counted (number INTEGER)"))
        session.execute(text("INSERT INTO counted VALUES (0)"))
    return engine


def count(engine: Engine) -> None:
    with Session(engine) as session, writing(session):
        number = session.scalar(text("SELECT number FROM counted")) or 0
        session.execute(text("UPDATE counted SET number = :more"), {"more": number + 1})


def counted(engine: Engine) -> int:
    with Session(engine) as session:
        return session.scalar(text("SELECT number FROM counted")) or 0


def test_every_one_of_many_writers_has_its_turn(engine: Engine) -> None:
    with ThreadPoolExecutor(100) as pool:
        list(pool.map(lambda _: count(engine), range(500)))
    assert counted(engine) == 500


def test_who_fails_leaves_its_place(engine: Engine) -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), Session(engine) as session, writing(session):
            raise ZeroDivisionError
    began = time.monotonic()
    count(engine)
    assert time.monotonic() - began < LOCK_SECONDS / 2 and counted(engine) == 1
