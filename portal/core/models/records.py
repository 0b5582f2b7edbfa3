"""The tables of what was done: the audit log, and the bookkeeping of jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Index,
    Integer,
    String,
    Text,
    literal_column,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.models.tables import Base, Id, Name, new_id

OF_SYSTEM: ColumnElement[bool] = literal_column(
    "(coalesce(audit_event.object_type, '') != 'recording')"
)
"""That an event is not one of a recording. Without parameters: indexes have the same words."""

_IN_INDEX = text("coalesce(object_type, '') != 'recording'")
_OF_SYSTEM: dict[str, Any] = {"sqlite_where": _IN_INDEX, "postgresql_where": _IN_INDEX}


class AuditEvent(Base):
    """Who did what to which thing. Triggers refuse to change or remove rows; nothing points at one.

    `seq` counts from 1 without gaps, `hash` is the link of the chain (see portal/core/chain.py).
    Lists are ordered by (at, seq): several hosts have several clocks, so neither implies the other.
    """

    __tablename__ = "audit_event"

    # SQLite's own row number is an INTEGER; no other type is stored as the key itself.
    seq: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False
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
    hash: Mapped[str] = mapped_column(String(64))

    # One for each filter of the page: the newest of 10 million are found in a millisecond. Where
    # all events may be those of recordings, whoever does not see these would walk through them.
    __table_args__ = (
        Index("ix_audit_event_at_seq", "at", "seq"),
        Index("ix_audit_event_actor_label_at_seq", "actor_label", "at", "seq"),
        Index("ix_audit_event_actor_label_action_at_seq", "actor_label", "action", "at", "seq"),
        Index("ix_audit_event_action_at_seq", "action", "at", "seq"),
        Index("ix_audit_event_object_type_at_seq", "object_type", "at", "seq"),
        Index("ix_audit_event_object_id_at_seq", "object_id", "at", "seq"),
        Index("ix_audit_event_result_at_seq", "result", "at", "seq"),
        Index("ix_audit_event_ip_at_seq", "ip", "at", "seq"),
        Index("ix_audit_event_request_id", "request_id"),
        Index("ix_audit_event_system_action_at_seq", "action", "at", "seq", **_OF_SYSTEM),
        Index("ix_audit_event_system_result_at_seq", "result", "at", "seq", **_OF_SYSTEM),
    )


class AuditHead(Base):
    """The end of the chain, in one row: how many events there are, and the last one's hash."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str] = mapped_column(String(64))


class AuditSeal(Base):
    """A signed statement about the end of the chain at one time. Triggers keep it, too."""

    __tablename__ = "audit_seal"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]
    key: Mapped[str] = mapped_column(String(64))
    signature: Mapped[str] = mapped_column(String(128))


class AuditCheck(Base):
    """One verification of the chain: asked for, under way with its progress, or done.

    `problem` is a code of portal/core/audit/verifying.py, or None for a valid chain; `bad_seq` is
    the first event that is concerned.
    """

    __tablename__ = "audit_check"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    asked_by: Mapped[str] = mapped_column(Name)
    asked_at: Mapped[datetime]
    ended_at: Mapped[datetime | None] = mapped_column(index=True)
    checked: Mapped[int] = mapped_column(BigInteger, default=0)
    total: Mapped[int] = mapped_column(BigInteger, default=0)
    problem: Mapped[str | None] = mapped_column(String(20))
    bad_seq: Mapped[int | None] = mapped_column(BigInteger)


class Job(Base):
    """The bookkeeping of one piece of background work, and its lease.

    Whoever raised `epoch` last may finish it; everybody else finds the door closed. `attempts`
    counts those since it last ended, `waits` those of them that a storage kept from working.
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

    __table_args__ = (
        Index("ix_job_state_ended_at", "state", "ended_at"),
        Index("ix_job_started_at_id", "started_at", "id"),
        Index("ix_job_state_started_at_id", "state", "started_at", "id"),
        Index("ix_job_kind_started_at_id", "kind", "started_at", "id"),
    )
