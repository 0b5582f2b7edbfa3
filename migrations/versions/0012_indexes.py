"""Indexes for who played a recording, and for the events that administrators read."""

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"

PLAYED = "ix_play_session_user_id_recording_id"
OF_SYSTEM = sa.text("coalesce(object_type, '') != 'recording'")


def upgrade() -> None:
    op.create_index(PLAYED, "play_session", ["user_id", "recording_id"])
    op.drop_index("ix_play_session_user_id_id", "play_session")
    for column in ("action", "result"):
        op.create_index(
            f"ix_audit_event_system_{column}_at_seq",
            "audit_event",
            [column, "at", "seq"],
            sqlite_where=OF_SYSTEM,
            postgresql_where=OF_SYSTEM,
        )


def downgrade() -> None:
    for column in ("action", "result"):
        op.drop_index(f"ix_audit_event_system_{column}_at_seq", "audit_event")
    op.create_index("ix_play_session_user_id_id", "play_session", ["user_id", "id"])
    op.drop_index(PLAYED, "play_session")
