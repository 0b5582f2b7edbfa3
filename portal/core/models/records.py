"""The tables of what was done: the audit log, and the bookkeeping of jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Index,
    Integer,
    String,
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.models.tables import Base, Id, Name


class AuditEvent(Base):
    """Who did what to which thing. Rows are only ever added; nothing points at them."""

    __tablename__ = "audit_event"

    # SQLite counts up by itself only for INTEGER.
    seq: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True
    )
    at: Mapped[datetime]
    actor_type: Mapped[str] = mapped_column(String(10))
    actor_id: Mapped[str | None] = mapped_column(Id)
    actor_label: Mapped[str] = mapped_column(Name)
    token_id: Mapped[str | None] = mapped_column(Id)
    ip: Mapped[str | None] = mapped_column(String(45))
    user_agent: Mapped[str | None] = mapped_column(Name)
    request_id: Mapped[str | None] = mapped_column(Id)
    action: Mapped[str] = mapped_column(String(40))
    object_type: Mapped[str | None] = mapped_column(String(20))
    object_id: Mapped[str | None] = mapped_column(Name)
    result: Mapped[str] = mapped_column(String(10))
    details: Mapped[dict[str, Any]]

    __table_args__ = (
        Index("ix_audit_event_object_id_seq", "object_id", "seq"),
        Index("ix_audit_event_action_at", "action", "at"),
    )


class Job(Base):
    """The bookkeeping of one piece of background work, and its lease.

    Whoever raised `epoch` last may finish it; everybody else finds the door closed. `attempts`
    counts those since it last succeeded, `waits` those of them that a storage kept from working.
    """

    __tablename__ = "job"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    object_id: Mapped[str | None] = mapped_column(Id, index=True)
    state: Mapped[str] = mapped_column(String(20))
    epoch: Mapped[int]
    attempts: Mapped[int]
    waits: Mapped[int] = mapped_column(default=0, server_default="0")
    lease_until: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
