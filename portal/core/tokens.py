"""Opaque bearer tokens, `rp_<id>_<secret>`: made once, kept as a hash, narrowed by scopes."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal.core import audit, last_seen
from portal.core.accounts import Caller, actor_of, scope_of, user_by_email
from portal.core.audit import SYSTEM, Actor
from portal.core.errors import InvalidRequest, NotAuthenticated, NotFound
from portal.core.models import Token, User, is_id
from portal.core.roles import ROLE_MAY
from portal.core.scopes import ALL, of_words
from portal.core.transaction import release, utc_now, writing

SCOPES = ("upload", "read", "delete", "admin")
SCOPE_MAY: dict[str, frozenset[str]] = {
    "upload": frozenset({"upload"}),
    "read": frozenset(
        f"{right}{whose}"
        for right in ("list", "uploads", "play", "download")
        for whose in ("", "_own")
    ),
    "delete": frozenset({"delete", "delete_own"}),
    "admin": frozenset({"audit", "audit_system", "history", "verify"}),
}


@dataclass(frozen=True)
class NewToken:
    """What a token is to be. `leads`: whose calls it may touch; `*` is everybody's. `scope`:
    which of its owner's recordings it reaches, as portal.core.scopes.words makes it."""

    scopes: Sequence[str]
    expires_at: datetime | None = None
    leads: Sequence[str] = ()
    scope: Sequence[str] = (ALL,)
    label: str = ""

    def __post_init__(self) -> None:
        if not self.scopes or not set(self.scopes) <= set(SCOPES):
            raise InvalidRequest(f"A token needs scopes out of {', '.join(SCOPES)}.")


def create_token(
    session: Session,
    email: str,
    scopes: list[str],
    expires_at: datetime | None = None,
    leads: list[str] | None = None,
    scope: Sequence[str] = (ALL,),
) -> str:
    """A new bearer token as `rp_<id>_<secret>`, the only time its secret is seen. See NewToken.

    Raises InvalidRequest for an unknown user or scope.
    """
    new = NewToken(scopes, expires_at, leads or [], scope)
    with writing(session):
        return _add(session, SYSTEM, user_by_email(session, email), new)


def create_own(session: Session, caller: Caller, new: NewToken) -> str:
    """The same for the caller, whose role must have some use for each scope.

    Raises InvalidRequest.
    """
    useless = [each for each in new.scopes if not rights_of(caller.role, [each])]
    if useless:
        raise InvalidRequest(f"Your role has no use for {', '.join(useless)}; leave it out.")
    with writing(session):
        return _add(session, caller.actor, session.get_one(User, caller.user_id), new)


def _add(session: Session, actor: Actor, user: User, new: NewToken) -> str:
    secret = secrets.token_urlsafe(32)
    token = Token(user_id=user.id, secret_hash=_hash_secret(secret), label=new.label)
    token.scopes, token.leads = sorted(set(new.scopes)), list(new.leads)
    token.scope, token.expires_at = list(new.scope), new.expires_at
    token.created_at = utc_now()
    session.add(token)
    session.flush()
    subject = ("token", token.id)
    audit.record(session, actor, "token.created", subject, user=user.email, scopes=token.scopes)
    return f"rp_{token.id}_{secret}"


def _hash_secret(secret: str) -> str:
    """Plain SHA-256 is enough: the secret is 256 random bits, nothing can guess its way to it."""
    return hashlib.sha256(secret.encode()).hexdigest()


def of_user(session: Session, user_id: str) -> Sequence[Token]:
    """The tokens of an account that are not revoked, the newest first."""
    query = select(Token).where(Token.user_id == user_id, Token.revoked_at.is_(None))
    found = session.scalars(query.order_by(Token.id.desc())).all()
    release(session)
    return found


def revoke(session: Session, actor: Actor, token_id: str, owner_id: str | None = None) -> None:
    """From its next request on the token is refused, and what it is being sent stops.

    With `owner_id`, only a token of this account. Harmless to repeat. Raises NotFound.
    """
    with writing(session):
        ended = update(Token).where(Token.id == token_id).values(revoked_at=utc_now())
        if owner_id is not None:
            ended = ended.where(Token.user_id == owner_id)
        if not session.execute(ended).rowcount:  # type: ignore[attr-defined]
            if session.get(Token, token_id) is not None:
                audit.denied(session, actor, ("token", token_id))
            raise NotFound("There is no such token; its id stands between its two “_”.")
        audit.record(session, actor, "token.revoked", ("token", token_id))


def caller_by_token(session: Session, text: str, visitor: Actor) -> Caller:
    """Whoever this bearer token stands for. Raises NotAuthenticated."""
    token, user = _found(session, text)
    last_seen.note(session, token, Token.used_at)
    return Caller(
        user.id,
        user.email,
        user.role,
        rights_of(user.role, token.scopes),
        actor_of(user, visitor, token.id),
        leads=frozenset(token.leads),
        lapsed=token.expires_at is not None and token.expires_at <= utc_now(),
        scope=scope_of(user),
        token_scope=of_words(token.scope),
    )


def _found(session: Session, text: str) -> tuple[Token, User]:
    """The living token with this text and whose it is. Raises NotAuthenticated."""
    kind, _, rest = text.partition("_")
    token_id, _, secret = rest.partition("_")
    query = select(Token, User).join(User, User.id == Token.user_id).where(Token.id == token_id)
    found = session.execute(query).first() if kind == "rp" and is_id(token_id) else None
    release(session)
    fits = hmac.compare_digest(
        _hash_secret(secret).encode(), (found[0].secret_hash if found else "0" * 64).encode()
    )
    if found is None or not fits or found[0].revoked_at is not None or not found[1].active:
        raise NotAuthenticated("The token is unknown, expired or revoked; ask for a new one.")
    return found[0], found[1]


def rights_of(role: str, scopes: Sequence[str]) -> frozenset[str]:
    """A token never may more than its owner, and no more than its scopes."""
    granted = frozenset().union(*(SCOPE_MAY.get(scope, frozenset()) for scope in scopes))
    return ROLE_MAY[role] & granted
