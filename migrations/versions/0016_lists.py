"""Indexes for the longest first, with those of unknown length at the end, and for outcomes."""

import sqlalchemy as sa
from alembic import op

revision: str = "0016"
down_revision: str | None = "0015"

LONGEST = "ix_recording_duration_ms_place"
OUTCOME = "ix_review_outcome_recording_id"


def upgrade() -> None:
    op.drop_index(LONGEST, "recording")
    op.create_index(LONGEST, "recording", [sa.text("coalesce(duration_ms, -1)"), "place"])
    op.create_index(OUTCOME, "review", ["outcome", "recording_id"])


def downgrade() -> None:
    op.drop_index(OUTCOME, "review")
    op.drop_index(LONGEST, "recording")
    op.create_index(LONGEST, "recording", ["duration_ms", "place"])
