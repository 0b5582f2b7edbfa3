"""Opaque bearer tokens, `rp_<id>_<secret>`: made once, kept as a hash, narrowed by scopes."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NoReturn

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from portal.core import approvals, audit, last_seen
from portal.core.accounts import Caller, actor_of, scope_of, user_by_email
from portal.core.approvals import DELETING_TOKEN
from portal.core.audit import SYSTEM, Actor
from portal.core.errors import InvalidRequest, NotAuthenticated, NotFound
from portal.core.models import Approval, Token, User, is_id
from portal.core.roles import ROLE_MAY
from portal.core.scopes import ALL, of_words
from portal.core.transaction import release, utc_now, writing

DELETE = "delete"
SCOPES = ("upload", "read", DELETE, "admin")
SCOPE_MAY: dict[str, frozenset[str]] = {
    "upload": frozenset({"upload"}),
    "read": frozenset(
        f"{right}{whose}"
        for right in ("list", "uploads", "play", "download")
        for whose in ("", "_own")
    ),
    DELETE: frozenset({"delete", "delete_own"}),
    "admin": frozenset({"audit", "audit_system", "history", "verify", "see_work", "operate"}),
}


@dataclass(frozen=True)
class NewToken:
    """What a token is to be. `leads`: whose calls it may touch; `*` is everybody's. `scope`:
    which of its owner's recordings it reaches, as portal.core.scopes.words makes it. `networks`:
    where it may be used from, as networks_of makes them; none is everywhere."""

    scopes: Sequence[str]
    expires_at: datetime | None = None
    leads: Sequence[str] = ()
    scope: Sequence[str] = (ALL,)
    label: str = ""
    networks: Sequence[str] = ()

    def check(self) -> None:
        """Raises InvalidRequest for no scope at all, and for one that does not exist."""
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
    new.check()
    with writing(session):
        return _add(session, SYSTEM, user_by_email(session, email), new)


def create_own(session: Session, caller: Caller, new: NewToken) -> str:
    """The same for the caller. Raises InvalidRequest."""
    return create_for(session, caller, caller.user_id, new)


def create_for(session: Session, caller: Caller, user_id: str, new: NewToken) -> str:
    """The same for an account, whose role must have some use for each scope. It may not delete
    before a second person has approved that; the label says what it is wanted for.

    Raises InvalidRequest.
    """
    new.check()
    with writing(session):
        user = session.get_one(User, user_id)
        useless = [each for each in new.scopes if not rights_of(user.role, [each])]
        if useless:
            raise InvalidRequest(f"The role has no use for {', '.join(useless)}; leave it out.")
        at_once = replace(new, scopes=[each for each in new.scopes if each != DELETE])
        text = _add(session, caller.actor, user, at_once)
        if DELETE in new.scopes:
            terms = {"token": text.split("_")[1], "label": new.label, "user": user.email}
            approvals.ask(session, caller, DELETING_TOKEN, terms, new.label or "–")
        return text


def let_delete(
    session: Session, caller: Caller, approval: Approval, keep: timedelta
) -> dict[str, Any]:
    """What was approved: from its next request on the token may delete. See deciding.py."""
    token = session.get_one(Token, approval.terms["token"])
    token.scopes = sorted({*token.scopes, DELETE})
    subject = ("token", token.id)
    audit.record(session, caller.actor, "token.allowed_to_delete", subject, approval=approval.id)
    return {"scopes": token.scopes}


def _add(session: Session, actor: Actor, user: User, new: NewToken) -> str:
    secret = secrets.token_urlsafe(32)
    token = Token(user_id=user.id, secret_hash=_hash_secret(secret), label=new.label)
    token.scopes, token.leads = sorted(set(new.scopes)), list(new.leads)
    token.scope, token.expires_at = list(new.scope), new.expires_at
    token.networks = list(new.networks)
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


def rotate(
    session: Session, actor: Actor, token_id: str, overlap: timedelta, owner_id: str | None = None
) -> str:
    """A new token that may what this one may; the old one still works for `overlap`, at most.

    With `owner_id`, only a token of this account. Returns the new one as `create_token` does.
    Raises NotFound.
    """
    with writing(session):
        old, now = _living(session, actor, token_id, owner_id), utc_now()
        lasts = old.expires_at and now + (old.expires_at - old.created_at)
        new = NewToken(old.scopes, lasts, old.leads, old.scope, old.label, old.networks)
        old.expires_at = min(old.expires_at or now + overlap, now + overlap)
        text = _add(session, actor, session.get_one(User, old.user_id), new)
        made, subject = text.split("_")[1], ("token", token_id)
        audit.record(session, actor, "token.rotated", subject, made=made)
        return text


def rest(session: Session, actor: Actor, token_id: str, resting: bool) -> None:
    """Have a token refused from its next request on, or let it work again. Raises NotFound."""
    with writing(session):
        token = _living(session, actor, token_id)
        if bool(token.disabled_at) != resting:
            token.disabled_at = utc_now() if resting else None
            action = "token.disabled" if resting else "token.enabled"
            audit.record(session, actor, action, ("token", token_id))


def _refuse(session: Session, actor: Actor, token_id: str, owner_id: str | None) -> NoReturn:
    """There is no such token, or it is somebody else's, which is written down. Raises NotFound."""
    strange = select(Token.id).where(Token.id == token_id, Token.user_id != owner_id)
    if owner_id is not None and session.scalar(strange) is not None:
        audit.denied(session, actor, ("token", token_id))
    raise NotFound("There is no such token; its id stands between its two “_”.")


def _living(session: Session, actor: Actor, token_id: str, owner_id: str | None = None) -> Token:
    """A token that is not revoked, for the caller's transaction. Raises NotFound."""
    query = select(Token).where(Token.id == token_id, Token.revoked_at.is_(None))
    if owner_id is not None:
        query = query.where(Token.user_id == owner_id)
    found = session.scalar(query.with_for_update())
    return found or _refuse(session, actor, token_id, owner_id)


def networks_of(text: str) -> list[str]:
    """Addresses and networks with commas or blanks in between, as they are kept.

    Raises InvalidRequest for what is neither.
    """
    try:
        return [str(ipaddress.ip_network(word)) for word in re.split(r"[\s,]+", text) if word]
    except ValueError as error:
        raise InvalidRequest(f"{error}; write 192.0.2.7 or 192.0.2.0/24.") from error


def revoke(session: Session, actor: Actor, token_id: str, owner_id: str | None = None) -> None:
    """From its next request on the token is refused, and what it is being sent stops.

    With `owner_id`, only a token of this account. Harmless to repeat. Raises NotFound.
    """
    with writing(session):
        ended = update(Token).where(Token.id == token_id).values(revoked_at=utc_now())
        if owner_id is not None:
            ended = ended.where(Token.user_id == owner_id)
        if not session.execute(ended).rowcount:  # type: ignore[attr-defined]
            _refuse(session, actor, token_id, owner_id)
        audit.record(session, actor, "token.revoked", ("token", token_id))


_WITH_ID = (
    select(Token, User).join(User, User.id == Token.user_id).where(Token.id == bindparam("token"))
)
"""Built once: every request of a program asks it."""


def caller_by_token(session: Session, text: str, visitor: Actor) -> Caller:
    """Whoever this bearer token stands for. Raises NotAuthenticated."""
    token, user = _found(session, text)
    if token.networks and not _within(visitor.ip, token.networks):
        raise NotAuthenticated("This token does not work from your address; ask for one that does.")
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


def _within(ip: str | None, networks: Sequence[str]) -> bool:
    try:
        address = ipaddress.ip_address(ip or "")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return any(mapped in ipaddress.ip_network(each) for each in networks)


def _found(session: Session, text: str) -> tuple[Token, User]:
    """The living token with this text and whose it is. Raises NotAuthenticated."""
    kind, _, rest = text.partition("_")
    token_id, _, secret = rest.partition("_")
    known = kind == "rp" and is_id(token_id)
    found = session.execute(_WITH_ID, {"token": token_id}).first() if known else None
    release(session)
    fits = hmac.compare_digest(
        _hash_secret(secret).encode(), (found[0].secret_hash if found else "0" * 64).encode()
    )
    if found is None or not fits or not _works(*found):
        raise NotAuthenticated("The token is unknown, expired or revoked; ask for a new one.")
    return found[0], found[1]


def _works(token: Token, user: User) -> bool:
    return token.revoked_at is None and token.disabled_at is None and user.active


def rights_of(role: str, scopes: Sequence[str]) -> frozenset[str]:
    """A token never may more than its owner, and no more than its scopes."""
    granted = frozenset().union(*(SCOPE_MAY.get(scope, frozenset()) for scope in scopes))
    return ROLE_MAY[role] & granted
