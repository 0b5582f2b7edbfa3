"""Portals whose recordings are on each kind of storage, on real servers of this machine."""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass

import pytest
from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobServiceClient

from storage_backends import AzureOptions, S3Options, Store, open_store
from tests.storage.servers import azurite, moto, s3_call, seaweed

__all__ = ["Backend", "azurite", "backend", "moto", "seaweed"]


@dataclass(frozen=True)
class Backend:
    """The settings of a portal, and its storage as somebody else sees it; None is a folder."""

    settings: dict[str, str]
    store: Store | None


def on_s3(options: S3Options, shared_staging: bool = False) -> Backend:
    with contextlib.suppress(FileExistsError):
        s3_call(options, "create_bucket", Bucket="shared")
    url = f"s3://shared/{secrets.token_hex(8)}"
    said = {
        "S3_ENDPOINT_URL": options.endpoint_url,
        "AWS_REGION": options.region,
        "AWS_ACCESS_KEY_ID": options.key,
        "AWS_SECRET_ACCESS_KEY": options.secret,
    }
    staging = {"PORTAL_STAGING_URL": f"{url}/staging"} if shared_staging else {}
    store = open_store(f"{url}/kept", options=options)
    return Backend({"PORTAL_STORAGE_URL": f"{url}/kept"} | said | staging, store)


def on_azure(options: AzureOptions) -> Backend:
    service = BlobServiceClient.from_connection_string(options.connection_string)
    with contextlib.suppress(ResourceExistsError):
        service.create_container("shared")
    url = f"abfs://shared/{secrets.token_hex(8)}"
    said = {"AZURE_STORAGE_CONNECTION_STRING": options.connection_string}
    return Backend({"PORTAL_STORAGE_URL": url} | said, open_store(url, options=options))


@pytest.fixture(params=["local", "s3", "s3 with shared staging", "azure"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Each kind of storage; staging is a folder unless it says otherwise."""
    if request.param == "local":
        return Backend({}, None)
    if request.param == "azure":
        return on_azure(request.getfixturevalue("azurite"))
    return on_s3(request.getfixturevalue("seaweed"), "shared" in request.param)
