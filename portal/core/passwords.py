"""Passwords: how they are kept and compared."""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Iterator
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from portal.core.errors import InvalidRequest, TooManyAttempts

MIN_PASSWORD, LONGEST_PASSWORD = 12, 1024
_checking = threading.BoundedSemaphore(2)


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobody_hash() -> str:
    """What the password of an unknown address is checked against, so that it takes as long."""
    return _hasher().hash(secrets.token_urlsafe())


def made_up() -> str:
    """A password to hand to somebody once: 100 random bits, in letters that are read aloud well."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))


def hash_password(password: str) -> str:
    """As it is stored. Raises InvalidRequest for one that is too short or too long."""
    if len(password) < MIN_PASSWORD:
        raise InvalidRequest(f"The password is too short; use at least {MIN_PASSWORD} characters.")
    if len(password) > LONGEST_PASSWORD:
        raise InvalidRequest(
            f"The password is too long; use {LONGEST_PASSWORD} characters at most."
        )
    return _hasher().hash(password)


def fits(password_hash: str | None, password: str) -> bool:
    """Whether it is this password. None, for nobody's, takes as long and fits nothing.

    Each check takes 64 MiB: two at a time, the others wait. Raises TooManyAttempts.
    """
    with _few_at_once():
        try:
            return _hasher().verify(password_hash or _nobody_hash(), password)
        except (VerificationError, InvalidHashError):
            return False


@contextlib.contextmanager
def _few_at_once() -> Iterator[None]:
    if not _checking.acquire(timeout=5):
        raise TooManyAttempts("Too many people sign in at once; try again in a minute.")
    try:
        yield
    finally:
        _checking.release()
