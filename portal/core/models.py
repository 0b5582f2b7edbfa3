"""The tables, as SQLAlchemy classes. They hold state and know no rules."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, ClassVar

import uuid_utils
from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    false,
    true,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator


class UTCDateTime(TypeDecorator[datetime]):
    """A point in time, always aware and in UTC; SQLite alone would forget the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=value.tzinfo or UTC)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UTCDateTime(),
        dict[str, Any]: JSON(),
        list[str]: JSON(),
    }


def new_id() -> str:
    """A UUIDv7 as text: it sorts by time, so that newest first is a walk along the primary key."""
    return str(uuid_utils.uuid7())


def is_id(text: str) -> bool:
    """Whether this could be one of our ids, before it goes anywhere near the database."""
    return re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text) is not None


Id = String(36)
Name = String(255)


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


class Upload(Base):
    """Bytes on their way in. open → finishing → done | failed, or open → abandoned | expired.

    `length` is None until the client knows it. `offset` counts the acknowledged bytes.
    `generation` fences writers: what an older one brings no longer counts. `writing` is the
    generation that moves bytes right now, if any. `numbered` uploads consist of chunks that
    arrive in any order, of `chunk_size` bytes each if that is agreed. `ends_itself`: the last
    byte begins the assembly; otherwise the client says when. `concat`: "partial" or "final", for
    an upload that becomes a piece of another, or is made of such pieces (`joined`).
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


class Recording(Base):
    """Finished, verified bytes; its id is its upload's. ready | quarantined, then perhaps
    deleting → deleted: the row stays as the tombstone of the bytes.

    Names of people are copied: the record reads the same after the user is gone.
    """

    __tablename__ = "recording"

    id: Mapped[str] = mapped_column(ForeignKey("upload.id"), primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    owner_label: Mapped[str] = mapped_column(Name)
    source: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20))
    error_code: Mapped[str | None] = mapped_column(String(40))
    error_text: Mapped[str | None] = mapped_column(Text)
    filename: Mapped[str] = mapped_column(Name)
    details: Mapped[dict[str, Any]]
    received_at: Mapped[datetime]
    available_at: Mapped[datetime]
    key: Mapped[str] = mapped_column(Name, unique=True)
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    sha256_declared: Mapped[bool]
    kind: Mapped[str | None] = mapped_column(String(10))
    content_type: Mapped[str | None] = mapped_column(String(80))
    container: Mapped[str | None] = mapped_column(String(40))
    codecs: Mapped[str | None] = mapped_column(String(80))
    duration_ms: Mapped[int | None] = mapped_column(BigInteger)
    width: Mapped[int | None]
    height: Mapped[int | None]
    channels: Mapped[int | None]
    sample_rate: Mapped[int | None]
    thumbnail_key: Mapped[str | None] = mapped_column(Name)
    peaks_key: Mapped[str | None] = mapped_column(Name)
    playback_key: Mapped[str | None] = mapped_column(Name)
    integrity: Mapped[str] = mapped_column(String(20))
    verified_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]
    deleted_by: Mapped[str | None] = mapped_column(Name)
    deletion_reason: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index("ix_recording_state_id", "state", "id"),
        Index("ix_recording_source_id", "source", "id"),
        Index("ix_recording_owner_id_id", "owner_id", "id"),
    )


class RecordingDetail(Base):
    """One thing that the client said of a recording, as it can be searched for."""

    __tablename__ = "recording_detail"

    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    value: Mapped[str] = mapped_column(Name)

    __table_args__ = (
        Index("ix_recording_detail_name_value_recording_id", "name", "value", "recording_id"),
    )


class LegalHold(Base):
    """While a hold stands, nothing deletes the recording. Released ones stay on record."""

    __tablename__ = "legal_hold"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id"), index=True)
    reason: Mapped[str] = mapped_column(Text)
    placed_by: Mapped[str] = mapped_column(Name)
    placed_at: Mapped[datetime]
    released_by: Mapped[str | None] = mapped_column(Name)
    released_at: Mapped[datetime | None]


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
    counts those since it last succeeded.
    """

    __tablename__ = "job"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    object_id: Mapped[str | None] = mapped_column(Id, index=True)
    state: Mapped[str] = mapped_column(String(20))
    epoch: Mapped[int]
    attempts: Mapped[int]
    lease_until: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
