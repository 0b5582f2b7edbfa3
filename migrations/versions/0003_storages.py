"""Storages by name, the rules that fill them, and where exactly each recording is."""

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"


def upgrade() -> None:
    op.create_table(
        "storage",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("secrets", sa.Text(), nullable=True),
        sa.Column("identity", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_storage")),
    )
    op.create_table(
        "storage_rule",
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("storage_id", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=True),
        sa.Column("kind", sa.String(length=10), nullable=True),
        sa.Column("at_least", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["storage_id"], ["storage.id"], name=op.f("fk_storage_rule_storage_id_storage")
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_storage_rule")),
    )
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.add_column(sa.Column("waits", sa.Integer(), server_default="0", nullable=False))

    with op.batch_alter_table("recording", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("storage_id", sa.String(length=40), server_default="main", nullable=False)
        )
        batch_op.add_column(sa.Column("version_id", sa.Text(), nullable=True))
        batch_op.create_index("ix_recording_storage_id_id", ["storage_id", "id"], unique=False)

    with op.batch_alter_table("upload", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("storage_id", sa.String(length=40), server_default="main", nullable=False)
        )
        batch_op.add_column(
            sa.Column("direct", sa.Boolean(), server_default=sa.false(), nullable=False)
        )


def downgrade() -> None:
    with op.batch_alter_table("upload", schema=None) as batch_op:
        batch_op.drop_column("direct")
        batch_op.drop_column("storage_id")

    with op.batch_alter_table("recording", schema=None) as batch_op:
        batch_op.drop_index("ix_recording_storage_id_id")
        batch_op.drop_column("version_id")
        batch_op.drop_column("storage_id")

    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.drop_column("waits")

    op.drop_table("storage_rule")
    op.drop_table("storage")
