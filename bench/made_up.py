"""A database full of recordings and events that never were, in seconds rather than in days.

Rows go straight into the tables, in batches; they look like those of a call centre over two years.
The same number makes the same rows.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Engine, text

from portal.core.models import AuditEvent, place_at
from portal.core.search import words_of, written

BEGUN = datetime(2025, 1, 1, tzinfo=UTC)
EVERY = timedelta(seconds=60)
BATCH = 20_000
NEEDLE = "quetzalcoatl"
DEEP = 900_000
"""The needle is the file name of the recording that so many newer ones precede."""
SOURCES = ("calls",) * 60 + ("sessions",) * 25 + ("tus",) * 10 + ("chunks",) * 4 + ("resumable",)
DEPARTMENTS = ("sales", "support", "claims", "billing", "retention", "fraud", "back office")
SUBJECTS = ("invoice", "refund", "contract", "renewal", "complaint", "transfer", "delivery")
FIRST = ("Ana", "João", "Zoë", "Marcos", "Luísa", "Pedro", "Inês", "Rui", "Carla", "Tomás")
LAST = ("Silva", "Souza", "Almeida", "Conceição", "Ferreira", "Gonçalves", "Lima", "Rocha")
TAGS = ("complaint", "fraud", "vip", "training", *(f"campaign {number}" for number in range(200)))
OWNERS = 40
Row = dict[str, Any]
INSERTED = {
    "upload": 'id owner_id owner_label dialect state filename "offset" generation details wire '
    "created_at progress_at expires_at",
    "recording": "id owner_id owner_label token_id source department state filename details "
    "received_at place available_at storage_id key size sha256 sha256_declared kind duration_ms "
    "integrity verified_at reviewed",
    "recording_detail": "recording_id name value place",
    "recording_tag": "recording_id tag_id",
    "legal_hold": "case_id recording_id reason placed_by placed_at",
    "play_session": "id secret_hash recording_id user_id user_label started_at seen_at told_at "
    "ended_at sent heard size",
    "review": "recording_id user_id user_label at",
    "legal_case": "id name reason owner_label placed_by placed_at future",
}
CASE: Row = {
    "id": "01900000-0000-7000-8000-0000000ca5e0",
    "name": "Silva against Souza",
    "reason": "a case",
    "owner_label": "olga@example.org",
    "placed_by": "olga@example.org",
    "placed_at": BEGUN,
    "future": False,
}
"""Of which every recording is that is held."""
WORDS = {
    "sqlite": "INSERT INTO recording_words (rowid, words) VALUES (:place, :words)",
    "postgresql": "INSERT INTO recording_words "
    "VALUES (:place, setweight(CAST(:words AS tsvector), 'A'))",
}
EVENTS = """
INSERT INTO audit_event (seq, at, actor_type, actor_label, ip, request_id, action, object_type,
                         object_id, result, details, hash)
SELECT {first} + n, {at}, 'user', 'user-' || (n % 997) || '@example.org', '192.0.2.' || (n % 251),
       'request-' || n, CASE WHEN n % 10 < 6 THEN 'recording.view' WHEN n % 10 < 9
       THEN 'upload.created' WHEN n % 5000 = 9 THEN 'hold.placed' ELSE 'auth.login' END,
       CASE WHEN n % 10 < 6 THEN 'recording' ELSE 'upload' END, 'object-' || (n % 99991),
       CASE WHEN n % 1000 = 0 THEN 'denied' ELSE 'ok' END, '{{"n": 1}}', '{hash}'
FROM {numbers}
"""


def fill(engine: Engine, recordings: int, events: int) -> None:
    """So many of each, into a migrated database without any."""
    with engine.begin() as connection:
        people = list(_people(connection))
        connection.execute(
            text("INSERT INTO tag (id, name) VALUES (:id, :name)"),
            [{"id": _id(number), "name": name} for number, name in enumerate(TAGS)],
        )
        _put(connection, "legal_case", [CASE])
    made = (_recording(number, recordings, people) for number in range(recordings))
    while batch := list(islice(made, BATCH)):
        with engine.begin() as connection:
            _insert(connection, batch)
    if events:
        make_events(engine, events)
    _count_values(engine)


def _id(number: int) -> str:
    return str(uuid.UUID(int=(0x0190 << 112) + (7 << 76) + (8 << 60) + number))


def _people(connection: Connection) -> Iterator[tuple[str, str]]:
    put = text(
        'INSERT INTO "user" (id, email, role, password_hash, active, scope, created_at) '
        "VALUES (:id, :email, 'uploader', 'x', true, '[]', :at)"
    )
    for number in range(OWNERS):
        person = _id(10**6 + number), f"recorder-{number}@example.org"
        connection.execute(put, {"id": person[0], "email": person[1], "at": BEGUN.isoformat(" ")})
        yield person


def _recording(number: int, count: int, people: Sequence[tuple[str, str]]) -> Row:
    """Everything of one recording: its rows by table, and its words."""
    dice = random.Random(number)  # noqa: S311 made up, and the same each time
    at, owner = BEGUN + number * EVERY, dice.choice(people)
    said = {
        "wats_user": f"{dice.choice(FIRST)} {dice.choice(LAST)}",
        "machine": f"PC-{dice.randrange(900):04}",
        "lead_id": str(dice.randrange(100_000)),
    }
    subject, source = dice.choice(SUBJECTS), dice.choice(SOURCES)
    name = NEEDLE if number == max(count - DEEP - 1, 0) else f"{source}-{subject}-{number}"
    state = dice.choices(("ready", "quarantined", "deleted"), (970, 5, 25))[0]
    tags = [dice.randrange(len(TAGS))] if dice.random() < 0.3 else []
    row = {
        "id": _id(10**7 + number),
        "owner_id": owner[0],
        "owner_label": owner[1],
        "token_id": owner[0],
        "source": source,
        "department": dice.choice(DEPARTMENTS) if number % 50_000 else "archives",
        "state": state,
        "filename": f"{name}.{'wav' if source == 'calls' else 'mp4'}",
        "details": json.dumps(said),
        "received_at": at,
        "place": place_at(at),
        "available_at": at,
        "storage_id": "main" if number % 10 else "archive",
        "key": f"recordings/made-up/{number}",
        "size": int(dice.lognormvariate(15, 1.5)),
        "sha256": f"{number:064x}",
        "sha256_declared": True,
        "kind": None if state == "quarantined" else "audio" if source == "calls" else "video",
        "duration_ms": None if state == "quarantined" else int(dice.lognormvariate(12, 1)),
        "integrity": "ok" if number % 40_000 else "mismatch",
        "verified_at": at,
    }
    plays = people[0] if number % 25 == 3 else people[1] if number % 5000 == 7 else None
    reviews = people[2] if number % 20 == 1 else None
    held = number % 2000 == 1
    row |= {"said": said, "tags": tags, "held": held, "plays": plays, "reviews": reviews}
    return row | {"reviewed": reviews is not None}


def _insert(connection: Connection, batch: Sequence[Row]) -> None:
    _put(connection, "upload", [_upload(row) for row in batch])
    _put(connection, "recording", batch)
    for table, rows in (
        ("recording_detail", [each for row in batch for each in _details(row)]),
        ("recording_tag", [each for row in batch for each in _tags(row)]),
        ("legal_hold", [_hold(row) for row in batch if row["held"]]),
        ("play_session", [_play(row) for row in batch if row["plays"]]),
        ("review", [_person("reviews", row) for row in batch if row["reviews"]]),
    ):
        _put(connection, table, rows)
    dialect = connection.dialect.name
    words = [{"place": row["place"], "words": written(_words(row), dialect)} for row in batch]
    connection.execute(text(WORDS[dialect]), words)


def _put(connection: Connection, table: str, rows: Sequence[Row]) -> None:
    names = INSERTED[table].split()
    columns = ", ".join(names)
    names = [name.strip('"') for name in names]
    values = ", ".join(f":{name}" for name in names)
    kept = [{name: _plain(row[name]) for name in names} for row in rows]
    if kept:
        put = f"INSERT INTO {table} ({columns}) VALUES ({values})"  # noqa: S608
        connection.execute(text(put), kept)


def _plain(value: Any) -> Any:
    """As both databases take it: SQLite keeps times as text, in UTC."""
    return f"{value:%Y-%m-%d %H:%M:%S.%f}+00" if isinstance(value, datetime) else value


def _upload(row: Row) -> Row:
    at = row["received_at"]
    more = {
        "dialect": row["source"],
        "state": "done",
        "offset": row["size"],
        "generation": 0,
        "wire": "{}",
    }
    return row | more | {"generation": 0, "created_at": at, "progress_at": at, "expires_at": at}


def _details(row: Row) -> Iterator[Row]:
    for name, value in row["said"].items():
        yield {
            "recording_id": row["id"],
            "name": name,
            "value": value,
            "place": row["place"],
        }


def _tags(row: Row) -> Iterator[Row]:
    for each in row["tags"]:
        yield {"recording_id": row["id"], "tag_id": _id(each)}


def _hold(row: Row) -> Row:
    return CASE | {"case_id": CASE["id"], "recording_id": row["id"]}


def _person(act: str, row: Row) -> Row:
    user_id, label = row[act]
    at = row["received_at"]
    return {"recording_id": row["id"], "user_id": user_id, "user_label": label, "at": at}


def _play(row: Row) -> Row:
    at, size = row["received_at"], row["size"]
    times = {"started_at": at, "seen_at": at, "told_at": at, "ended_at": at}
    bytes_sent = {"sent": f"[[0, {size}]]", "heard": "[]", "size": size}
    own = {"id": row["id"], "secret_hash": row["sha256"]}
    return _person("plays", row) | own | times | bytes_sent


def _words(row: Row) -> str:
    known = [row[name] for name in ("id", "filename", "owner_label", "source", "department")]
    tags = [TAGS[each] for each in row["tags"]]
    return words_of([*known, row["sha256"], *row["said"].values(), *tags])


def make_events(engine: Engine, count: int) -> None:
    """So many events without a chain, ten a second since 2025.

    Indexes are made afterwards, which is quicker.
    """
    sqlite = engine.dialect.name == "sqlite"
    numbers = f"generate_series(1, {count}) AS n"
    at = "timestamptz '2025-01-01' + n * interval '100 milliseconds'"
    if sqlite:
        upwards = f"SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {count}"  # noqa: S608
        numbers = f"(WITH RECURSIVE c(n) AS ({upwards}) SELECT n FROM c)"  # noqa: S608
        at = "strftime('%Y-%m-%d %H:%M:%f', 1735689600 + n / 10.0, 'unixepoch') || '000'"
    # As migrations have made them: of two that serve alike, SQLite takes the younger one.
    indexes = sorted(AuditEvent.__table__.indexes, key=lambda each: "system" in str(each.name))
    with engine.begin() as connection:
        for index in indexes:
            index.drop(connection)
        first = connection.scalar(text("SELECT seq FROM audit_head"))
        made = EVENTS.format(first=first, at=at, hash="0" * 64, numbers=numbers)
        connection.exec_driver_sql(made if sqlite else made.replace("%", "%%"))
        connection.execute(text("UPDATE audit_head SET seq = seq + :more"), {"more": count})
        for index in indexes:
            index.create(connection)
    _count_values(engine)


def _count_values(engine: Engine) -> None:
    """As PostgreSQL does by itself after a while. Nobody does it for SQLite."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))
