"""What happened in each hour, as numbers for charts and monitoring."""

import sqlalchemy as sa
from alembic import op

revision: str = "0018"
down_revision: str | None = "0017"


def upgrade() -> None:
    op.create_table(
        "metric_hour",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "hour", "key", name=op.f("pk_metric_hour")),
    )


def downgrade() -> None:
    op.drop_table("metric_hour")
