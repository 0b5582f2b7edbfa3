"""Whether anybody has reviewed a recording, on its row; and the holds that stand, in an index."""

import sqlalchemy as sa
from alembic import op

revision: str = "0021"
down_revision: str | None = "0020"

REVIEWED = "ix_recording_reviewed_place"
STANDING = "ix_legal_hold_standing"
STANDS = {name: sa.text("released_at IS NULL") for name in ("sqlite_where", "postgresql_where")}


def upgrade() -> None:
    reviewed = sa.Column("reviewed", sa.Boolean(), server_default=sa.false(), nullable=False)
    op.add_column("recording", reviewed)
    recording = sa.table("recording", sa.column("id"), sa.column("reviewed", sa.Boolean()))
    marks = sa.select(sa.table("review", sa.column("recording_id")).c.recording_id)
    op.execute(sa.update(recording).where(recording.c.id.in_(marks)).values(reviewed=True))
    op.create_index(REVIEWED, "recording", ["reviewed", "place"])
    op.create_index(STANDING, "legal_hold", ["recording_id"], **STANDS)


def downgrade() -> None:
    op.drop_index(STANDING, "legal_hold")
    op.drop_index(REVIEWED, "recording")
    op.drop_column("recording", "reviewed")
