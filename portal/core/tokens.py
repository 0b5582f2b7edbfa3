"""Opaque bearer tokens, `rp_<id>_<secret>`: made once, kept as a hash, narrowed by scopes."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.accounts import ROLE_MAY, Caller, actor_of, user_by_email
from portal.core.audit import SYSTEM, Actor
from portal.core.errors import InvalidRequest, NotAuthenticated
from portal.core.models import Token, User, is_id
from portal.core.transaction import release, utc_now, writing

SCOPES = ("upload", "read", "delete", "admin")
SCOPE_MAY: dict[str, frozenset[str]] = {
    "upload": frozenset({"upload"}),
    "read": frozenset({"list", "list_own", "uploads", "uploads_own", "play", "play_own"}),
    "delete": frozenset({"delete", "delete_own"}),
    "admin": frozenset({"audit", "audit_system", "hold"}),
}


def create_token(
    session: Session,
    email: str,
    scopes: list[str],
    expires_at: datetime | None = None,
    leads: list[str] | None = None,
) -> str:
    """A new bearer token as `rp_<id>_<secret>`, the only time its secret is seen.

    `leads`: whose calls it may touch; `*` is everybody's. Raises InvalidRequest for an unknown
    user or scope.
    """
    if not scopes or not set(scopes) <= set(SCOPES):
        raise InvalidRequest(f"A token needs scopes out of {', '.join(SCOPES)}.")
    secret = secrets.token_urlsafe(32)
    with writing(session):
        user = user_by_email(session, email)
        token = Token(
            user_id=user.id,
            secret_hash=_hash_secret(secret),
            scopes=sorted(set(scopes)),
            leads=leads or [],
            created_at=utc_now(),
            expires_at=expires_at,
        )
        session.add(token)
        session.flush()
        subject = ("token", token.id)
        audit.record(session, SYSTEM, "token.created", subject, user=email, scopes=token.scopes)
    return f"rp_{token.id}_{secret}"


def _hash_secret(secret: str) -> str:
    """Plain SHA-256 is enough: the secret is 256 random bits, nothing can guess its way to it."""
    return hashlib.sha256(secret.encode()).hexdigest()


def caller_by_token(session: Session, text: str, visitor: Actor) -> Caller:
    """Whoever this bearer token stands for. Raises NotAuthenticated."""
    kind, _, rest = text.partition("_")
    token_id, _, secret = rest.partition("_")
    found = (
        session.execute(
            select(Token, User).join(User, User.id == Token.user_id).where(Token.id == token_id)
        ).first()
        if kind == "rp" and is_id(token_id)
        else None
    )
    release(session)
    fits = hmac.compare_digest(
        _hash_secret(secret).encode(), (found[0].secret_hash if found else "0" * 64).encode()
    )
    if found is None or not fits or found[0].revoked_at is not None or not found[1].active:
        raise NotAuthenticated("The token is unknown, expired or revoked; ask for a new one.")
    token, user = found
    return Caller(
        user.id,
        user.email,
        user.role,
        rights_of(user.role, token.scopes),
        actor_of(user, visitor, token.id),
        leads=frozenset(token.leads),
        lapsed=token.expires_at is not None and token.expires_at <= utc_now(),
    )


def rights_of(role: str, scopes: list[str]) -> frozenset[str]:
    """A token never may more than its owner, and no more than its scopes."""
    granted = frozenset().union(*(SCOPE_MAY.get(scope, frozenset()) for scope in scopes))
    return ROLE_MAY[role] & granted
