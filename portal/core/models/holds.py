"""The tables of legal holds: cases, and the recordings that each one holds."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.models.tables import Base, Id, Name, new_id

_STANDS: dict[str, Any] = {
    "sqlite_where": text("released_at IS NULL"),
    "postgresql_where": text("released_at IS NULL"),
}


class LegalCase(Base):
    """Why recordings are held. It stands until it is released, and stays on record then.

    `query` is what its recordings were found by, if not one by one: the list's `filters` as they
    stand in its address, and `wanted` as portal/core/kept_filters.py writes it. `future`: it takes
    in whatever comes to match. `review_on`: the day to look whether it is still needed.
    """

    __tablename__ = "legal_case"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(Name)
    number: Mapped[str | None] = mapped_column(String(100))
    reason: Mapped[str] = mapped_column(Text)
    owner_id: Mapped[str | None] = mapped_column(ForeignKey("user.id"))
    owner_label: Mapped[str] = mapped_column(Name)
    placed_by: Mapped[str] = mapped_column(Name)
    placed_at: Mapped[datetime]
    review_on: Mapped[date | None]
    query: Mapped[dict[str, Any] | None]
    future: Mapped[bool] = mapped_column(default=False)
    released_by: Mapped[str | None] = mapped_column(Name)
    released_at: Mapped[datetime | None]
    approval_id: Mapped[str | None] = mapped_column(ForeignKey("approval.id"))


class LegalHold(Base):
    """That a case holds a recording: while it stands, nothing deletes the recording.

    Each recording is in a case once. Released ones stay on record, and are not taken in again.
    `reason` is the case's, copied. The database itself refuses to change more than the release.
    """

    __tablename__ = "legal_hold"

    case_id: Mapped[str] = mapped_column(ForeignKey("legal_case.id"), primary_key=True)
    recording_id: Mapped[str] = mapped_column(
        ForeignKey("recording.id"), primary_key=True, index=True
    )
    reason: Mapped[str] = mapped_column(Text)
    placed_by: Mapped[str] = mapped_column(Name)
    placed_at: Mapped[datetime]
    released_by: Mapped[str | None] = mapped_column(Name)
    released_at: Mapped[datetime | None]
    approval_id: Mapped[str | None] = mapped_column(ForeignKey("approval.id"))

    __table_args__ = (Index("ix_legal_hold_standing", "recording_id", **_STANDS),)
