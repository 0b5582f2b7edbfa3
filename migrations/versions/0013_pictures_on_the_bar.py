"""The sheet of small pictures that a film's seek bar shows; and the sign-in of a play session."""

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"


def upgrade() -> None:
    op.add_column("recording", sa.Column("sprite_key", sa.String(255), nullable=True))
    op.add_column("play_session", sa.Column("login_session_id", sa.String(64), nullable=True))


def downgrade() -> None:
    op.drop_column("play_session", "login_session_id")
    op.drop_column("recording", "sprite_key")
