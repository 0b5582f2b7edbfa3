"""adlfs, with what it lacks: limits of retries and time.

It finds out who we are: a connection string, an account's key, else SAS, service principal or the
machine's managed identity. The requests are made with its client.
"""

from __future__ import annotations

from typing import Any

import fsspec
from azure.storage.blob.aio import BlobServiceClient, LinearRetry

from storage_backends.options import AzureOptions

CONFIG: dict[str, Any] = {
    # The library's own four attempts, 15 to 24 s apart, block a thread for 92 s.
    "retry_policy": LinearRetry(backoff=1, retry_total=1, random_jitter_range=0),
    "connection_timeout": 2,
    "read_timeout": 60,  # of a copy inside the server; PROMPT bounds the others
    "max_single_get_size": 32 * 1024 * 1024,  # what is read is always less: one request
}


def connected(said: AzureOptions) -> Any:
    """The file system of this process. Raises ValueError when the options do not say who we are."""
    fs = _adlfs(said)
    was = fs.service_client
    fs.service_client = BlobServiceClient(was.url, credential=was.credential, **CONFIG)
    return fs


def _adlfs(said: AzureOptions) -> Any:
    login = _login(said)
    try:
        fs = fsspec.filesystem("abfs", **login, use_listings_cache=False, skip_instance_cache=True)
    except ValueError:  # its message may repeat what was written, the key too
        raise ValueError("AZURE_STORAGE_CONNECTION_STRING is malformed.") from None
    if "account_name" in login and fs.service_client.account_name != said.account:
        raise ValueError(
            "The environment has another Azure login than this storage; "
            "unset AZURE_STORAGE_CONNECTION_STRING."
        )
    return fs


def _login(said: AzureOptions) -> dict[str, str]:
    """What adlfs is told. A connection string keeps it from reading the environment's."""
    if said.connection_string:
        return {"connection_string": said.connection_string}
    if said.account and said.key:
        login = f"AccountName={said.account};AccountKey={said.key}"
        ends = "DefaultEndpointsProtocol=https;EndpointSuffix=core.windows.net"
        return {"connection_string": f"{ends};{login}"}
    if said.account:
        return {"account_name": said.account}
    raise ValueError("Azure needs AZURE_STORAGE_CONNECTION_STRING or AZURE_STORAGE_ACCOUNT.")
