"""Why a server could not be talked to, in plain words; shared by the stores across a network."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

SILENT = "it does not answer in time; is it overloaded, or a firewall in between?"
CAUSES: dict[type[BaseException], str] = {
    socket.gaierror: "its name cannot be found (DNS); look at the address",
    ConnectionRefusedError: "it refuses connections; is it running, and the port right?",
    ssl.SSLError: "its TLS certificate is not trusted, or it speaks no TLS",
    TimeoutError: SILENT,
    ConnectionResetError: "it broke the connection off",
}


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
