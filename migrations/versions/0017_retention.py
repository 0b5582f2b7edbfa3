"""Retention: rules in versions, runs, the clock, and when each recording is to be deleted."""

import sqlalchemy as sa
from alembic import op

revision: str = "0017"
down_revision: str | None = "0016"

WITH_BYTES = sa.text("deleted_at IS NULL")
INDEXES = (["delete_at", "place"], ["purge_at", "place"], ["planned_policy"])
TIMES = ("delete_at", "marked_at", "purge_at")


def upgrade() -> None:
    _create_policies()
    _create_runs()
    _create_heartbeat()
    for name in TIMES:
        moment = sa.Column(name, sa.DateTime(timezone=True), nullable=True)
        op.add_column("recording", moment)
    policy = sa.Column("planned_policy", sa.Integer(), server_default="0", nullable=False)
    op.add_column("recording", policy)
    op.add_column("recording", sa.Column("marked_rule", sa.String(length=100), nullable=True))
    op.add_column("recording", sa.Column("marked_policy", sa.Integer(), nullable=True))
    for columns in INDEXES:
        name = f"ix_recording_{'_'.join(columns)}"
        where = {"sqlite_where": WITH_BYTES, "postgresql_where": WITH_BYTES}
        op.create_index(name, "recording", columns, **where)


def _create_policies() -> None:
    op.create_table(
        "retention_policy",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("made_by", sa.String(length=255), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("approval_id", sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(
            ["approval_id"], ["approval.id"], name=op.f("fk_retention_policy_approval_id_approval")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_retention_policy")),
    )
    op.create_table(
        "retention_rule",
        sa.Column("policy", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=True),
        sa.Column("kind", sa.String(length=10), nullable=True),
        sa.Column("tag", sa.String(length=64), nullable=True),
        sa.Column("department", sa.String(length=64), nullable=True),
        sa.Column("min_size", sa.BigInteger(), nullable=True),
        sa.Column("max_size", sa.BigInteger(), nullable=True),
        sa.Column("keep_days", sa.Integer(), nullable=True),
        sa.Column("delete_days", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["policy"],
            ["retention_policy.number"],
            name=op.f("fk_retention_rule_policy_retention_policy"),
        ),
        sa.PrimaryKeyConstraint("policy", "position", name=op.f("pk_retention_rule")),
    )


def _create_runs() -> None:
    op.create_table(
        "retention_run",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("policy", sa.Integer(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("looked", sa.Integer(), nullable=False),
        sa.Column("marked", sa.Integer(), nullable=False),
        sa.Column("unmarked", sa.Integer(), nullable=False),
        sa.Column("purged", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("blocked", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention_run")),
    )


def _create_heartbeat() -> None:
    op.create_table(
        "heartbeat",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("steady_since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_heartbeat")),
    )


def downgrade() -> None:
    for columns in INDEXES:
        op.drop_index(f"ix_recording_{'_'.join(columns)}", "recording")
    for name in (*TIMES, "planned_policy", "marked_rule", "marked_policy"):
        op.drop_column("recording", name)
    for table in ("heartbeat", "retention_run", "retention_rule", "retention_policy"):
        op.drop_table(table)
