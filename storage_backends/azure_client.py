"""Requests to one Azure container: who asks, how long they may take, what failures mean."""

from __future__ import annotations

import atexit
import contextlib
import os
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.storage.blob import BlobProperties, BlobSasPermissions, generate_blob_sas
from azure.storage.blob.aio import BlobClient, BlobServiceClient, ContainerClient, LinearRetry

from storage_backends.azure_errors import azure_errors, code_of
from storage_backends.base import ObjectExists, ObjectNotFound, StorageError, StorageUnavailable
from storage_backends.flight import MARK, PROMPT, Answer, Request, run
from storage_backends.options import AzureOptions

CONFIG: dict[str, Any] = {
    # The library's own four attempts, 15 to 24 s apart, block a thread for 92 s.
    "retry_policy": LinearRetry(backoff=1, retry_total=1, random_jitter_range=0),
    "connection_timeout": 2,
    "read_timeout": 60,  # of a copy inside the server; PROMPT bounds the others
    "max_single_get_size": 32 * 1024 * 1024,  # what is read is always less: one request
}


class Client:
    """Asks one container. Raises ValueError when the options do not say who we are."""

    def __init__(self, container: str, prefix: str, options: AzureOptions) -> None:
        self.name = container
        self.prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self.options = options
        self._made_by = 0
        self._container = self._connected()

    @property
    def container(self) -> ContainerClient:
        """The client of this process: after a fork, the old one's event loop has no thread."""
        if self._made_by != os.getpid():
            self._container = self._connected()
        return self._container

    def _connected(self) -> ContainerClient:
        service = _service(self.options)
        self._made_by = os.getpid()
        atexit.register(_close, service, self._made_by)
        return service.get_container_client(self.name)

    def blob(self, key: str, version: str | None = None) -> BlobClient:
        return self.container.get_blob_client(self.prefix + key, version_id=version)

    def errors(self, key: str) -> AbstractContextManager[None]:
        """Turns what the library raises inside into the store's own errors."""
        return azure_errors(self.name, key)

    def run(self, key: str, request: Request[Answer], seconds: float = PROMPT) -> Answer:
        """The answer to a request about this object."""
        with self.errors(key):
            return run(request, seconds)

    async def head(self, key: str) -> BlobProperties:
        """Size, time and metadata of an object. Raises ObjectNotFound."""
        with self.errors(key):
            return await self.blob(key).get_blob_properties()

    def refuse_taken(self, key: str) -> None:
        """Raises ObjectExists."""
        try:
            self.run(key, self.head(key))
        except ObjectNotFound:
            return
        raise ObjectExists(f"The object {key!r} exists and is never changed.")

    def publish(self, key: str, token: str, request: Request[Any], seconds: float) -> None:
        """The request that makes an object visible, unless there is one. Raises ObjectExists.

        `token` is in the metadata of the object to be: it tells ours from another writer's.
        """
        try:
            self.run(key, request, seconds)
        except StorageError as error:
            # When the answer to a request got lost, its repetition finds the object there.
            repeated = isinstance(error, ObjectExists) or code_of(error) == "InvalidBlockList"
            if not (repeated and self._is_ours(key, token)):
                raise

    def _is_ours(self, key: str, token: str) -> bool:
        try:
            return bool((self.run(key, self.head(key)).metadata or {}).get(MARK) == token)
        except StorageError:
            return False

    def signed_url(self, key: str, life: timedelta) -> str | None:
        """An address that gives the object to whoever has it; None where we cannot sign."""
        blob = self.blob(key)
        account_key = getattr(blob.credential, "account_key", None)
        if account_key is None or blob.account_name is None:
            return None
        signature = generate_blob_sas(
            account_name=blob.account_name,
            container_name=blob.container_name,
            blob_name=blob.blob_name,
            account_key=account_key,
            permission=BlobSasPermissions(read=True),
            expiry=datetime.now(UTC) + life,
        )
        return f"{blob.url}?{signature}"


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
