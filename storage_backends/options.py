"""What an operator may say about a store beside its address. No library is loaded here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Self


def _from(*variables: str, secret: bool = False) -> str:
    """A field that is read from the first of these variables that is set."""
    found: str = field(default="", repr=not secret, metadata={"variables": variables})
    return found


@dataclass(frozen=True)
class _FromEnvironment:
    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """The options of this environment; what is not set is empty."""
        wanted = {each.name: each.metadata["variables"] for each in fields(cls)}
        return cls(
            **{
                name: next((environ[each] for each in names if environ.get(each)), "")
                for name, names in wanted.items()
            }
        )


@dataclass(frozen=True)
class S3Options(_FromEnvironment):
    """Where S3 is and who we are; without a key, the library looks for one (profile, role).

    `equal_parts` is not empty for servers that want all parts of an object equally large (R2).
    """

    endpoint_url: str = _from("S3_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    region: str = _from("AWS_REGION", "AWS_DEFAULT_REGION")
    key: str = _from("AWS_ACCESS_KEY_ID")
    secret: str = _from("AWS_SECRET_ACCESS_KEY", secret=True)
    token: str = _from("AWS_SESSION_TOKEN", secret=True)
    equal_parts: str = _from("S3_EQUAL_PARTS")


@dataclass(frozen=True)
class AzureOptions(_FromEnvironment):
    """Where Azure Blob Storage is and who we are: a connection string, or account and key."""

    connection_string: str = _from("AZURE_STORAGE_CONNECTION_STRING", secret=True)
    account: str = _from("AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_ACCOUNT_NAME")
    key: str = _from("AZURE_STORAGE_KEY", "AZURE_STORAGE_ACCOUNT_KEY", secret=True)


Options = S3Options | AzureOptions
