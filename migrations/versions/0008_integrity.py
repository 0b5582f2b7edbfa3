"""Rolling verification: who was verified longest ago, and which verifications were asked for."""

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"

INDEXES = (["verified_at", "id"], ["integrity", "verified_at", "id"])
WITH_BYTES = sa.text("deleted_at IS NULL")


def upgrade() -> None:
    asked = sa.Column("verify_asked_at", sa.DateTime(timezone=True), nullable=True)
    op.add_column("recording", asked)
    op.create_index("ix_recording_verify_asked_at", "recording", ["verify_asked_at"])
    for columns in INDEXES:
        op.create_index(
            f"ix_recording_{'_'.join(columns)}",
            "recording",
            columns,
            sqlite_where=WITH_BYTES,
            postgresql_where=WITH_BYTES,
        )


def downgrade() -> None:
    for columns in INDEXES:
        op.drop_index(f"ix_recording_{'_'.join(columns)}", "recording")
    op.drop_index("ix_recording_verify_asked_at", "recording")
    op.drop_column("recording", "verify_asked_at")
