"""How much a client may ask for: what an upload was promised, and what is left to promise."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from portal.core.accounts import Caller
from portal.core.errors import NoRoom, TooManyUploads
from portal.core.models import Upload, is_id
from portal.core.transaction import one_at_a_time

RESERVING = 7261005  # any number that nothing else in this database locks
GIB = 1024**3
MOST_DETAILS = 200
"""Values that a client may say of one upload, and that are found by a search."""


@dataclass(frozen=True)
class Terms:
    """What was agreed when the upload began; kept with it, whatever the settings say later.

    `accepts`: media types, `audio/*` and `*` among them. `longest_ms`: of the playing time.
    `declared_type`: what the client said the content is.
    """

    accepts: tuple[str, ...] = ("audio/*", "video/*")
    most_bytes: int = 10 * GIB
    most_parts: int = 100_000
    longest_ms: int | None = None
    declared_type: str | None = None


@dataclass(frozen=True)
class Limits:
    """What one caller and the disk allow. `free_bytes`: where parts arrive; None if nobody can
    tell. `storage_id`: of that place."""

    lifetime: timedelta
    open_uploads: int = 1000
    free_bytes: int | None = None
    storage_id: str = "staging"


def reserve(session: Session, caller: Caller, size: int, allowed: Limits) -> None:
    """Check that one more upload of this size fits, inside the transaction that adds it.

    Raises TooManyUploads, NoRoom.
    """
    one_at_a_time(session, RESERVING)
    if _open_uploads(session, caller) >= allowed.open_uploads:
        raise TooManyUploads(
            f"{allowed.open_uploads} of your uploads are open; finish or cancel some first."
        )
    if allowed.free_bytes is not None and _promised(session) + 2 * size > allowed.free_bytes:
        raise NoRoom("The storage has no room for this upload; try again later.")


def _open_uploads(session: Session, caller: Caller) -> int:
    token = caller.actor.token_id
    # A JWT is made anew every few minutes: there, the account is what counts.
    ours = token is not None and is_id(token)
    mine = Upload.token_id == token if ours else Upload.owner_id == caller.user_id
    return session.scalar(select(func.count()).where(mine, Upload.state == "open")) or 0


def _promised(session: Session) -> int:
    """Bytes that open uploads may still send, and those that assembly is going to copy: until the
    recording stands, there are both the parts and the whole. Direct ones are sent elsewhere."""
    still = case((Upload.state == "open", 2 * Upload.length - Upload.offset), else_=Upload.length)
    wanted = Upload.state.in_(("open", "finishing"))
    here = wanted & Upload.direct.is_(False)
    return session.scalar(select(func.coalesce(func.sum(still), 0)).where(here)) or 0
