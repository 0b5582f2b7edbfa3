"""One blob made of blocks: its requests, and the one that makes it an object."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from azure.core import MatchConditions
from azure.storage.blob import BlobBlock

from storage_backends.azure_client import AzureClient, version_in
from storage_backends.azure_errors import code_of
from storage_backends.base import StorageUnavailable
from storage_backends.flight import IN_FLIGHT, PATIENT, Request, run_all
from storage_backends.network_client import MARK
from storage_backends.part_plan import Piece
from storage_backends.parts_upload import CannotCopy, PartsUpload

COPY_LIFE = timedelta(hours=1)
CANNOT_COPY = {"NotImplemented", "APINotImplemented", "501", "CannotVerifyCopySource"}


class Blocks(PartsUpload[str, AzureClient]):
    """Blocks of a blob. Of what fails, Azure removes them after a week; nobody can before."""

    most_parts = 50_000
    least_copied = 1

    def keep(self, requests: Iterable[Request[str]]) -> str | None:
        self.client.refuse_taken(self.key)
        ids = run_all(requests, self.patience, IN_FLIGHT)
        return self.client.publish(
            self.key, self.token, lambda: self.client.run(self.key, self._commit(ids), PATIENT)
        )

    async def _commit(self, ids: Sequence[str]) -> str | None:
        blocks = [BlobBlock(block_id=each) for each in ids]
        answer = await self.client.blob(self.key).commit_block_list(
            blocks, metadata={MARK: self.token}, match_condition=MatchConditions.IfMissing
        )
        return version_in(answer)

    async def _send(self, number: int, body: bytearray) -> str:
        with self.client.errors(self.key):
            await self.client.blob(self.key).stage_block(
                self._id(number), bytes(body), validate_content="md5"
            )
        return self._id(number)

    async def _copy(self, number: int, source: AzureClient, key: str, piece: Piece) -> str:
        address = source.signed_url(key, COPY_LIFE)
        if address is None:
            raise CannotCopy
        span = (piece.start, piece.stop - piece.start)
        blob = self.client.blob(self.key)
        try:
            with source.errors(key):
                await blob.stage_block_from_url(self._id(number), address, *span)
        except StorageUnavailable as error:
            if code_of(error) in CANNOT_COPY:
                raise CannotCopy from error
            raise
        return self._id(number)

    async def _read(self, source: AzureClient, key: str, piece: Piece) -> bytes:
        return await source.download(key, piece)

    def _id(self, number: int) -> str:
        # Two writers of one key share its uncommitted blocks: each needs names of its own.
        return f"{self.token}{number:05d}"
