"""Tests of storages, and jobs in the order of their starts."""

import sqlalchemy as sa
from alembic import op

revision: str = "0015"
down_revision: str | None = "0014"

INDEXES = (["started_at", "id"], ["state", "started_at", "id"], ["kind", "started_at", "id"])


def upgrade() -> None:
    op.create_table(
        "storage_check",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("storage_id", sa.String(length=40), nullable=False),
        sa.Column("asked_by", sa.String(length=255), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("objects", sa.BigInteger(), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_storage_check")),
    )
    op.create_index("ix_storage_check_storage_id_id", "storage_check", ["storage_id", "id"])
    for columns in INDEXES:
        op.create_index(f"ix_job_{'_'.join(columns)}", "job", columns)


def downgrade() -> None:
    for columns in INDEXES:
        op.drop_index(f"ix_job_{'_'.join(columns)}", "job")
    op.drop_table("storage_check")
