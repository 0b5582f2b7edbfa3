"""Who reaches what: scopes, sessions that can be ended, tries to sign in, tags, departments."""

import unicodedata

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"


def upgrade() -> None:
    _make_login_sessions()
    _make_login_attempts()
    _make_tables_of_tags()
    # Not in batches: those copy the table and drop it, which foreign keys to it forbid on SQLite.
    op.add_column("user", sa.Column("scope", sa.JSON(), server_default="[]", nullable=False))
    op.drop_column("user", "login_epoch")
    # Whoever had an account saw everything, and goes on doing so.
    op.execute("""UPDATE "user" SET scope = '["*"]'""")
    label = sa.Column("label", sa.String(length=100), server_default="", nullable=False)
    op.add_column("token", label)
    op.add_column("token", sa.Column("scope", sa.JSON(), server_default='["*"]', nullable=False))
    op.add_column("token", sa.Column("used_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("recording", sa.Column("department", sa.String(length=64), nullable=True))
    op.create_index("ix_recording_department_id", "recording", ["department", "id"])
    _fill_departments()


def _make_login_sessions() -> None:
    op.create_table(
        "login_session",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ip", sa.String(length=45), nullable=True),
        sa.Column("user_agent", sa.String(length=255), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_login_session_user_id_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_session")),
    )
    op.create_index(op.f("ix_login_session_user_id"), "login_session", ["user_id"])


def _make_login_attempts() -> None:
    op.create_table(
        "login_attempt",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("network", sa.String(length=45), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_attempt")),
    )
    op.create_index("ix_login_attempt_network_at", "login_attempt", ["network", "at"])
    op.create_index("ix_login_attempt_account_at", "login_attempt", ["account", "at"])


def _make_tables_of_tags() -> None:
    op.create_table(
        "tag",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tag")),
        sa.UniqueConstraint("name", name=op.f("uq_tag_name")),
    )
    op.create_table(
        "recording_tag",
        sa.Column("recording_id", sa.String(length=36), nullable=False),
        sa.Column("tag_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["recording_id"], ["recording.id"], name=op.f("fk_recording_tag_recording_id_recording")
        ),
        sa.ForeignKeyConstraint(["tag_id"], ["tag.id"], name=op.f("fk_recording_tag_tag_id_tag")),
        sa.PrimaryKeyConstraint("recording_id", "tag_id", name=op.f("pk_recording_tag")),
    )
    op.create_index(
        "ix_recording_tag_tag_id_recording_id", "recording_tag", ["tag_id", "recording_id"]
    )


def _fill_departments() -> None:
    """As portal/core/labels.py reads them, for the recordings that are there."""
    recording = sa.table(
        "recording",
        sa.column("id"),
        sa.column("details", sa.JSON()),
        sa.column("department"),
    )
    connection = op.get_bind()
    for recording_id, details in connection.execute(
        sa.select(recording.c.id, recording.c.details)
    ).all():
        named = next((details[key] for key in ("department", "departamento") if key in details), "")
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", named).casefold())
        label = " ".join(folded.split())
        if 0 < len(label) <= 64 and label.isprintable():
            connection.execute(
                recording.update().where(recording.c.id == recording_id).values(department=label)
            )


def downgrade() -> None:
    op.drop_index("ix_recording_department_id", "recording")
    op.drop_column("recording", "department")
    for column in ("used_at", "scope", "label"):
        op.drop_column("token", column)
    epoch = sa.Column("login_epoch", sa.Integer(), server_default="1", nullable=False)
    op.add_column("user", epoch)
    op.drop_column("user", "scope")
    for table in ("recording_tag", "tag", "login_attempt", "login_session"):
        op.drop_table(table)
