"""Requests to one Azure container: who asks, how long they may take, what failures mean."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from azure.storage.blob import BlobProperties, BlobSasPermissions, generate_blob_sas
from azure.storage.blob.aio import BlobClient, ContainerClient

from storage_backends.azure_errors import azure_errors, code_of
from storage_backends.azure_fs import connected
from storage_backends.base import StoredObject
from storage_backends.network_client import MARK, Head, NetworkClient
from storage_backends.options import AzureOptions
from storage_backends.part_plan import Piece

READ = BlobSasPermissions(read=True)


class AzureClient(NetworkClient):
    """Asks one container. Raises ValueError when the options do not say who we are."""

    options: AzureOptions
    code_of_repetition = "InvalidBlockList"

    def __init__(self, container: str, prefix: str, options: AzureOptions) -> None:
        super().__init__(container, prefix, options)
        _ = self.fs

    def _connected(self) -> Any:
        return connected(self.options)

    @property
    def container(self) -> ContainerClient:
        found: ContainerClient = self.fs.service_client.get_container_client(self.place)
        return found

    def blob(self, key: str, version: str | None = None) -> BlobClient:
        name = self.prefix + key
        found: BlobClient = self.fs.service_client.get_blob_client(
            self.place, name, version_id=version
        )
        return found

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
