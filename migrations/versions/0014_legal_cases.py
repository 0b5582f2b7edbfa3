"""Legal holds as cases, and the database's own guard over what they hold."""

import uuid

import sqlalchemy as sa
from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"


def upgrade() -> None:
    op.create_table(
        "legal_case",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("number", sa.String(length=100), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.String(length=36), nullable=True),
        sa.Column("owner_label", sa.String(length=255), nullable=False),
        sa.Column("placed_by", sa.String(length=255), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("review_on", sa.Date(), nullable=True),
        sa.Column("query", sa.JSON(), nullable=True),
        sa.Column("future", sa.Boolean(), nullable=False),
        sa.Column("released_by", sa.String(length=255), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approval_id", sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(
            ["approval_id"], ["approval.id"], name=op.f("fk_legal_case_approval_id_approval")
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["user.id"], name=op.f("fk_legal_case_owner_id_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_case")),
    )
    with op.batch_alter_table("legal_hold") as table:
        table.add_column(sa.Column("case_id", sa.String(length=36), nullable=True))
        table.add_column(sa.Column("approval_id", sa.String(length=36), nullable=True))
    _each_a_case()
    with op.batch_alter_table("legal_hold") as table:
        table.drop_constraint("pk_legal_hold", type_="primary")
        table.drop_column("id")
        table.alter_column("case_id", existing_type=sa.String(length=36), nullable=False)
        table.create_primary_key("pk_legal_hold", ["case_id", "recording_id"])
        for column, other in (("case_id", "legal_case"), ("approval_id", "approval")):
            name = f"fk_legal_hold_{column}_{other}"
            table.create_foreign_key(name, other, [column], ["id"])
    _guard()


def _each_a_case() -> None:
    """The holds that are there: each is a case with its own reason, and the same id."""
    op.execute(
        "INSERT INTO legal_case (id, name, reason, owner_label, placed_by, placed_at, future, "
        "released_by, released_at) SELECT id, substr(reason, 1, 255), reason, placed_by, "
        "placed_by, placed_at, false, released_by, released_at FROM legal_hold"
    )
    op.execute("UPDATE legal_hold SET case_id = id")


HELD = "A legal hold stands on this recording"
KEPT = "Legal holds stay on record, and are released once"
BYTES = ("id", "key", "sha256", "version_id", "storage_id")
FIXED = {
    "legal_case": ("id", "name", "number", "reason", "owner_id", "owner_label", "query"),
    "legal_hold": ("case_id", "recording_id", "reason"),
}
PLACED = ("placed_by", "placed_at")
STANDS = "EXISTS (SELECT 1 FROM legal_hold WHERE recording_id = OLD.id AND released_at IS NULL)"


def _guard() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()
    else:
        _guard_sqlite()


def _differs(columns: tuple[str, ...]) -> str:
    """That one of these is changed. As texts: PostgreSQL compares no JSON."""
    differs = "IS DISTINCT FROM" if op.get_bind().dialect.name == "postgresql" else "IS NOT"
    return " OR ".join(
        f"CAST(NEW.{each} AS TEXT) {differs} CAST(OLD.{each} AS TEXT)" for each in columns
    )


def _destroys() -> str:
    """That a change of a recording takes its bytes away, or calls them gone."""
    goes = "NEW.state IN ('purging', 'deleted') AND NEW.state <> OLD.state"
    return f"({goes}) OR {_differs(BYTES)}"


def _forges(table: str) -> str:
    """That a change is more than the release, which comes once. Of a case, the day of its review
    and whether it goes on to take recordings in may be changed as well."""
    also = " OR NEW.released_at IS NULL" if table == "legal_hold" else ""
    return f"OLD.released_at IS NOT NULL OR {_differs(FIXED[table] + PLACED)}{also}"


def _guard_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION refuse_held() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {STANDS} THEN RAISE EXCEPTION '{HELD}: % is refused.', TG_OP; END IF; "
        "IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$"
    )
    op.execute(
        "CREATE FUNCTION refuse_forged_hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"RAISE EXCEPTION '{KEPT}: % of % is refused.', TG_OP, TG_TABLE_NAME; END $$"
    )
    row = "ON recording FOR EACH ROW"
    op.execute(f"CREATE TRIGGER recording_held BEFORE DELETE {row} EXECUTE FUNCTION refuse_held()")
    op.execute(
        f"CREATE TRIGGER recording_held_bytes BEFORE UPDATE {row} WHEN ({_destroys()}) "
        "EXECUTE FUNCTION refuse_held()"
    )
    refuse = "EXECUTE FUNCTION refuse_forged_hold()"
    for table in FIXED:
        op.execute(
            f"CREATE TRIGGER {table}_kept BEFORE DELETE OR TRUNCATE ON {table} "
            f"FOR EACH STATEMENT {refuse}"
        )
        op.execute(
            f"CREATE TRIGGER {table}_released BEFORE UPDATE ON {table} FOR EACH ROW "
            f"WHEN ({_forges(table)}) {refuse}"
        )


def _guard_sqlite() -> None:
    held = f"BEGIN SELECT RAISE(ABORT, '{HELD}.'); END"
    op.execute(f"CREATE TRIGGER recording_held BEFORE DELETE ON recording WHEN {STANDS} {held}")
    op.execute(
        "CREATE TRIGGER recording_held_bytes BEFORE UPDATE ON recording "
        f"WHEN ({_destroys()}) AND {STANDS} {held}"
    )
    # INSERT OR REPLACE removes a row without asking the trigger of DELETE.
    replaces = STANDS.replace("OLD", "NEW")
    op.execute(
        f"CREATE TRIGGER recording_held_row BEFORE INSERT ON recording WHEN {replaces} {held}"
    )
    kept = f"BEGIN SELECT RAISE(ABORT, '{KEPT}.'); END"
    for table, same in (
        ("legal_case", "id = NEW.id"),
        ("legal_hold", "case_id = NEW.case_id AND recording_id = NEW.recording_id"),
    ):
        there = f"EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608
        op.execute(f"CREATE TRIGGER {table}_kept BEFORE DELETE ON {table} {kept}")
        op.execute(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {there} {kept}"
        )
        op.execute(
            f"CREATE TRIGGER {table}_released BEFORE UPDATE ON {table} WHEN {_forges(table)} {kept}"
        )


def _unguard() -> None:
    """A table that is dropped takes its triggers along; those of recordings stay."""
    on = " ON recording" if op.get_bind().dialect.name == "postgresql" else ""
    for name in ("recording_held", "recording_held_bytes", "recording_held_row"):
        op.execute(f"DROP TRIGGER IF EXISTS {name}{on}")
    for table in FIXED:
        for name in ("kept", "no_replace", "released"):
            of = on and f" ON {table}"
            op.execute(f"DROP TRIGGER IF EXISTS {table}_{name}{of}")
    if on:
        op.execute("DROP FUNCTION refuse_held()")
        op.execute("DROP FUNCTION refuse_forged_hold()")


def downgrade() -> None:
    _unguard()
    with op.batch_alter_table("legal_hold") as table:
        table.add_column(sa.Column("id", sa.String(length=36), nullable=True))
    holds = sa.table("legal_hold", *(sa.column(name) for name in ("id", "case_id", "recording_id")))
    bind = op.get_bind()
    for row in bind.execute(sa.select(holds.c.case_id, holds.c.recording_id)).all():
        one = (holds.c.case_id == row.case_id) & (holds.c.recording_id == row.recording_id)
        bind.execute(holds.update().where(one).values(id=str(uuid.uuid4())))
    with op.batch_alter_table("legal_hold") as table:
        table.drop_constraint("pk_legal_hold", type_="primary")
        table.drop_column("case_id")
        table.drop_column("approval_id")
        table.alter_column("id", existing_type=sa.String(length=36), nullable=False)
        table.create_primary_key("pk_legal_hold", ["id"])
    op.drop_table("legal_case")
