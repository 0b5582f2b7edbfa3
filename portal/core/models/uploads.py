"""The tables of bytes on their way in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    false,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.models.storages import StorageId
from portal.core.models.tables import Base, Id, Name, new_id


class Upload(Base):
    """Bytes on their way in. open → finishing → done | failed, or open → abandoned | expired.

    `length` is None until the client knows it. `offset` counts the acknowledged bytes.
    `generation` fences writers: what an older one brings no longer counts. `writing` is the
    generation that moves bytes right now, if any. `numbered` uploads consist of chunks that
    arrive in any order, of `chunk_size` bytes each if that is agreed. `ends_itself`: the last
    byte begins the assembly; otherwise the client says when. `concat`: "partial" or "final", for
    an upload that becomes a piece of another, or is made of such pieces (`joined`).
    `storage_id`: where its parts are. `direct`: the client puts them there itself.
    """

    __tablename__ = "upload"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    owner_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    owner_label: Mapped[str] = mapped_column(Name)
    token_id: Mapped[str | None] = mapped_column(Id)
    dialect: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20), default="open")
    filename: Mapped[str] = mapped_column(Name)
    length: Mapped[int | None] = mapped_column(BigInteger)
    offset: Mapped[int] = mapped_column(BigInteger, default=0)
    generation: Mapped[int] = mapped_column(default=0)
    writing: Mapped[int | None]
    numbered: Mapped[bool] = mapped_column(default=False, server_default=false())
    chunk_size: Mapped[int | None]
    ends_itself: Mapped[bool] = mapped_column(default=True, server_default=true())
    concat: Mapped[str | None] = mapped_column(String(10))
    storage_id: Mapped[str] = mapped_column(StorageId, server_default="main")
    direct: Mapped[bool] = mapped_column(default=False, server_default=false())
    terms: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    idempotency_key: Mapped[str | None] = mapped_column(Name)
    declared_sha256: Mapped[str | None] = mapped_column(String(64))
    details: Mapped[dict[str, Any]]
    wire: Mapped[dict[str, Any]]
    error_code: Mapped[str | None] = mapped_column(String(40))
    error_text: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    progress_at: Mapped[datetime]
    expires_at: Mapped[datetime]

    __table_args__ = (
        Index("ix_upload_state_id", "state", "id"),
        Index("ix_upload_state_expires_at", "state", "expires_at"),
        Index("ix_upload_owner_id_id", "owner_id", "id"),
        Index("ix_upload_token_id_state", "token_id", "state"),
        UniqueConstraint("owner_id", "idempotency_key"),
    )


class Claim(Base):
    """A name of a client's own, such as a session: it belongs to whoever used it first."""

    __tablename__ = "claim"

    name: Mapped[str] = mapped_column(Name, primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("user.id"))


class Part(Base):
    """One stretch of an upload's bytes, stored under `key`. Chunks carry their SHA-256, so that
    a resend can be told from other bytes under the same number."""

    __tablename__ = "part"

    upload_id: Mapped[str] = mapped_column(ForeignKey("upload.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    size: Mapped[int] = mapped_column(BigInteger)
    key: Mapped[str] = mapped_column(Name, unique=True)
    sha256: Mapped[str | None] = mapped_column(String(64))
