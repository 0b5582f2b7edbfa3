"""JSON web tokens of an identity provider that the operator trusts (RFC 7519, RFC 7517).

HS256 with a shared key, RS256 and ES256 with keys out of a JWKS. Whoever comes with one gets an
uploader's account on first sight, named after the token's subject.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import jwt
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.accounts import Caller, actor_of, scope_of
from portal.core.audit import SYSTEM, Actor
from portal.core.errors import NotAuthenticated, TryAgainLater
from portal.core.models import User
from portal.core.tokens import rights_of
from portal.core.transaction import release, utc_now, writing

log = logging.getLogger(__name__)

REFUSAL = "The token is invalid or was made for somebody else; ask for a new one."
FETCH_SECONDS, LOOK_AGAIN_SECONDS, BELIEVED_SECONDS = 5, 30.0, 300.0
LONGEST_SUBJECT = 200
KINDS = {"RS256": "RSA", "ES256": "EC"}


class KeySet:
    """The public keys behind a URL (https:// or file://), read every five minutes, and when one is
    asked for that is not known, but at most every half a minute: nobody can make us fetch at will.
    While nothing can be read, the keys that are known stay."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.keys: dict[str, Any] = {}
        self.read_at = -LOOK_AGAIN_SECONDS
        self.readable = True
        self.reading = threading.Lock()

    def key(self, key_id: str, kind: str) -> Any:
        """Raises NotAuthenticated for a key that is unknown or of another kind, TryAgainLater if
        none can be read."""
        with self.reading:  # who comes meanwhile needs what is being read
            wait = LOOK_AGAIN_SECONDS if key_id not in self.keys else BELIEVED_SECONDS
            if time.monotonic() - self.read_at >= wait:
                self._read()
        found = self.keys.get(key_id)
        if found is not None and found.key_type == kind:
            return found.key
        if found is None and not self.readable:
            raise TryAgainLater("The keys that tokens are checked with cannot be read.")
        raise NotAuthenticated(REFUSAL)

    def _read(self) -> None:
        self.read_at = time.monotonic()  # also of a try that fails: the next ones do not wait
        try:
            found = self._fetched().keys
        except (jwt.PyJWTError, OSError, ValueError, AttributeError) as error:
            self.readable = False
            log.error("the JWKS cannot be read: %s", error)
            return
        self.readable = True
        self.keys = {each.key_id: each for each in found if each.key_id}

    def _fetched(self) -> jwt.PyJWKSet:
        parts = urlsplit(self.url)
        if parts.scheme == "file":
            return jwt.PyJWKSet.from_json(Path(unquote(parts.path)).read_text())
        return jwt.PyJWKClient(self.url, cache_jwk_set=False, timeout=FETCH_SECONDS).get_jwk_set()


@dataclass(frozen=True)
class Trust:
    """Whose tokens are believed. `key`: for HS256; `keys`: for RS256 and ES256."""

    issuer: str
    audience: str
    key: str = field(default="", repr=False)
    keys: KeySet | None = None


def caller_by_jwt(session: Session, trust: Trust, text: str, visitor: Actor) -> Caller:
    """Whoever this token speaks of. Raises NotAuthenticated, TryAgainLater."""
    claims = _verified(trust, text)
    user = _user(session, claims["sub"])
    if not user.active:
        raise NotAuthenticated(REFUSAL)
    token_id = hashlib.sha256(text.encode()).hexdigest()[:32]
    return Caller(
        user.id,
        user.email,
        user.role,
        rights_of(user.role, _words(claims.get("scope"), default=["upload", "read"])),
        actor_of(user, visitor, token_id),
        leads=frozenset(_words(claims.get("leads"), default=[])),
        lapsed=claims["exp"] <= utc_now().timestamp(),
        scope=scope_of(user),
    )


def _verified(trust: Trust, text: str) -> dict[str, Any]:
    """The claims of a token with a good signature, from and for whom it should be. It may have
    expired: it still continues the uploads that it began."""
    try:
        header = jwt.get_unverified_header(text)
        algorithm = header.get("alg")
        claims: dict[str, Any] = jwt.decode(
            text,
            _key(trust, algorithm, header.get("kid", "")),
            algorithms=[str(algorithm)],
            audience=trust.audience,
            issuer=trust.issuer,
            options={"require": ["exp", "sub", "aud", "iss"], "verify_exp": False},
        )
    except (jwt.PyJWTError, ValueError) as error:
        raise NotAuthenticated(REFUSAL) from error
    if type(claims["exp"]) is not int or not _fit(claims["sub"]):
        raise NotAuthenticated(REFUSAL)
    return claims


def _key(trust: Trust, algorithm: object, key_id: object) -> Any:
    """The algorithm decides which of our keys counts: a public key never checks an HMAC."""
    if algorithm == "HS256" and trust.key:
        return trust.key
    kind = KINDS.get(str(algorithm))
    if kind and trust.keys is not None and isinstance(key_id, str):
        return trust.keys.key(key_id, kind)
    raise NotAuthenticated(REFUSAL)


def _fit(subject: object) -> bool:
    return (
        isinstance(subject, str) and 0 < len(subject) <= LONGEST_SUBJECT and subject.isprintable()
    )


def _words(claim: object, default: list[str]) -> list[str]:
    """A claim that is a list of words, or one text with blanks in between (RFC 8693)."""
    if claim is None:
        return default
    words = claim.split() if isinstance(claim, str) else claim
    return [word for word in words if isinstance(word, str)] if isinstance(words, list) else []


def _user(session: Session, subject: str) -> User:
    """The account of this subject, made on first sight. No such account can sign in: the
    prefix is no e-mail address of ours, and it has no password."""
    name = f"jwt:{subject}"
    query = select(User).where(User.email == name)
    user = session.scalar(query)
    release(session)
    if user is not None:
        return user
    try:
        with writing(session):
            user = User(email=name, role="uploader", password_hash="", created_at=utc_now())
            session.add(user)
            session.flush()
            audit.record(session, SYSTEM, "user.created", ("user", user.id), email=name)
            return user
    except IntegrityError:  # its first two requests came at once
        user = session.scalars(query).one()
        release(session)
        return user
