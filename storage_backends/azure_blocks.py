"""One blob made of blocks: they are sent, or copied by Azure, then become an object."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from azure.core import MatchConditions
from azure.storage.blob import BlobBlock

from storage_backends.azure_client import Client
from storage_backends.azure_errors import code_of
from storage_backends.base import StorageFull, StorageUnavailable
from storage_backends.flight import IN_FLIGHT, MARK, PART_SIZE, PATIENT, Request, run_all
from storage_backends.part_plan import Piece

MOST_BLOCKS = 50_000
COPY_LIFE = timedelta(hours=1)
READS_AT_ONCE = 8
CANNOT_COPY = {"NotImplemented", "APINotImplemented", "501", "CannotVerifyCopySource"}


class CannotCopy(Exception):
    """Azure cannot copy from one blob to another here: not signed, not reachable for itself."""


class Blocks:
    """The blob `key` to be; nothing of it is visible before `keep` returns."""

    def __init__(self, client: Client, key: str) -> None:
        self.client = client
        self.key = key
        self.token = secrets.token_hex(8)

    def keep(self, requests: Iterable[Request[str]]) -> None:
        """Await the blocks and make them an object. Raises ObjectExists, StorageFull, CannotCopy.

        Of what fails, Azure removes the blocks after a week; they cannot be removed before.
        """
        self.client.refuse_taken(self.key)
        ids = run_all(requests, PATIENT, IN_FLIGHT)
        self.client.publish(self.key, self.token, self._commit(ids), PATIENT)

    def send_all(self, bodies: Iterable[bytearray]) -> Iterator[Request[str]]:
        """Requests that send these bodies. Raises StorageFull beyond 50 000 of them."""
        for number, body in enumerate(bodies):
            if number >= MOST_BLOCKS:
                raise StorageFull(
                    f"One write holds {MOST_BLOCKS * PART_SIZE >> 30} GiB; send the rest apart."
                )
            if body:
                yield self._send(number, body)

    def join_all(self, plan: Sequence[list[Piece]], keys: Sequence[str]) -> Iterator[Request[str]]:
        """Requests that make the blocks of this plan out of the objects with these keys."""
        for number, pieces in enumerate(plan):
            if len(pieces) == 1:
                yield self._copy(number, keys[pieces[0].source], pieces[0])
            else:
                yield self._merge(number, pieces, keys)

    async def _commit(self, ids: Sequence[str]) -> None:
        blocks = [BlobBlock(block_id=each) for each in ids]
        blob = self.client.blob(self.key)
        await blob.commit_block_list(
            blocks, metadata={MARK: self.token}, match_condition=MatchConditions.IfMissing
        )

    async def _send(self, number: int, body: bytes | bytearray) -> str:
        with self.client.errors(self.key):
            await self.client.blob(self.key).stage_block(
                self._id(number), bytes(body), validate_content="md5"
            )
        return self._id(number)

    async def _copy(self, number: int, source: str, piece: Piece) -> str:
        address = self.client.signed_url(source, COPY_LIFE)
        if address is None:
            raise CannotCopy
        span = (piece.start, piece.stop - piece.start)
        blob = self.client.blob(self.key)
        try:
            with self.client.errors(source):
                await blob.stage_block_from_url(self._id(number), address, *span)
        except StorageUnavailable as error:
            if code_of(error) in CANNOT_COPY:
                raise CannotCopy from error
            raise
        return self._id(number)

    async def _merge(self, number: int, pieces: Sequence[Piece], keys: Sequence[str]) -> str:
        body = bytearray()
        for at in range(0, len(pieces), READS_AT_ONCE):
            few = pieces[at : at + READS_AT_ONCE]
            reads = (download(self.client, keys[each.source], each) for each in few)
            body += b"".join(await asyncio.gather(*reads))
        return await self._send(number, body)

    def _id(self, number: int) -> str:
        # Two writers of one key share its uncommitted blocks: each needs names of its own.
        return f"{self.token}{number:05d}"


async def download(client: Client, key: str, piece: Piece) -> bytes:
    """These bytes of an object, in one request."""
    length = piece.stop - piece.start
    with client.errors(key):
        answer = await client.blob(key).download_blob(piece.start, length)
        found = await answer.readall()
    if len(found) != length:
        raise StorageUnavailable(f"The storage returned too few bytes of {key!r}.")
    return found
