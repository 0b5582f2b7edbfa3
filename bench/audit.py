"""`python -m bench.audit DATABASE_URL [events]`: what the audit log costs, and how fast it is read.

The database has to be empty; it is filled. First events are written as the portal writes them, by
one thread and by eight, and the chain is verified. Then the database itself makes up so many more
(10,000,000 by default) without a chain, and the page's queries are timed.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.orm import Session, sessionmaker

from bench.made_up import make_events
from portal import migrate
from portal.config import Settings
from portal.core import audit
from portal.core.accounts import ROLE_MAY, Caller
from portal.core.audit import search, verifying
from portal.core.audit.seals import Outside, SealKey
from portal.core.audit.search import Wanted
from portal.core.scopes import of_words
from portal.core.transaction import writing
from portal.db import engine_options, prepare_engine
from storage_backends.local import LocalStore

SECONDS = 5.0
CHAINED = 200_000
ROUNDS = 40
SOMEBODY = audit.Actor("user", "u1", "user-7@example.org", ip="192.0.2.7", user_agent="bench")
READERS = (("auditor", ["*"]), ("admin", ["*"]), ("auditor", ["source:calls"]))
FILTERS = {
    "all": Wanted(),
    "one actor": Wanted(actor="user-7@example.org"),
    "an actor's rare action": Wanted(actor="user-9@example.org", action="hold.placed"),
    "a rare action": Wanted(action="hold.placed"),
    "a frequent action": Wanted(action="recording.view"),
    "one object": Wanted(object_type="recording", object_id="object-4"),
    "denied": Wanted(result="denied"),
    "one address": Wanted(ip="192.0.2.44"),
    "one request": Wanted(request_id="request-77777"),
    "an hour long ago": Wanted(
        at_from=datetime(2025, 1, 1, 5, tzinfo=UTC), at_to=datetime(2025, 1, 1, 6, tzinfo=UTC)
    ),
    "denied, in an hour": Wanted(
        result="denied",
        at_from=datetime(2025, 1, 1, 5, tzinfo=UTC),
        at_to=datetime(2025, 1, 1, 6, tzinfo=UTC),
    ),
}


def write(make: Callable[[], Session], threads: int) -> float:
    """Events a second, each in a transaction of its own."""
    counts, end = [0] * threads, time.monotonic() + SECONDS

    def run(number: int) -> None:
        with make() as session:
            while time.monotonic() < end:
                audit.record_alone(session, SOMEBODY, "recording.view", ("recording", "r"))
                counts[number] += 1

    running = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for each in running:
        each.start()
    for each in running:
        each.join()
    return sum(counts) / SECONDS


def verify(session: Session, folder: Path) -> float:
    """Events a second of a chain of CHAINED at least."""
    for _ in range(CHAINED // 5000):
        with writing(session):
            for number in range(5000):
                subject = ("recording", str(number))
                audit.record(session, SOMEBODY, "recording.view", subject, size=number)
    outside = Outside(folder / "seals.jsonl", LocalStore(folder, strict=False))
    begun = time.perf_counter()
    verdict = verifying.verify(session, outside, SealKey("11" * 32).public)
    assert not verdict.problems
    return verdict.checked / (time.perf_counter() - begun)


def pages(session: Session) -> None:
    for role, scope in READERS:
        reader = Caller("u", "u", role, ROLE_MAY[role], SOMEBODY, scope=of_words(scope))
        for name, wanted in FILTERS.items():
            times = []
            before = None
            for _ in range(ROUNDS):  # page by page, deeper and deeper
                begun = time.perf_counter()
                found = search.page(session, reader, 50, wanted, before=before)
                times.append((time.perf_counter() - begun) * 1000)
                before = found.older
            p95 = statistics.quantiles(times, n=20)[-1]
            who, median = f"{role} {scope[0]}", statistics.median(times)
            print(f"{who:20} {name:24} median {median:7.1f} ms  p95 {p95:7.1f} ms")


def main() -> None:
    settings = Settings.from_env({"PORTAL_DATABASE_URL": sys.argv[1]})
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000_000
    engine = create_engine(settings.database_url, **engine_options(settings))
    prepare_engine(engine, strict=True)
    migrate.upgrade(engine)
    make = sessionmaker(engine, expire_on_commit=False)
    for threads in (1, 8):
        print(f"events written a second, {threads} thread(s): {write(make, threads):8.0f}")
    with make() as session, tempfile.TemporaryDirectory() as folder:
        print(f"events verified a second:           {verify(session, Path(folder)):8.0f}")
    begun = time.perf_counter()
    make_events(engine, count)
    print(f"{count} events made up in {time.perf_counter() - begun:.0f} s")
    with make() as session:
        pages(session)


if __name__ == "__main__":
    main()
