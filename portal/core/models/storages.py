"""The tables of where bytes are kept, whether that works, and of which recordings go where."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.models.tables import Base, Id, Name, new_id

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


class StorageCheck(Base):
    """One test of a storage: asked for, or done with its steps: [name, milliseconds, problem].

    `objects` and `bytes`: the recordings that the database has in it, counted then.
    """

    __tablename__ = "storage_check"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    storage_id: Mapped[str] = mapped_column(StorageId)
    asked_by: Mapped[str] = mapped_column(Name)
    asked_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    steps: Mapped[list[Any]] = mapped_column(JSON, default=list)
    problem: Mapped[str | None] = mapped_column(Text)
    objects: Mapped[int | None] = mapped_column(BigInteger)
    bytes: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = (Index("ix_storage_check_storage_id_id", "storage_id", "id"),)
