"""Which recordings are under a legal hold. A hold stands until it is released."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from portal.core.models import LegalHold


def standing() -> ColumnElement[bool]:
    """For queries of holds: those that were not released."""
    return LegalHold.released_at.is_(None)


def is_held(session: Session, recording_id: str) -> bool:
    """Whether a legal hold stands on it, in the caller's transaction."""
    return bool(held_of(session, [recording_id]))


def held_of(session: Session, ids: Iterable[str]) -> set[str]:
    """Those of these recordings on which one stands, in the caller's transaction."""
    query = select(LegalHold.recording_id).where(standing(), LegalHold.recording_id.in_(ids))
    return set(session.scalars(query))
