"""Requests to one Azure container: who asks, how long they may take, what failures mean."""

from __future__ import annotations

import atexit
import contextlib
import os
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from azure.storage.blob import BlobProperties, BlobSasPermissions, generate_blob_sas
from azure.storage.blob.aio import BlobClient, BlobServiceClient, ContainerClient, LinearRetry

from storage_backends.azure_errors import azure_errors, code_of
from storage_backends.base import StorageUnavailable, StoredObject
from storage_backends.flight import run
from storage_backends.network_client import MARK, Head, NetworkClient
from storage_backends.options import AzureOptions
from storage_backends.part_plan import Piece

CONFIG: dict[str, Any] = {
    # The library's own four attempts, 15 to 24 s apart, block a thread for 92 s.
    "retry_policy": LinearRetry(backoff=1, retry_total=1, random_jitter_range=0),
    "connection_timeout": 2,
    "read_timeout": 60,  # of a copy inside the server; PROMPT bounds the others
    "max_single_get_size": 32 * 1024 * 1024,  # what is read is always less: one request
}
READ = BlobSasPermissions(read=True)


class AzureClient(NetworkClient):
    """Asks one container. Raises ValueError when the options do not say who we are."""

    code_of_repetition = "InvalidBlockList"

    def __init__(self, container: str, prefix: str, options: AzureOptions) -> None:
        super().__init__(container, prefix, options)
        self.said = options
        _ = self.fs

    def _connected(self) -> ContainerClient:
        service = _service(self.said)
        atexit.register(_close, service, os.getpid())
        return service.get_container_client(self.place)

    @property
    def container(self) -> ContainerClient:
        found: ContainerClient = self.fs
        return found

    def blob(self, key: str, version: str | None = None) -> BlobClient:
        return self.container.get_blob_client(self.prefix + key, version_id=version)

    def errors(self, key: str) -> AbstractContextManager[None]:
        return azure_errors(self.place, key)

    def code_of(self, error: BaseException) -> str:
        return code_of(error)

    async def head(self, key: str, version: str | None = None) -> Head:
        with self.errors(key):
            told = await self.blob(key, version).get_blob_properties()
        return Head(self.stored(told), (told.metadata or {}).get(MARK, ""))

    def stored(self, told: BlobProperties) -> StoredObject:
        """An object as Azure describes it; listings name no version."""
        key = told.name.removeprefix(self.prefix)
        modified = told.last_modified.astimezone(UTC)
        return StoredObject(key, told.size, modified, told.version_id or None)

    async def download(self, key: str, piece: Piece, version: str | None = None) -> bytes:
        """These bytes of an object, in one request."""
        with self.errors(key):
            blob = self.blob(key, version)
            answer = await blob.download_blob(piece.start, piece.stop - piece.start)
            found: bytes = await answer.readall()
        return found

    def signed_url(
        self,
        key: str,
        life: timedelta,
        may: BlobSasPermissions = READ,
        version: str | None = None,
        **more: Any,
    ) -> str | None:
        """An address that lets whoever has it do what it `may`; None where we cannot sign."""
        blob = self.blob(key, version)
        account_key = getattr(blob.credential, "account_key", None)
        if account_key is None or blob.account_name is None:
            return None
        signature = generate_blob_sas(
            account_name=blob.account_name,
            container_name=blob.container_name,
            blob_name=blob.blob_name,
            account_key=account_key,
            permission=may,
            expiry=datetime.now(UTC) + life,
            version_id=version,
            **more,
        )
        which = f"versionid={quote(version)}&" if version else ""
        return f"{blob.url}?{which}{signature}"


def version_in(answer: dict[str, Any]) -> str | None:
    """The version that an answer names, where the account keeps versions."""
    named: str | None = answer.get("version_id")
    return named or None


def _close(service: BlobServiceClient, made_by: int) -> None:
    """At the end of the process that made it: aiohttp complains of what is left open."""
    if made_by == os.getpid():
        with contextlib.suppress(StorageUnavailable):
            run(service.close(), 1)


def _service(said: AzureOptions) -> BlobServiceClient:
    if said.connection_string:
        try:
            return BlobServiceClient.from_connection_string(said.connection_string, **CONFIG)
        except ValueError:  # its message may repeat what was written, the key too
            raise ValueError("AZURE_STORAGE_CONNECTION_STRING is malformed.") from None
    if said.account and said.key:
        url = f"https://{said.account}.blob.core.windows.net"
        return BlobServiceClient(url, credential=said.key, **CONFIG)
    raise ValueError(
        "Azure needs AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT and "
        "AZURE_STORAGE_KEY."
    )
