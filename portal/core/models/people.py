"""The tables of people and of what they sign in with."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    ForeignKey,
    String,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.models.tables import Base, Id, Name, new_id


class User(Base):
    """A person or a machine that signs in. `login_epoch` grows to end every open session."""

    __tablename__ = "user"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    email: Mapped[str] = mapped_column(Name, unique=True)
    role: Mapped[str] = mapped_column(String(20))
    password_hash: Mapped[str] = mapped_column(Name)
    active: Mapped[bool] = mapped_column(default=True)
    login_epoch: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]


class Token(Base):
    """A bearer token. Only the hash of its secret is kept.

    `leads`: the leads whose calls it may touch; `["*"]` is all of them, none is none.
    """

    __tablename__ = "token"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id"), index=True)
    secret_hash: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[list[str]]
    leads: Mapped[list[str]] = mapped_column(default=list, server_default="[]")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
