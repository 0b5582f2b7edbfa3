"""The owner of a legal case may change while it stands: the database's guard lets that through."""

from alembic import op

revision: str = "0020"
down_revision: str | None = "0019"

KEPT = "Legal holds stay on record, and are released once"
FIXED = ("id", "name", "number", "reason", "query", "placed_by", "placed_at")
OWNER = ("owner_id", "owner_label")


def upgrade() -> None:
    _guard("OLD.released_at IS NOT NULL OR " + _differs(FIXED))


def downgrade() -> None:
    _guard("OLD.released_at IS NOT NULL OR " + _differs(FIXED + OWNER))


def _guard(forged: str) -> None:
    """Refuse such changes of a case, instead of those that were refused before."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER legal_case_released ON legal_case")
        row, refuse = "FOR EACH ROW", "EXECUTE FUNCTION refuse_forged_hold()"
    else:
        op.execute("DROP TRIGGER legal_case_released")
        row, refuse = "", f"BEGIN SELECT RAISE(ABORT, '{KEPT}.'); END"
    op.execute(
        f"CREATE TRIGGER legal_case_released BEFORE UPDATE ON legal_case {row} "
        f"WHEN ({forged}) {refuse}"
    )


def _differs(columns: tuple[str, ...]) -> str:
    """That one of these is changed. As texts: PostgreSQL compares no JSON."""
    differs = "IS DISTINCT FROM" if op.get_bind().dialect.name == "postgresql" else "IS NOT"
    return " OR ".join(
        f"CAST(NEW.{each} AS TEXT) {differs} CAST(OLD.{each} AS TEXT)" for each in columns
    )
