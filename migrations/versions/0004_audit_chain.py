"""The audit log becomes a chain: numbers without gaps, hashes, a head, seals, and triggers.

What was written before is numbered anew without gaps, in the old order, and chained: from here on
every change of it is found. That nothing was changed earlier, no hash can tell. Going down and up
again makes the same chain, so that the seals outside of the database fit it as before.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"

BATCH = 5000
SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INDEXES = {
    "at_seq": ["at", "seq"],
    "actor_label_at_seq": ["actor_label", "at", "seq"],
    "actor_label_action_at_seq": ["actor_label", "action", "at", "seq"],
    "action_at_seq": ["action", "at", "seq"],
    "object_type_at_seq": ["object_type", "at", "seq"],
    "object_id_at_seq": ["object_id", "at", "seq"],
    "result_at_seq": ["result", "at", "seq"],
    "ip_at_seq": ["ip", "at", "seq"],
    "request_id": ["request_id"],
}
OLD_INDEXES = {"action_at": ["action", "at"], "object_id_seq": ["object_id", "seq"]}


def upgrade() -> None:
    _make_head()
    _make_seals_and_checks()
    _replace_events(hashed=True)
    for name, columns in INDEXES.items():
        op.create_index(f"ix_audit_event_{name}", "audit_event", columns)
    _guard()


def _columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_type", sa.String(length=10), nullable=False),
        sa.Column("actor_id", sa.String(length=36), nullable=True),
        sa.Column("actor_label", sa.String(length=255), nullable=False),
        sa.Column("token_id", sa.String(length=36), nullable=True),
        sa.Column("ip", sa.String(length=45), nullable=True),
        sa.Column("user_agent", sa.String(length=255), nullable=True),
        sa.Column("request_id", sa.String(length=36), nullable=True),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("object_type", sa.String(length=20), nullable=True),
        sa.Column("object_id", sa.String(length=255), nullable=True),
        sa.Column("result", sa.String(length=10), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
    ]


def _make_head() -> None:
    head = op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    op.bulk_insert(head, [{"id": 1, "seq": 0, "hash": "0" * 64}])


def _make_seals_and_checks() -> None:
    op.create_table(
        "audit_seal",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_seal")),
    )
    op.create_table(
        "audit_check",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("asked_by", sa.String(length=255), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("problem", sa.String(length=20), nullable=True),
        sa.Column("bad_seq", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_check")),
    )
    op.create_index("ix_audit_check_ended_at", "audit_check", ["ended_at"])


def _replace_events(hashed: bool) -> None:
    """Make the table anew, with the column `hash` or without it, and fill it from the old one."""
    # The name of a primary key is that of an index, and PostgreSQL has each name once.
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE audit_event RENAME CONSTRAINT pk_audit_event TO pk_audit_event_old")
    for name in OLD_INDEXES if hashed else INDEXES:
        op.drop_index(f"ix_audit_event_{name}", "audit_event")
    op.rename_table("audit_event", "audit_event_old")
    columns = _columns()
    if hashed:
        columns.append(sa.Column("hash", sa.String(length=64), nullable=False))
    made = op.create_table(
        "audit_event",
        sa.Column("seq", SEQ, nullable=False, autoincrement=not hashed),
        *columns,
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_event")),
    )
    (_chain if hashed else _copy)(made)
    op.drop_table("audit_event_old")


def _chain(made: sa.Table) -> None:
    connection, seq, before = op.get_bind(), 0, "0" * 64
    for batch in _old_events():
        for event in batch:
            seq += 1
            event["seq"] = seq
            event["hash"] = before = _link(before, event)
        connection.execute(made.insert(), batch)
    head = sa.table("audit_head", sa.column("seq"), sa.column("hash"))
    connection.execute(head.update().values(seq=seq, hash=before))


def _copy(made: sa.Table) -> None:
    for batch in _old_events():
        op.get_bind().execute(made.insert(), batch)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "SELECT setval(pg_get_serial_sequence('audit_event', 'seq'),"
            " coalesce(max(seq), 0) + 1, false) FROM audit_event"
        )


def _old_events() -> Iterator[list[dict[str, Any]]]:
    """In the order of their numbers, a batch at a time."""
    old = sa.table("audit_event_old", sa.column("seq", SEQ), *_columns())
    query = sa.select(old).order_by(old.c.seq).limit(BATCH)
    last = -1
    while batch := op.get_bind().execute(query.where(old.c.seq > last)).mappings().all():
        last = batch[-1]["seq"]
        yield [dict(each) for each in batch]


def _link(before: str, event: dict[str, Any]) -> str:
    """As portal/core/chain.py computes it; a migration stays what it was."""
    at: datetime = event["at"]
    at = at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)
    text = at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    names = [column.name for column in _columns()]
    values = [event["seq"], text, *(event[name] for name in names[1:])]
    written = json.dumps(values, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(bytes.fromhex(before) + written.encode("ascii")).hexdigest()


SAYS = "The audit log is append-only"
KEPT = ("audit_event", "audit_seal")


def _guard() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()
    else:
        _guard_sqlite()


def _guard_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"RAISE EXCEPTION '{SAYS}: % of % is refused.', TG_OP, TG_TABLE_NAME; END $$"
    )
    refuse = "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()"
    for table in KEPT:
        op.execute(
            f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} {refuse}"
        )
    op.execute(
        f"CREATE TRIGGER audit_head_kept BEFORE INSERT OR DELETE OR TRUNCATE ON audit_head {refuse}"
    )
    op.execute(
        "CREATE TRIGGER audit_head_grows BEFORE UPDATE ON audit_head FOR EACH ROW "
        "WHEN (NEW.seq < OLD.seq) EXECUTE FUNCTION audit_refuse()"
    )


def _guard_sqlite() -> None:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{SAYS}.'); END"
    for table, key in zip(KEPT, ("seq", "id"), strict=True):
        for act in ("UPDATE", "DELETE"):
            op.execute(f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} {refuse}")
        # INSERT OR REPLACE removes a row without asking the trigger of DELETE.
        there = f"EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key})"  # noqa: S608
        op.execute(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {there} {refuse}"
        )
    for act in ("INSERT", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_head_no_{act.lower()} BEFORE {act} ON audit_head {refuse}"
        )
    op.execute(
        "CREATE TRIGGER audit_head_grows BEFORE UPDATE ON audit_head "
        f"WHEN NEW.seq < OLD.seq {refuse}"
    )


def downgrade() -> None:
    # SQLite removes a table's triggers with the table.
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_refuse() CASCADE")
    _replace_events(hashed=False)
    for name, columns in OLD_INDEXES.items():
        op.create_index(f"ix_audit_event_{name}", "audit_event", columns)
    for table in ("audit_check", "audit_seal", "audit_head"):
        op.drop_table(table)
