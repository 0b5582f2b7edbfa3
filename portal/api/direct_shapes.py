"""How a client is told to put its bytes into the storage itself (docs/wire/direct.md)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from portal.api.describing import Answer
from portal.core.direct import DirectPart


class SignedPart(Answer):
    """A request that puts one part; its headers have to be sent as they are."""

    number: int
    size: int
    method: str
    url: str
    headers: dict[str, str]


class Direct(Answer):
    """Part `number` is the `size` bytes of the file from `number × part_size` on."""

    part_size: int
    parts: list[SignedPart]


MaybeDirect = Annotated[Direct | None, Field(exclude_if=lambda found: found is None)]
"""Left out where it is None: no client that did not ask for it meets the word."""


def direct(part_size: int | None, parts: list[DirectPart] | None) -> Direct | None:
    """What is to be sent still; None where the bytes go through the portal."""
    if part_size is None or parts is None:
        return None
    return Direct(part_size=part_size, parts=[_signed(part) for part in parts])


def _signed(part: DirectPart) -> SignedPart:
    ask = part.request
    return SignedPart(
        number=part.number,
        size=part.size,
        method=ask.method,
        url=ask.url,
        headers=dict(ask.headers),
    )
