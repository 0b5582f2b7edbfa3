"""What S3's and Azure's failures have in common: which errors of ours they are, and why."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from storage_backends.base import (
    ObjectExists,
    ObjectNotFound,
    StorageError,
    StorageFull,
    StorageUnavailable,
)

Kind = TypeVar("Kind", bound=BaseException)
SILENT = "it does not answer in time; is it overloaded, or a firewall in between?"
CAUSES: dict[type[BaseException], str] = {
    socket.gaierror: "its name cannot be found (DNS); look at the address",
    ConnectionRefusedError: "it refuses connections; is it running, and the port right?",
    ssl.SSLError: "its TLS certificate is not trusted, or it speaks no TLS",
    TimeoutError: SILENT,
    ConnectionResetError: "it broke the connection off",
}


@dataclass(frozen=True)
class Codes:
    """A server's codes for what has an error of its own here."""

    not_found: frozenset[str]
    exists: frozenset[str]
    full: frozenset[str]

    def translated(self, code: str, key: str, otherwise: Callable[[], str]) -> StorageError:
        """Our error for this code; `otherwise` makes the sentence of those that are not listed."""
        if code in self.not_found:
            return ObjectNotFound.named(key)
        if code in self.exists:
            return ObjectExists.named(key)
        return StorageFull() if code in self.full else StorageUnavailable(otherwise())


def cause(error: BaseException | None, kind: type[Kind]) -> Kind | None:
    """The error of this kind that this one is, or was made of."""
    while error is not None and not isinstance(error, kind):
        error = error.__cause__
    return error


def why_unreachable(error: BaseException) -> str:
    """The part of a sentence that follows "The storage at … cannot be used: "."""
    chain = list(_chain(error))
    for kind, cause in CAUSES.items():
        if any(isinstance(each, kind) for each in chain):
            return cause
    return f"the connection failed ({type(chain[-1]).__name__})"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it came from, as far as libraries tell."""
    while error is not None:
        yield error
        # botocore keeps its cause in kwargs, aiohttp in os_error.
        told = getattr(error, "kwargs", None) or {}
        inner = told.get("error") or getattr(error, "os_error", None)
        error = inner or error.__cause__ or error.__context__
