"""Beside each detail the place of its recording, so that lists by a detail are walked in order."""

import sqlalchemy as sa
from alembic import op

revision: str = "0019"
down_revision: str | None = "0018"

OLD = "ix_recording_detail_name_value_recording_id"
NEW = "ix_recording_detail_name_value_place"


def upgrade() -> None:
    place = sa.Column("place", sa.BigInteger(), server_default="0", nullable=False)
    op.add_column("recording_detail", place)
    op.execute(
        "UPDATE recording_detail SET place = "
        "(SELECT recording.place FROM recording WHERE recording.id = recording_id)"
    )
    op.create_index(NEW, "recording_detail", ["name", "value", "place"])
    op.drop_index(OLD, "recording_detail")


def downgrade() -> None:
    op.create_index(OLD, "recording_detail", ["name", "value", "recording_id"])
    op.drop_index(NEW, "recording_detail")
    op.drop_column("recording_detail", "place")
