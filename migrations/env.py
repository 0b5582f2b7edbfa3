"""Alembic's entry point: runs migrations on the connection that portal/migrate.py hands over."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from portal.core.models import Base, UTCDateTime


def plain_type(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Migrations outlive the models: they name no class of ours."""
    if kind == "type" and isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def is_ours(name: str | None, kind: str, parents: Any) -> bool:
    """No model has the full-text table and what SQLite keeps beside it: see core/search.py."""
    return kind != "table" or not (name or "").startswith("recording_words")


def run() -> None:
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        # SQLite cannot alter a column in place; batch mode copies the table.
        render_as_batch=connection.dialect.name == "sqlite",
        render_item=plain_type,
        include_name=is_ours,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
