"""What four wire contracts need: chunks, searchable details, terms, holds, tombstones."""

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"


def upgrade() -> None:
    op.create_table(
        "claim",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("owner_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["user.id"], name=op.f("fk_claim_owner_id_user")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_claim")),
    )
    op.create_table(
        "legal_hold",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("recording_id", sa.String(length=36), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("placed_by", sa.String(length=255), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_by", sa.String(length=255), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["recording_id"], ["recording.id"], name=op.f("fk_legal_hold_recording_id_recording")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_hold")),
    )
    with op.batch_alter_table("legal_hold", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_legal_hold_recording_id"), ["recording_id"], unique=False
        )

    op.create_table(
        "recording_detail",
        sa.Column("recording_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("value", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(
            ["recording_id"],
            ["recording.id"],
            name=op.f("fk_recording_detail_recording_id_recording"),
        ),
        sa.PrimaryKeyConstraint("recording_id", "name", name=op.f("pk_recording_detail")),
    )
    with op.batch_alter_table("recording_detail", schema=None) as batch_op:
        batch_op.create_index(
            "ix_recording_detail_name_value_recording_id",
            ["name", "value", "recording_id"],
            unique=False,
        )

    with op.batch_alter_table("part", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sha256", sa.String(length=64), nullable=True))

    with op.batch_alter_table("recording", schema=None) as batch_op:
        batch_op.add_column(sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("deleted_by", sa.String(length=255), nullable=True))
        batch_op.add_column(sa.Column("deletion_reason", sa.Text(), nullable=True))
        batch_op.create_index("ix_recording_source_id", ["source", "id"], unique=False)

    with op.batch_alter_table("token", schema=None) as batch_op:
        batch_op.add_column(sa.Column("leads", sa.JSON(), server_default="[]", nullable=False))

    with op.batch_alter_table("upload", schema=None) as batch_op:
        batch_op.add_column(sa.Column("token_id", sa.String(length=36), nullable=True))
        batch_op.add_column(
            sa.Column("numbered", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        batch_op.add_column(sa.Column("chunk_size", sa.Integer(), nullable=True))
        batch_op.add_column(
            sa.Column("ends_itself", sa.Boolean(), server_default=sa.true(), nullable=False)
        )
        batch_op.add_column(sa.Column("concat", sa.String(length=10), nullable=True))
        batch_op.add_column(sa.Column("terms", sa.JSON(), server_default="{}", nullable=False))
        batch_op.add_column(sa.Column("idempotency_key", sa.String(length=255), nullable=True))
        batch_op.alter_column("length", existing_type=sa.BIGINT(), nullable=True)
        batch_op.create_index("ix_upload_token_id_state", ["token_id", "state"], unique=False)
        batch_op.create_unique_constraint(
            batch_op.f("uq_upload_owner_id_idempotency_key"), ["owner_id", "idempotency_key"]
        )
    _make_details_searchable()


def _make_details_searchable() -> None:
    """Older recordings are found by what their clients said, too."""
    recording = sa.table("recording", sa.column("id"), sa.column("details", sa.JSON()))
    detail = sa.table(
        "recording_detail", sa.column("recording_id"), sa.column("name"), sa.column("value")
    )
    connection = op.get_bind()
    for recording_id, details in connection.execute(sa.select(recording)).all():
        rows = [
            {"recording_id": recording_id, "name": name[:100], "value": value[:255]}
            for name, value in details.items()
        ]
        if rows:
            connection.execute(detail.insert(), rows)


def downgrade() -> None:
    op.execute('UPDATE upload SET length = "offset" WHERE length IS NULL')
    with op.batch_alter_table("upload", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_upload_owner_id_idempotency_key"), type_="unique")
        batch_op.drop_index("ix_upload_token_id_state")
        batch_op.alter_column("length", existing_type=sa.BIGINT(), nullable=False)
        batch_op.drop_column("idempotency_key")
        batch_op.drop_column("terms")
        batch_op.drop_column("concat")
        batch_op.drop_column("ends_itself")
        batch_op.drop_column("chunk_size")
        batch_op.drop_column("numbered")
        batch_op.drop_column("token_id")

    with op.batch_alter_table("token", schema=None) as batch_op:
        batch_op.drop_column("leads")

    with op.batch_alter_table("recording", schema=None) as batch_op:
        batch_op.drop_index("ix_recording_source_id")
        batch_op.drop_column("deletion_reason")
        batch_op.drop_column("deleted_by")
        batch_op.drop_column("deleted_at")

    with op.batch_alter_table("part", schema=None) as batch_op:
        batch_op.drop_column("sha256")

    with op.batch_alter_table("recording_detail", schema=None) as batch_op:
        batch_op.drop_index("ix_recording_detail_name_value_recording_id")

    op.drop_table("recording_detail")
    with op.batch_alter_table("legal_hold", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_legal_hold_recording_id"))

    op.drop_table("legal_hold")
    op.drop_table("claim")
