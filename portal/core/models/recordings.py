"""The tables of what is kept, and of what keeps it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    Text,
    false,
    literal_column,
    select,
    text,
)
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.models.storages import StorageId
from portal.core.models.tables import Base, Id, Name, new_id

LONGEST_LABEL = 64
"""Characters of a tag or a department."""


LENGTH: ColumnElement[int] = literal_column("coalesce(recording.duration_ms, -1)", BigInteger)
"""The duration in milliseconds as an index has it: what is unknown is shorter than anything. The
databases disagree about the order of NULL. Without parameters: the index has the same words."""

_WITH_BYTES: dict[str, Any] = {
    "sqlite_where": text("deleted_at IS NULL"),
    "postgresql_where": text("deleted_at IS NULL"),
}


def place_at(moment: datetime) -> int:
    """The place in the list of what was received then: microseconds since 1970."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _free_place(context: DefaultExecutionContext) -> int:
    """The place of a new row, or the next one that nobody has."""
    row: dict[str, Any] = context.get_current_parameters()  # type: ignore[no-untyped-call]
    place = place_at(row["received_at"])
    taken = select(Recording.id)
    while context.connection.scalar(taken.where(Recording.place == place)) is not None:
        place += 1
    return place


class Recording(Base):
    """Finished, verified bytes; its id is its upload's. ready | quarantined, then perhaps
    deleting → deleted: the row stays as the tombstone of the bytes.

    Names of people are copied: the record reads the same after the user is gone. The bytes are
    `version_id` of `key` in `storage_id`; derived objects are in the same storage. `place` is where
    it stands in lists: when it was received, as a number that no other recording has.
    `reviewed`: whether anybody has; to look for marks that are not there takes a second a million.
    `verify_asked_at`: somebody wants its bytes looked at, or they could not be read when their turn
    had come, and nobody has done it since.

    `delete_at`: when retention deletes it by the rules of `planned_policy`; None: never. Once it is
    marked it has `marked_at`, by which rule of which policy, and `purge_at`, when its grace ends.
    """

    __tablename__ = "recording"

    id: Mapped[str] = mapped_column(ForeignKey("upload.id"), primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    owner_label: Mapped[str] = mapped_column(Name)
    token_id: Mapped[str | None] = mapped_column(Id)
    source: Mapped[str] = mapped_column(String(20))
    department: Mapped[str | None] = mapped_column(String(LONGEST_LABEL))
    state: Mapped[str] = mapped_column(String(20))
    error_code: Mapped[str | None] = mapped_column(String(40))
    error_text: Mapped[str | None] = mapped_column(Text)
    filename: Mapped[str] = mapped_column(Name)
    details: Mapped[dict[str, Any]]
    received_at: Mapped[datetime]
    place: Mapped[int] = mapped_column(BigInteger, unique=True, index=True, default=_free_place)
    available_at: Mapped[datetime]
    storage_id: Mapped[str] = mapped_column(StorageId, server_default="main")
    key: Mapped[str] = mapped_column(Name, unique=True)
    version_id: Mapped[str | None] = mapped_column(Text)
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
    sprite_key: Mapped[str | None] = mapped_column(Name)
    peaks_key: Mapped[str | None] = mapped_column(Name)
    playback_key: Mapped[str | None] = mapped_column(Name)
    reviewed: Mapped[bool] = mapped_column(default=False, server_default=false())
    integrity: Mapped[str] = mapped_column(String(20))
    verified_at: Mapped[datetime]
    verify_asked_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    deleted_by: Mapped[str | None] = mapped_column(Name)
    deletion_reason: Mapped[str | None] = mapped_column(Text)
    delete_at: Mapped[datetime | None]
    planned_policy: Mapped[int] = mapped_column(default=0, server_default="0")
    marked_at: Mapped[datetime | None]
    marked_rule: Mapped[str | None] = mapped_column(String(100))
    marked_policy: Mapped[int | None]
    purge_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_recording_state_place", "state", "place"),
        Index("ix_recording_source_place", "source", "place"),
        Index("ix_recording_source_kind_place", "source", "kind", "place"),
        Index("ix_recording_owner_id_place", "owner_id", "place"),
        Index("ix_recording_storage_id_place", "storage_id", "place"),
        Index("ix_recording_department_place", "department", "place"),
        Index("ix_recording_kind_place", "kind", "place"),
        Index("ix_recording_integrity_place", "integrity", "place"),
        Index("ix_recording_reviewed_place", "reviewed", "place"),
        Index("ix_recording_token_id_place", "token_id", "place"),
        Index("ix_recording_duration_ms_place", text("coalesce(duration_ms, -1)"), "place"),
        Index("ix_recording_size_place", "size", "place"),
        # Tombstones are never verified again: without them, the oldest row is the next one.
        Index("ix_recording_verified_at_id", "verified_at", "id", **_WITH_BYTES),
        Index(
            "ix_recording_integrity_verified_at_id", "integrity", "verified_at", "id", **_WITH_BYTES
        ),
        Index("ix_recording_verify_asked_at", "verify_asked_at"),
        Index("ix_recording_delete_at_place", "delete_at", "place", **_WITH_BYTES),
        Index("ix_recording_purge_at_place", "purge_at", "place", **_WITH_BYTES),
        Index("ix_recording_planned_policy", "planned_policy", **_WITH_BYTES),
    )


class RecordingDetail(Base):
    """One thing that the client said of a recording, as it can be searched for.

    `place` is the recording's: lists go by it.
    """

    __tablename__ = "recording_detail"

    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    value: Mapped[str] = mapped_column(Name)
    place: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("ix_recording_detail_name_value_place", "name", "value", "place"),)


class Tag(Base):
    """A word that people give to recordings, written as portal/core/labels.py writes it."""

    __tablename__ = "tag"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(LONGEST_LABEL), unique=True)


class RecordingTag(Base):
    """That a recording has a tag."""

    __tablename__ = "recording_tag"

    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id"), primary_key=True)
    tag_id: Mapped[str] = mapped_column(ForeignKey("tag.id"), primary_key=True)

    __table_args__ = (Index("ix_recording_tag_tag_id_recording_id", "tag_id", "recording_id"),)
