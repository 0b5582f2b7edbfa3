"""One object made of parts: they are sent, copied by the server or merged, then become visible."""

from __future__ import annotations

import asyncio
import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, Generic, TypeVar

from storage_backends.base import StorageFull, StorageUnavailable
from storage_backends.flight import PART_SIZE, PATIENT, Request
from storage_backends.network_client import NetworkClient
from storage_backends.part_plan import Piece

READS_AT_ONCE = 8
Part = TypeVar("Part")
Client = TypeVar("Client", bound=NetworkClient)


class PartsUpload(ABC, Generic[Part, Client]):
    """The object `key` to be; nothing of it is visible before `keep` returns.

    `part_size`, in bytes, is about how much of it passes through us in one request.
    """

    most_parts: ClassVar[int]
    least_copied: ClassVar[int]
    """Bytes of the smallest part that the server copies itself."""

    def __init__(self, client: Client, key: str, part_size: int) -> None:
        self.client = client
        self.key = key
        self.part_size = part_size
        self.patience = PATIENT * max(1, part_size // PART_SIZE)
        self.token = secrets.token_hex(8)

    @abstractmethod
    def keep(self, requests: Iterable[Request[Part]]) -> str | None:
        """Await the parts and make them an object; its version.

        Raises ObjectExists, StorageFull, CannotCopy.
        """

    def send_all(self, bodies: Iterable[bytearray]) -> Iterator[Request[Part]]:
        """Requests that send these bodies. Raises StorageFull beyond `most_parts` of them."""
        for number, body in enumerate(filter(None, bodies), 1):  # the last may be empty
            if number > self.most_parts:
                most = self.most_parts * self.part_size >> 30
                raise StorageFull(
                    f"One write of unknown size holds {most} GiB; send the rest as another."
                )
            yield self._send(number, body)

    def join_all(
        self, plan: Sequence[list[Piece]], source: Client, keys: Sequence[str]
    ) -> Iterator[Request[Part]]:
        """Requests that make the parts of this plan out of the objects with these keys."""
        for number, pieces in enumerate(plan, 1):
            if len(pieces) == 1 and pieces[0].stop - pieces[0].start >= self.least_copied:
                yield self._copy(number, source, keys[pieces[0].source], pieces[0])
            else:
                yield self._merge(number, source, keys, pieces)

    async def _merge(
        self, number: int, source: Client, keys: Sequence[str], pieces: Sequence[Piece]
    ) -> Part:
        body = bytearray()
        for at in range(0, len(pieces), READS_AT_ONCE):
            few = pieces[at : at + READS_AT_ONCE]
            reads = (self._read_all_of(source, keys[each.source], each) for each in few)
            for found in await asyncio.gather(*reads):
                body += found
        return await self._send(number, body)

    async def _read_all_of(self, source: Client, key: str, piece: Piece) -> bytes:
        found = await self._read(source, key, piece)
        if len(found) != piece.stop - piece.start:
            raise StorageUnavailable(f"The storage returned too few bytes of {key!r}.")
        return found

    @abstractmethod
    async def _send(self, number: int, body: bytearray) -> Part: ...

    @abstractmethod
    async def _copy(self, number: int, source: Client, key: str, piece: Piece) -> Part:
        """Raises CannotCopy."""

    @abstractmethod
    async def _read(self, source: Client, key: str, piece: Piece) -> bytes: ...


class CannotCopy(Exception):
    """The server cannot copy from one object to another here."""
