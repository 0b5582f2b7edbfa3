"""Jobs are counted by their state: there is one for each upload that ever was."""

from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"


def upgrade() -> None:
    op.create_index("ix_job_state_ended_at", "job", ["state", "ended_at"])


def downgrade() -> None:
    op.drop_index("ix_job_state_ended_at", "job")
