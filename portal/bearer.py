"""Who sends this Authorization header: an opaque token of ours, or a JWT of a trusted provider."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from flask import current_app, request
from sqlalchemy.orm import Session

from portal.config import Settings
from portal.core import passes
from portal.core.accounts import Caller
from portal.core.audit import Actor
from portal.core.errors import NotAuthenticated, TooManyAttempts
from portal.core.jwts import KeySet, Trust, caller_by_jwt
from portal.core.tokens import caller_by_token
from portal.db import db

FAILURES, WINDOW_SECONDS = 100, 60.0
MOST_ADDRESSES = 10_000


class Failures:
    """Wrong tokens by address, in this process: after a hundred in a minute the answer is 429.

    A right token always works: behind one address may be a whole company. The secrets have 256
    random bits, so this spares the log and the database rather than the secrets.
    """

    def __init__(self) -> None:
        self.times: dict[str, deque[float]] = {}

    def note(self, address: str) -> bool:
        """Count one failure; True if the address has had its share."""
        now = time.monotonic()
        if len(self.times) >= MOST_ADDRESSES:
            self.times.clear()
        recent = self.times.setdefault(address, deque(maxlen=FAILURES + 1))
        recent.append(now)
        return len(recent) > FAILURES and now - recent[0] < WINDOW_SECONDS


def trust_of(settings: Settings) -> Trust | None:
    """Whose JWTs the settings let in; None for nobody's."""
    if not (settings.jwt_key or settings.jwt_jwks):
        return None
    keys = KeySet(settings.jwt_jwks) if settings.jwt_jwks else None
    return Trust(settings.jwt_issuer, settings.jwt_audience, settings.jwt_key, keys)


Proof = Callable[[Session], Caller]
"""Asks the database whose something is that a client has shown, as often as it is called."""


def shown(visitor: Actor, passes_too: bool = False) -> Proof:
    """What the Authorization header says of its sender. `passes_too`: whether an upload page may
    come in here. Raises NotAuthenticated."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise NotAuthenticated("Send your token as `Authorization: Bearer <token>`.")
    if passes_too and token.startswith(passes.PREFIX):
        return _passed(token, visitor)
    trust: Trust | None = current_app.extensions["jwt_trust"]
    if trust is not None and token.count(".") == 2:
        return lambda session: caller_by_jwt(session, trust, token, visitor)
    return lambda session: caller_by_token(session, token, visitor)


def _passed(token: str, visitor: Actor) -> Proof:
    settings: Settings = current_app.config["SETTINGS"]
    sign_in = passes.sign_in_of(current_app.config["SECRET_KEY"], token)
    idle = settings.session_idle
    return lambda session: passes.caller_by_pass(session, sign_in, visitor, idle)


def bearer(proof: Proof) -> Caller:
    """Whoever the header stands for. Raises NotAuthenticated, TooManyAttempts."""
    try:
        return proof(db.session)
    except NotAuthenticated as refusal:
        failures: Failures = current_app.extensions["token_failures"]
        if failures.note(request.remote_addr or ""):
            raise TooManyAttempts("Too many wrong tokens from your address; wait.") from refusal
        raise
