"""`python -m bench.million DATABASE_URL [recordings] [events]`: how fast pages are in a full house.

The database has to be empty; it is filled (1,000,000 recordings and 10,000,000 events unless told
otherwise), or used again if it was filled by this. Times are those of whole requests inside the
server: session, query, page. Each is asked for with pages and values that differ.
"""

from __future__ import annotations

import gzip
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from bench.made_up import DEEP, NEEDLE, fill
from portal import migrate
from portal.app import create_app
from portal.config import Settings
from portal.core import accounts
from portal.db import db

ROUNDS = 20
BACKENDS: list[int] = []
EMAIL, PASSWORD = "bench@example.org", "a password for the bench"
PAGES = {
    "list": "",
    "sort longest": "sort=longest",
    "sort largest": "sort=largest",
    "sort oldest": "sort=oldest",
    "state quarantined": "state=quarantined",
    "state deleted": "state=deleted",
    "source calls (60 %)": "source=calls",
    "source resumable (1 %)": "source=resumable",
    "kind video": "kind=video",
    "department sales": "department=sales",
    "department archives (20)": "department=archives",
    "storage archive": "storage=archive",
    "owner": "owner=recorder-7@example.org",
    "integrity mismatch (25)": "integrity=mismatch",
    "tag of 3,000": "tag=fraud",
    "no such tag": "tag=nothing",
    "detail, frequent": "detail=wats_user%3DAna+Silva",
    "detail, rare": "detail=lead_id%3D4711",
    "held": "held=yes",
    "not held": "held=no",
    "played by one of 40,000": "played_by=recorder-0@example.org",
    "played by one of 200": "played_by=recorder-1@example.org",
    "reviewed by nobody (95 %)": "reviewed=nobody",
    "an hour of Mondays": "weekday=1&hour_from=9&hour_to=10",
    "an hour of every day": "hour_from=3&hour_to=4",
    "nights": "hour_from=22&hour_to=6",
    "weekends, quarantined": "weekday=6&weekday=7&state=quarantined",
    "hour, calls, month": "hour_from=3&hour_to=4&source=calls&from=2025-02-01&to=2025-03-01",
    "month long ago": "from=2025-02-01&to=2025-03-01",
    "duration over 1 h": "min_minutes=60",
    "duration 3 to 10 min": "min_minutes=3&max_minutes=10",
    "size over 1 GB": "min_mb=1000",
    "size under 1 MB": "max_mb=1",
    "source, kind and tag": "source=calls&kind=audio&tag=vip",
    "nothing fits": "source=calls&kind=video",
    "search: rare word": f"q={NEEDLE}",
    "search: two common words": "q=invoice+silva",
    "search: one in all": "q=example",
    "search: prefix": "q=rec",
    "search: accents": "q=conceicao+joão",
    "search: name and number": "q=PC-0017",
    "search, tag and period": "q=invoice&tag=vip&from=2025-02-01&to=2025-09-01",
    "search: one in all, tag": "q=example&tag=vip",
    "search: one in all, rare tag": "q=example&department=archives",
    "search: frequent, detail": "q=invoice&detail=wats_user%3DAna+Silva",
    "search: longest first": "q=invoice&sort=longest",
}


def measure(get: Callable[[str], bytes], path: str) -> str:
    """ROUNDS requests, in milliseconds. The quickest and the processors' share, PostgreSQL's too,
    tell what it takes on a machine that others use."""
    times, busy = [], []
    for _ in range(ROUNDS):
        begun, worked = time.perf_counter(), processors()
        get(path)
        times.append((time.perf_counter() - begun) * 1000)
        busy.append((processors() - worked) * 1000)
    median, p95 = statistics.median(times), statistics.quantiles(times, n=20)[-1]
    best, cpu = min(times), statistics.median(busy)
    return f"median {median:6.0f}  p95 {p95:6.0f}  quickest {best:6.0f}  processors {cpu:6.0f}"


def processors() -> float:
    """Seconds that this process has worked, and those of PostgreSQL that work for it."""
    took = time.process_time()
    for pid in BACKENDS:
        took += int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    return took


def backends() -> Iterator[int]:
    """The processes of PostgreSQL that this one is connected to, if they are on this machine."""
    if db.engine.dialect.name == "postgresql":
        with db.engine.connect() as connection:
            yield connection.scalar(text("SELECT pg_backend_pid()"))


def sign_in(app: Flask) -> FlaskClient:
    client = app.test_client()
    page = client.get("/login").text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token is not None
    form = {"email": EMAIL, "password": PASSWORD, "csrf_token": token[1]}
    assert client.post("/login", data=form).status_code == 302
    return client


def deep_page(count: int) -> str:
    """The address of the page that begins DEEP rows below the top."""
    query = text("SELECT id FROM recording ORDER BY place DESC LIMIT 1 OFFSET :depth")
    with db.engine.connect() as connection:
        found = connection.scalar(query, {"depth": min(DEEP, count - 1)})
    return f"before={found}"


def report(app: Flask, recordings: int) -> None:
    client = sign_in(app)
    BACKENDS[:] = backends()

    def get(path: str) -> bytes:
        answer = client.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:2000])
        return answer.data

    found = get(f"/recordings?q={NEEDLE}").count(NEEDLE.encode() + b".")
    print(f"the match at row {min(DEEP, recordings - 1)} is {'found' if found else 'NOT FOUND'}")
    print(f"the list page, compressed: {len(gzip.compress(get('/recordings'))) / 1000:.1f} kB")
    deep = {f"page at row {DEEP}": deep_page(recordings)}
    for name, query in (PAGES | deep).items():
        print(f"{name:28} {measure(get, f'/recordings?{query}')}", flush=True)
    print(f"{'start page':28} {measure(get, '/')}", flush=True)
    begun = time.perf_counter()
    lines = get("/recordings/export.csv?state=quarantined").count(b"\n")
    print(f"export of {lines} lines: {time.perf_counter() - begun:.1f} s")


def main() -> None:
    url = sys.argv[1]
    recordings = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    events = int(sys.argv[3]) if len(sys.argv) > 3 else 10 * recordings
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(Settings.from_env({"PORTAL_DATABASE_URL": url, "PORTAL_DATA_DIR": folder}))
        with app.app_context():
            migrate.upgrade(db.engine)
            if not accounts.any_user(db.session):
                accounts.create_user(db.session, EMAIL, "officer", PASSWORD)
                begun = time.perf_counter()
                fill(db.engine, recordings, events)
                print(f"filled in {time.perf_counter() - begun:.0f} s", flush=True)
            report(app, recordings)


if __name__ == "__main__":
    main()
