"""Passes: how the upload page of somebody who is signed in reaches the tus endpoint.

A pass names a sign-in and the time, signed; it is kept nowhere. What it may is asked of the
sign-in each time, so that it ends with it. See docs/decisions/0019-upload-pass.md.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy.orm import Session

from portal.core import login_sessions
from portal.core.accounts import Caller, caller_for
from portal.core.audit import Actor
from portal.core.errors import NotAuthenticated

PREFIX = "pass_"
GOOD_FOR = timedelta(minutes=10)
"""To begin a request with; one that runs goes on."""
MAY = frozenset({"upload"})


def make(key: str, session_id: str) -> str:
    """A new pass of this sign-in. `key`: the application's secret one."""
    return PREFIX + str(_signer(key).dumps(session_id))


def sign_in_of(key: str, text: str) -> str:
    """The id of the sign-in that a pass is of. Raises NotAuthenticated for one that is too old, or
    none of ours."""
    try:
        seconds = int(GOOD_FOR.total_seconds())
        return str(_signer(key).loads(text.removeprefix(PREFIX), max_age=seconds))
    except BadData as error:
        raise NotAuthenticated("The upload pass has run out; the page makes a new one.") from error


def _signer(key: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(key, salt="upload-pass")


def caller_by_pass(session: Session, session_id: str, visitor: Actor, idle: timedelta) -> Caller:
    """Whoever has signed in, with the right to send and no other. Raises NotAuthenticated."""
    found = login_sessions.living(session, session_id, idle)
    if found is None or found[1].must_change:
        raise NotAuthenticated("The session has ended; sign in again.")
    caller = caller_for(found[1], replace(visitor, session_id=session_id))
    return replace(caller, rights=caller.rights & MAY)
