"""The table of what one person asked for and another one decides."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.models.people import Digest
from portal.core.models.tables import Base, Id, Name, new_id


class Approval(Base):
    """A request that needs a second person: waiting → approved | denied | withdrawn | expired.

    `terms` is exactly what was asked for and never changes; `sha256` is that of its canonical
    JSON. `items` says how many things it touches. `outcome` is what became of it once approved.
    """

    __tablename__ = "approval"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(30))
    terms: Mapped[dict[str, Any]]
    sha256: Mapped[str] = mapped_column(Digest)
    items: Mapped[int]
    reason: Mapped[str] = mapped_column(Text)
    asked_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"), index=True)
    asked_by: Mapped[str] = mapped_column(Name)
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(10))
    decided_by_id: Mapped[str | None] = mapped_column(ForeignKey("user.id"))
    decided_by: Mapped[str | None] = mapped_column(Name)
    decided_at: Mapped[datetime | None]
    decided_why: Mapped[str | None] = mapped_column(Text)
    outcome: Mapped[dict[str, Any] | None]

    __table_args__ = (
        Index("ix_approval_state_expires_at", "state", "expires_at"),
        CheckConstraint("decided_by_id <> asked_by_id", name="ck_approval_two_people"),
    )
