"""The tables of what people do with a recording: play it, note something, mark it as reviewed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.models.tables import Base, Id, Name, new_id


class PlaySession(Base):
    """One person's viewing of one recording, from its opening until it is closed or left alone.

    `sent`: stretches of bytes [first, last + 1] that the person's machine has acknowledged.
    `heard`: stretches of playing time in milliseconds, as the player tells them. Both are merged.
    `login_session_id`: the sign-in, whose `auth.login` names it too; its row lives less long.
    `length_ms`: of the whole, None where it is unknown. `closed_at`: the page was left; `ended_at`:
    the row is final, and `recording.play.end` is in the audit log.
    """

    __tablename__ = "play_session"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id"))
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    user_label: Mapped[str] = mapped_column(Name)
    token_id: Mapped[str | None] = mapped_column(Id)
    login_session_id: Mapped[str | None] = mapped_column(String(64))
    ip: Mapped[str | None] = mapped_column(String(45))
    user_agent: Mapped[str | None] = mapped_column(Name)
    reason: Mapped[str | None] = mapped_column(String(20))
    reason_text: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    told_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    sent: Mapped[list[list[int]]] = mapped_column(default=list)
    heard: Mapped[list[list[int]]] = mapped_column(default=list)
    size: Mapped[int] = mapped_column(BigInteger)
    length_ms: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = (
        Index("ix_play_session_recording_id_id", "recording_id", "id"),
        Index("ix_play_session_user_id_recording_id", "user_id", "recording_id"),
        Index("ix_play_session_ended_at_seen_at", "ended_at", "seen_at"),
    )


class Note(Base):
    """What somebody wrote about a moment of a recording, or about a stretch of it."""

    __tablename__ = "note"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id"))
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    user_label: Mapped[str] = mapped_column(Name)
    start_ms: Mapped[int] = mapped_column(BigInteger)
    end_ms: Mapped[int | None] = mapped_column(BigInteger)
    text: Mapped[str] = mapped_column(Text)
    shared: Mapped[bool]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_note_recording_id_start_ms", "recording_id", "start_ms"),)


class Review(Base):
    """One person's mark: I have reviewed this recording, perhaps with an outcome."""

    __tablename__ = "review"

    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id"), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id"), primary_key=True)
    user_label: Mapped[str] = mapped_column(Name)
    outcome: Mapped[str | None] = mapped_column(String(20))
    at: Mapped[datetime]

    __table_args__ = (
        Index("ix_review_user_id_recording_id", "user_id", "recording_id"),
        Index("ix_review_outcome_recording_id", "outcome", "recording_id"),
    )
