"""Checksums that ride on the bytes: a wrong one fails the write, so nothing becomes visible."""

from __future__ import annotations

import hashlib
import hmac
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from portal.core.errors import ChecksumMismatch
from storage_backends.base import Block


class Digest(Protocol):
    def update(self, block: Block, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc32:
    """CRC-32 in the form of a hashlib object; four bytes, most significant first."""

    def __init__(self) -> None:
        self.value = 0

    def update(self, block: Block) -> None:
        self.value = zlib.crc32(block, self.value)

    def digest(self) -> bytes:
        return self.value.to_bytes(4, "big")


# SHA-1 and MD5 detect accidents here, nothing relies on them against an attacker.
ALGORITHMS: dict[str, Callable[[], Digest]] = {
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "md5": lambda: hashlib.md5(usedforsecurity=False),
    "sha256": hashlib.sha256,
    "sha512": hashlib.sha512,
    "crc32": _Crc32,
}


def sha256_of(file: Path) -> str:
    """The SHA-256 of a local file, as 64 hex digits."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


class Tally:
    """The SHA-256 of blocks as they pass."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def over(self, source: Iterator[Block]) -> Iterator[Block]:
        for block in source:
            self._digest.update(block)
            yield block

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


@dataclass(frozen=True)
class Whole:
    """All of the bytes or none of them, where nobody has said how many there are: else a cut
    could pass for the end. `refuse_cut` raises the refusal of a body that did not arrive whole."""

    refuse_cut: Callable[[], None]

    def over(self, source: Iterator[Block]) -> Iterator[Block]:
        yield from source
        self.refuse_cut()


@dataclass(frozen=True)
class Check:
    """What one request's bytes must hash to."""

    algorithm: str
    expected: bytes

    def over(self, source: Iterator[Block]) -> Iterator[Block]:
        """The same blocks; raises ChecksumMismatch at the end if they are not the expected ones."""
        digest = ALGORITHMS[self.algorithm]()
        for block in source:
            digest.update(block)
            yield block
        if not hmac.compare_digest(digest.digest(), self.expected):
            raise ChecksumMismatch("The bytes that arrived are not those that were sent; resend.")
