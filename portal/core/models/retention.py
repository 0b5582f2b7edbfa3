"""The tables of retention: the rules in all their versions, the runs, and how the clock goes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.models.recordings import LONGEST_LABEL
from portal.core.models.tables import Base, Id, Name, new_id


class RetentionPolicy(Base):
    """One version of the rules. The highest number is in force; all of them stay."""

    __tablename__ = "retention_policy"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    made_by: Mapped[str] = mapped_column(Name)
    made_at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(Text)
    approval_id: Mapped[str | None] = mapped_column(ForeignKey("approval.id"))


class RetentionRule(Base):
    """One rule of a version; portal/core/retention/deciding.py says what its numbers mean."""

    __tablename__ = "retention_rule"

    policy: Mapped[int] = mapped_column(ForeignKey("retention_policy.number"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(100))
    source: Mapped[str | None] = mapped_column(String(20))
    kind: Mapped[str | None] = mapped_column(String(10))
    tag: Mapped[str | None] = mapped_column(String(LONGEST_LABEL))
    department: Mapped[str | None] = mapped_column(String(LONGEST_LABEL))
    min_size: Mapped[int | None] = mapped_column(BigInteger)
    max_size: Mapped[int | None] = mapped_column(BigInteger)
    keep_days: Mapped[int | None]
    delete_days: Mapped[int | None]


class RetentionRun(Base):
    """One nightly run. Its numbers are committed with what they count: one that was cut off has no
    `ended_at`, and right numbers. `purged` were handed over to be deleted, `size` is their bytes;
    `blocked` would be due but for a legal hold.
    """

    __tablename__ = "retention_run"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    policy: Mapped[int]
    begun_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    looked: Mapped[int] = mapped_column(default=0)
    marked: Mapped[int] = mapped_column(default=0)
    unmarked: Mapped[int] = mapped_column(default=0)
    purged: Mapped[int] = mapped_column(default=0)
    size: Mapped[int] = mapped_column(BigInteger, default=0)
    blocked: Mapped[int] = mapped_column(default=0)


class Heartbeat(Base):
    """One row: when the clock was last looked at, and since when it has gone without a jump."""

    __tablename__ = "heartbeat"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seen_at: Mapped[datetime]
    steady_since: Mapped[datetime]
