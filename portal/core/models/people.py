"""The tables of people and of what they sign in with."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    ForeignKey,
    Index,
    String,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.models.tables import Base, Id, Name, new_id

Digest = String(64)
"""A SHA-256 in hexadecimal."""


class User(Base):
    """A person or a machine that signs in. `scope`: which recordings the account reaches, as
    portal/core/scopes.py writes it; it counts for the roles that have one. `must_change`: the
    password is one that somebody else has seen, and opens nothing but the page that changes it."""

    __tablename__ = "user"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    email: Mapped[str] = mapped_column(Name, unique=True)
    role: Mapped[str] = mapped_column(String(20))
    scope: Mapped[list[str]] = mapped_column(default=list, server_default="[]")
    password_hash: Mapped[str] = mapped_column(Name)
    must_change: Mapped[bool] = mapped_column(default=False, server_default=false())
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]


class Token(Base):
    """A bearer token. Only the hash of its secret is kept.

    `leads`: the leads whose calls it may touch; `["*"]` is all of them, none is none. `scope`
    narrows that of its owner. `networks`: where it works, as CIDR; none is everywhere.
    `disabled_at`: it rests, until somebody enables it. `used_at` is at most a minute behind.
    """

    __tablename__ = "token"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id"), index=True)
    label: Mapped[str] = mapped_column(String(100), default="", server_default="")
    secret_hash: Mapped[str] = mapped_column(Digest)
    scopes: Mapped[list[str]]
    leads: Mapped[list[str]] = mapped_column(default=list, server_default="[]")
    scope: Mapped[list[str]] = mapped_column(default=lambda: ["*"], server_default='["*"]')
    networks: Mapped[list[str]] = mapped_column(default=list, server_default="[]")
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class LoginSession(Base):
    """One browser that somebody has signed in with. `id` is the SHA-256 of the 256 random bits in
    its cookie. `seen_at` is at most a minute behind."""

    __tablename__ = "login_session"

    id: Mapped[str] = mapped_column(Digest, primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ip: Mapped[str | None] = mapped_column(String(45))
    user_agent: Mapped[str | None] = mapped_column(Name)
    revoked_at: Mapped[datetime | None]


class LoginAttempt(Base):
    """A password that was tried and did not fit, or is being looked at. `account` is the SHA-256
    of the address that was entered: people enter passwords there, too."""

    __tablename__ = "login_attempt"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    at: Mapped[datetime]
    network: Mapped[str] = mapped_column(String(45))
    account: Mapped[str] = mapped_column(Digest)

    __table_args__ = (
        Index("ix_login_attempt_network_at", "network", "at"),
        Index("ix_login_attempt_account_at", "account", "at"),
    )
