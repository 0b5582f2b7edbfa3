"""Who played a recording is asked of each one in a list: its index goes on with the recording."""

from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"


def upgrade() -> None:
    op.create_index(
        "ix_play_session_user_id_recording_id", "play_session", ["user_id", "recording_id"]
    )
    op.drop_index("ix_play_session_user_id_id", "play_session")


def downgrade() -> None:
    op.create_index("ix_play_session_user_id_id", "play_session", ["user_id", "id"])
    op.drop_index("ix_play_session_user_id_recording_id", "play_session")
