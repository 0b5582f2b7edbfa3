"""A test of a store, step by step: does it keep bytes the way that we rely on?"""

from __future__ import annotations

import hashlib
import secrets
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from storage_backends.base import ObjectExists, ObjectNotFound, StorageError, Store

CONTENT = secrets.token_bytes(64 * 1024)
LARGE = 144
"""How often CONTENT makes 9 MiB, more than stores send in one part."""
MOST_SKEW = 60
"""Seconds. S3 refuses from 15 minutes on, but ages and lives are compared before."""


@dataclass(frozen=True)
class Step:
    """One step: its name, how long it took, and the sentence of what went wrong, if anything."""

    name: str
    seconds: float
    problem: str | None


def try_out(store: Store) -> Iterator[Step]:
    """Everything that we rely on. Stops at a failure, and leaves nothing that it can remove."""
    trial = _Trial(store, f"trial/{secrets.token_hex(8)}")
    steps: list[tuple[str, Callable[[], str | None]]] = [
        ("write", trial.write),
        ("clock skew", trial.clock),
        ("read back", trial.read),
        ("read a range", trial.read_range),
        ("list", trial.list),
        ("join", trial.join),
        ("multipart", trial.multipart),
        ("refuse to overwrite", trial.refuse),
        ("presign", trial.presign),
        ("direct upload", trial.direct_upload),
        ("lock support", store.locking),
        ("delete", trial.delete),
    ]
    try:
        for name, act in steps:
            step = _timed(name, act)
            yield step
            if step.problem:
                return
    finally:
        _timed("clean up", trial.delete)


def _timed(name: str, act: Callable[[], str | None]) -> Step:
    """The step; what it has found out stands behind its name."""
    begun = time.perf_counter()
    found = problem = None
    try:
        found = act()
    except StorageError as error:
        problem = str(error)
    seconds = time.perf_counter() - begun
    return Step(f"{name}: {found}" if found else name, seconds, problem)


class _Trial:
    """The steps; each returns what it has found out, or None, and raises StorageError."""

    def __init__(self, store: Store, folder: str) -> None:
        self.store = store
        self.keys = [f"{folder}/{name}" for name in "1234"]
        self.one, self.joined, self.large, self.direct = self.keys
        self.folder = folder

    def write(self) -> None:
        self.store.write(self.one, [CONTENT])

    def clock(self) -> None:
        apart = abs((datetime.now(UTC) - self.store.stat(self.one).modified).total_seconds())
        if apart > MOST_SKEW:
            raise StorageError(
                f"This machine's clock and the storage's are {apart:.0f} s apart; set them right."
            )

    def read(self) -> None:
        _expect(b"".join(self.store.read(self.one)), CONTENT)

    def read_range(self) -> None:
        _expect(b"".join(self.store.read(self.one, 9, 99)), CONTENT[9:99])

    def list(self) -> None:
        _expect([each.key for each in self.store.find(self.folder)], [self.one])

    def join(self) -> None:
        self.store.join([self.one, self.one], self.joined)
        _expect(b"".join(self.store.read(self.joined)), CONTENT * 2)

    def multipart(self) -> None:
        self.store.write(self.large, [CONTENT] * LARGE)
        _expect(self.store.checksum(self.large), hashlib.sha256(CONTENT * LARGE).hexdigest())

    def refuse(self) -> None:
        for key, blocks in ((self.one, 1), (self.large, LARGE)):
            with suppress(ObjectExists):
                self.store.write(key, [b"other", *[CONTENT] * blocks])
                raise StorageError("The store let an existing object be overwritten.")

    def presign(self) -> str | None:
        address = self.store.direct_url(self.one)
        if address is None:
            return "no"
        _expect(_sent(urllib.request.Request(address)), CONTENT)  # noqa: S310 - the store's
        return None

    def direct_upload(self) -> str | None:
        signed = self.store.direct_upload(self.direct, len(CONTENT), MOST_SKEW)
        if signed is None:
            return "no"
        said = {"Content-Type": "application/octet-stream", **signed.headers}
        _sent(urllib.request.Request(signed.url, CONTENT, said, method=signed.method))  # noqa: S310
        _expect(b"".join(self.store.read(self.direct)), CONTENT)
        return None

    def delete(self) -> None:
        for key in self.keys:
            self.store.delete(key)
        with suppress(ObjectNotFound):
            self.store.stat(self.one)
            raise StorageError("The object is still there after deleting it.")


def _sent(request: urllib.request.Request) -> bytes:
    """The answer to a request that the store has signed. Its address is a key: nobody may see it,
    and the error's own message may show it."""
    try:
        with urllib.request.urlopen(request, timeout=4) as answer:  # noqa: S310 - the store's
            found: bytes = answer.read()
    except OSError as error:
        status = getattr(error, "code", type(error).__name__)
        raise StorageError(f"A signed request was not accepted ({status}).") from None
    return found


def _expect(found: object, expected: object) -> None:
    if found != expected:
        raise StorageError("The store returned something else than what was written.")
