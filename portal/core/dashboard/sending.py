"""The start page of those who send: what of theirs is on its way, what failed, which tokens end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from portal.core import finding, recordings, tokens
from portal.core.accounts import Caller
from portal.core.models import Recording, Token, Upload
from portal.core.transaction import utc_now
from portal.core.wanted import Wanted

SHOWN = 5
SOON = timedelta(days=14)


def under_way(session: Session, caller: Caller) -> Sequence[Upload]:
    """The uploads in the caller's reach that are open or being assembled, the newest first.
    Raises NotAllowed."""
    return recordings.uploads_under_way(session, caller, SHOWN, ("open", "finishing"))


@dataclass(frozen=True)
class Failures:
    """Uploads that failed and recordings that are in quarantine, the newest of each first."""

    failed: Sequence[Upload]
    quarantined: Sequence[Recording]

    @property
    def all(self) -> list[Upload | Recording]:
        return [*self.failed, *self.quarantined]


def failures(session: Session, caller: Caller) -> Failures:
    """Those in the caller's reach. Raises NotAllowed."""
    failed = recordings.uploads_under_way(session, caller, SHOWN, ("failed",))
    bad = finding.page(session, caller, SHOWN, Wanted(state="quarantined"))
    return Failures(failed, bad.rows)


@dataclass(frozen=True)
class Ending:
    """A token, and how it stands with it: ended, soon (within SOON), or fine."""

    token: Token
    state: str


def ending(session: Session, caller: Caller) -> list[Ending]:
    """The person's own tokens, those that end first before the others."""
    now = utc_now()
    mine = tokens.of_user(session, caller.user_id)
    first = sorted(mine, key=lambda each: (each.expires_at is None, each.expires_at or now))
    return [Ending(each, _state(each.expires_at, now)) for each in first[:SHOWN]]


def _state(ends: datetime | None, now: datetime) -> str:
    if ends is None or ends > now + SOON:
        return "fine"
    return "ended" if ends <= now else "soon"
