"""Each recording's place in lists, indexes that go by it, and the words it is found by."""

import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"

BATCH = 1000
LONGEST = 20_000
OLD = ("state", "source", "owner_id", "storage_id", "department")
NEW = (*OLD, "kind", "integrity", "token_id", "duration_ms", "size")
TABLE = {
    "sqlite": "CREATE VIRTUAL TABLE recording_words USING fts5("
    "words, notes, prefix='2 3', tokenize='unicode61 remove_diacritics 2')",
    "postgresql": "CREATE TABLE recording_words (rowid BIGINT PRIMARY KEY, words tsvector)",
}
PUT = {
    "sqlite": "INSERT INTO recording_words (rowid, words, notes) VALUES (:rowid, :words, :notes)",
    "postgresql": "INSERT INTO recording_words (rowid, words) VALUES (:rowid, "
    "setweight(CAST(:words AS tsvector), 'A') || CAST(:notes AS tsvector))",
}


def upgrade() -> None:
    # Not in batches: those copy the table and drop it, which foreign keys to it forbid on SQLite.
    place = sa.Column("place", sa.BigInteger(), server_default="0", nullable=False)
    op.add_column("recording", place)
    op.add_column("recording", sa.Column("token_id", sa.String(length=36), nullable=True))
    op.execute(
        "UPDATE recording SET token_id = "
        "(SELECT upload.token_id FROM upload WHERE upload.id = recording.id)"
    )
    _put_into_place()
    op.create_index("ix_recording_place", "recording", ["place"], unique=True)
    for column in OLD:
        op.drop_index(f"ix_recording_{column}_id", "recording")
    for column in NEW:
        op.create_index(f"ix_recording_{column}_place", "recording", [column, "place"])
    op.create_index("ix_recording_source_kind_place", "recording", ["source", "kind", "place"])
    _make_searchable()


def _recording() -> Any:
    names = ("id", "place", "filename", "owner_label", "source", "department", "sha256")
    typed = (sa.column("received_at", sa.DateTime(timezone=True)), sa.column("details", sa.JSON()))
    return sa.table("recording", *(sa.column(name) for name in names), *typed)


def _batches(query: Any) -> Iterable[list[Any]]:
    """Rows of a query whose first column is the key, so many at a time."""
    key, last = query.selected_columns[0], None
    while True:
        here = query if last is None else query.where(key > last)
        rows = op.get_bind().execute(here.order_by(key).limit(BATCH)).all()
        if not rows:
            return
        yield rows
        last = rows[-1][0]


def _put_into_place() -> None:
    """When it was received, in microseconds since 1970; who has the same is moved on by one."""
    recording, taken = _recording(), set()
    change = recording.update().where(recording.c.id == sa.bindparam("key"))
    change = change.values(place=sa.bindparam("put"))
    for rows in _batches(sa.select(recording.c.id, recording.c.received_at)):
        found = []
        for key, received_at in rows:
            since = received_at.replace(tzinfo=received_at.tzinfo or UTC)
            place = (since - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
            while place in taken:
                place += 1
            taken.add(place)
            found.append({"key": key, "put": place})
        op.get_bind().execute(change, found)


def _make_searchable() -> None:
    """As portal/core/search.py does it."""
    bind = op.get_bind()
    op.execute(TABLE[bind.dialect.name])
    recording, tags, notes = _recording(), _of(TAGS), _of(NOTES)
    said = sa.select(
        recording.c.place,
        recording.c.id,
        recording.c.filename,
        recording.c.owner_label,
        recording.c.source,
        recording.c.department,
        recording.c.sha256,
        recording.c.details,
    )
    for rows in _batches(said):
        found = [
            {
                "rowid": row.place,
                "words": _words((*row[1:7], *row.details.values(), *tags(row.id)), bind),
                "notes": _words(notes(row.id), bind),
            }
            for row in rows
        ]
        bind.execute(sa.text(PUT[bind.dialect.name]), found)
    if bind.dialect.name == "postgresql":
        op.execute("CREATE INDEX ix_recording_words_words ON recording_words USING gin (words)")


TAGS = "SELECT name FROM tag JOIN recording_tag ON tag_id = tag.id WHERE recording_id = :id"
NOTES = "SELECT text FROM note WHERE shared AND recording_id = :id ORDER BY id"


def _of(query: str) -> Any:
    return lambda recording_id: op.get_bind().scalars(sa.text(query), {"id": recording_id}).all()


def _words(texts: Iterable[Any], bind: Any) -> str:
    said = unicodedata.normalize("NFKD", " ".join(str(each or "") for each in texts).casefold())
    kinds = ((each, unicodedata.category(each)[0]) for each in said)
    plain = "".join(each if kind in "LN" else " " for each, kind in kinds if kind != "M")
    words = " ".join(plain.split())[:LONGEST]
    if bind.dialect.name == "sqlite":
        return words
    return " ".join(f"'{word[:500]}':{at}" for at, word in enumerate(words.split(), 1))


def downgrade() -> None:
    op.execute("DROP TABLE recording_words")
    op.drop_index("ix_recording_source_kind_place", "recording")
    for column in NEW:
        op.drop_index(f"ix_recording_{column}_place", "recording")
    for column in OLD:
        op.create_index(f"ix_recording_{column}_id", "recording", [column, "id"])
    op.drop_index("ix_recording_place", "recording")
    op.drop_column("recording", "token_id")
    op.drop_column("recording", "place")
