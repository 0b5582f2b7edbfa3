"""Seals: signed statements about the end of the chain, kept where the database does not reach.

Whoever can write to the database can compute the chain anew, or cut off its end. What was sealed
before stays in a file of the data folder and in the store, with a signature whose key was never in
the database. docs/audit.md says how to check one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.core import audit, chain
from portal.core.audit.acts import SYSTEM, Actor
from portal.core.models import AuditHead, AuditSeal
from portal.core.transaction import release, utc_now, writing
from storage_backends import ObjectNotFound, Store

PREFIX = "seals/"
SEALS = b"portal audit seal 1\n"
EXPORTS = b"portal audit export 1\n"
"""What is signed begins with what it is: no signature of one kind passes for the other."""
LONGEST = 4096


class SealKey:
    """The private key that signs: 32 bytes as 64 hex digits. `public` is what others check with.

    Raises ValueError for anything else.
    """

    def __init__(self, secret: str) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))
        self.public = self._private.public_key().public_bytes_raw().hex()

    def sign(self, kind: bytes, statement: dict[str, Any]) -> str:
        """The signature of a statement as 128 hex digits."""
        return self._private.sign(kind + plain(statement)).hex()


def plain(statement: dict[str, Any]) -> bytes:
    """A statement as it is signed: JSON in ASCII without blanks, names sorted."""
    return json.dumps(statement, separators=(",", ":"), sort_keys=True).encode("ascii")


def signed_by(key: str, kind: bytes, statement: dict[str, Any], signature: str) -> bool:
    """Whether this public key's owner has signed the statement."""
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
        public.verify(bytes.fromhex(signature), kind + plain(statement))
    except (InvalidSignature, ValueError):
        return False
    return True


@dataclass(frozen=True)
class Seal:
    """At this time the chain had `seq` events and the last one this hash, says whoever has the
    key. Times are stamps (see chain.stamp), the rest hex digits."""

    seq: int
    hash: str
    at: str
    key: str
    signature: str

    @property
    def statement(self) -> dict[str, Any]:
        return {"seq": self.seq, "hash": self.hash, "at": self.at, "key": self.key}

    def genuine(self, public: str) -> bool:
        return self.key == public and signed_by(public, SEALS, self.statement, self.signature)

    def line(self) -> str:
        return json.dumps({"seal": self.statement, "signature": self.signature})


def parse(line: str) -> Seal:
    """A seal as `line()` wrote it. Raises ValueError."""
    try:
        read = json.loads(line)
        seal = Seal(**read["seal"], signature=read["signature"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError("This is no seal.") from error
    texts = (seal.hash, seal.at, seal.key, seal.signature)
    if type(seal.seq) is not int or not all(isinstance(each, str) for each in texts):
        raise ValueError("This is no seal.")
    return seal


@dataclass(frozen=True)
class Outside:
    """Where seals are kept beside the database: appended to a file, and as objects of a store."""

    file: Path
    store: Store

    def keep(self, seal: Seal, at: datetime) -> None:
        """Raises OSError or StorageError; then the seal may be in one place and not the other."""
        self._append(seal.line())
        name = f"{PREFIX}{seal.seq:012}-{at:%Y%m%dT%H%M%S%fZ}.json"
        self.store.write(name, [seal.line().encode()])

    def _append(self, line: str) -> None:
        descriptor = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "a") as file:
            file.write(f"{line}\n")
            file.flush()
            os.fsync(file.fileno())

    def lines(self) -> Iterator[tuple[str, str]]:
        """(where it is, what is there) of everything that should be a seal."""
        if self.file.exists():
            with self.file.open(errors="replace") as file:
                for number, line in enumerate(file, start=1):
                    yield f"{self.file.name} line {number}", line
        for stored in self.store.find(PREFIX.rstrip("/")):
            try:
                content = b"".join(self.store.read(stored.key, 0, LONGEST))
            except ObjectNotFound:  # it was listed a moment ago
                content = b""
            yield stored.key, content.decode(errors="replace")


def in_database(session: Session, newest: int | None = None) -> list[tuple[str, Seal]]:
    """(where it is, the seal) of those that the database has, or of so many; newest first."""
    query = select(AuditSeal).order_by(AuditSeal.id.desc()).limit(newest)
    rows = session.scalars(query).all()
    release(session)
    return [(f"audit_seal {row.id}", _of_row(row)) for row in rows]


def latest(session: Session) -> Seal | None:
    """The newest seal that the database has."""
    found = in_database(session, newest=1)
    return found[0][1] if found else None


def _of_row(row: AuditSeal) -> Seal:
    return Seal(row.seq, row.hash, chain.stamp(row.at), row.key, row.signature)


def seal(
    session: Session, outside: Outside, key: SealKey, actor: Actor = SYSTEM
) -> tuple[Seal, bool]:
    """Sign the end of the chain, and keep it outside and in the database.

    Returns the seal, and False if nothing has happened since the last one, which then stands.
    Raises OSError or StorageError if it cannot be kept outside; the database then has none.
    """
    end, last = head(session), latest(session)
    if last is not None and end.seq <= last.seq + 1:  # the one event is the sealing itself
        return last, False
    now = utc_now()
    unsigned = Seal(end.seq, end.hash, chain.stamp(now), key.public, "")
    made = replace(unsigned, signature=key.sign(SEALS, unsigned.statement))
    outside.keep(made, now)
    with writing(session):
        row = AuditSeal(seq=made.seq, hash=made.hash, at=now, key=made.key)
        row.signature = made.signature
        session.add(row)
        audit.record(session, actor, "audit.sealed", None, seq=made.seq, hash=made.hash)
    return made, True


def head(session: Session) -> AuditHead:
    """The end of the chain as it is now."""
    found = session.scalars(select(AuditHead)).one()
    release(session)
    return found
