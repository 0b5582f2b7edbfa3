"""The tables of where bytes are kept, and of which recordings go where."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.models.tables import Base, Id

StorageId = String(40)


class Storage(Base):
    """A place that keeps bytes. `main` and `staging` are opened by the settings, the others by
    what stands here: `secrets` are encrypted, and read by nobody who has only the database.

    `identity` stands in the place itself, too: so no other place is ever taken for this one.
    """

    __tablename__ = "storage"

    id: Mapped[str] = mapped_column(StorageId, primary_key=True)
    url: Mapped[str] = mapped_column(Text)
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)
    secrets: Mapped[str | None] = mapped_column(Text)
    identity: Mapped[str] = mapped_column(Id)
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class StorageRule(Base):
    """Recordings like this go there; the lowest position that fits decides. What is None fits
    everything; `at_least` is in bytes."""

    __tablename__ = "storage_rule"

    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    storage_id: Mapped[str] = mapped_column(ForeignKey("storage.id"))
    source: Mapped[str | None] = mapped_column(String(20))
    kind: Mapped[str | None] = mapped_column(String(10))
    at_least: Mapped[int | None] = mapped_column(BigInteger)
