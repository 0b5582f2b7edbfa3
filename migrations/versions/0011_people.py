"""Passwords to be changed at once; tokens that rest, and work from some networks only."""

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"


def upgrade() -> None:
    # Not in batches: those copy the table and drop it.
    op.add_column("token", sa.Column("networks", sa.JSON(), server_default="[]", nullable=False))
    op.add_column("token", sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True))
    must_change = sa.Column("must_change", sa.Boolean(), server_default=sa.false(), nullable=False)
    op.add_column("user", must_change)


def downgrade() -> None:
    op.drop_column("user", "must_change")
    op.drop_column("token", "disabled_at")
    op.drop_column("token", "networks")
