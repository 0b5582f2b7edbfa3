"""Requests to one bucket: who asks, how long they may take, what their failures mean."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

import fsspec

from storage_backends.base import StorageError, StorageUnavailable, StoredObject
from storage_backends.flight import PROMPT, run
from storage_backends.network_client import MARK, Head, NetworkClient
from storage_backends.options import S3Options
from storage_backends.s3_errors import BARE, UNSUPPORTED, code_of, s3_errors

CONFIG = {
    # Options say where a storage is: what the environment names is another one's server.
    "ignore_configured_endpoint_urls": True,
    "signature_version": "s3v4",  # what s3fs takes otherwise makes presigned PUTs fail
    "connect_timeout": 2,
    "read_timeout": 60,  # of a copy inside the server; PROMPT bounds the others
    "retries": {"mode": "standard", "total_max_attempts": 2},
    # Each part carries a CRC32 that S3 compares; a SHA-256 beside it took half of our time.
    "s3": {"payload_signing_enabled": False},
    "max_pool_connections": 256,  # each open read holds one; the default of 10 would make them wait
}


class S3Client(NetworkClient):
    """Asks one bucket."""

    options: S3Options
    code_of_repetition = "NoSuchUpload"

    def __init__(self, bucket: str, prefix: str, options: S3Options) -> None:
        super().__init__(bucket, prefix, options)
        self.conditional = True
        self.one_at_a_time = threading.Lock()

    def _connected(self) -> Any:
        said = self.options
        fs = fsspec.filesystem(
            "s3",
            endpoint_url=said.endpoint_url or None,
            key=said.key or None,
            secret=said.secret or None,
            token=said.token or None,
            client_kwargs={"region_name": said.region} if said.region else {},
            config_kwargs=CONFIG,
            use_listings_cache=False,
        )
        fs.retries = 1  # botocore repeats already, and attempts multiply
        return fs

    async def ask(self, method: str, key: str = "", **more: Any) -> dict[str, Any]:
        """What S3 answers to this request, about an object when it is given a key."""
        if key:
            more["Key"] = self.prefix + key
        with s3_errors(self.place, key):
            answer: dict[str, Any] = await self.fs._call_s3(method, Bucket=self.place, **more)
        return answer

    def call(self, method: str, key: str = "", **more: Any) -> dict[str, Any]:
        """The same for threads, within PROMPT seconds."""
        return run(self.ask(method, key, **more), PROMPT)

    def errors(self, key: str) -> AbstractContextManager[None]:
        return s3_errors(self.place, key)

    def code_of(self, error: BaseException) -> str:
        return code_of(error)

    async def head(self, key: str, version: str | None = None) -> Head:
        try:
            told = await self.ask("head_object", key, **of_version(version))
        except StorageError as error:
            if code_of(error) in BARE:  # the object may be missing, or its bucket, or our rights
                await self.ask("list_objects_v2", Prefix=self.prefix + key, MaxKeys=1)
            raise
        found = stored(key, told["ContentLength"], told["LastModified"], version_in(told))
        return Head(found, told.get("Metadata", {}).get(MARK, ""))

    def create(self, method: str, key: str, seconds: float, **more: Any) -> str | None:
        """Make an object visible unless the key is taken; its version. Raises ObjectExists."""
        try:
            if self.conditional:
                return version_in(run(self.ask(method, key, IfNoneMatch="*", **more), seconds))
        except StorageUnavailable as error:
            if code_of(error) not in UNSUPPORTED:
                raise
            self.conditional = False
        with self.one_at_a_time:
            self.refuse_taken(key)
            return version_in(run(self.ask(method, key, **more), seconds))

    def presigned(self, method: str, key: str, seconds: int, **more: Any) -> str:
        """An address with which anybody may do this to the object, for so many seconds."""
        return run(self._sign(method, key, seconds, more), PROMPT)

    async def _sign(self, method: str, key: str, seconds: int, more: dict[str, Any]) -> str:
        with self.errors(key):
            s3 = await self.fs.set_session()
            named = {"Bucket": self.place, "Key": self.prefix + key, **more}
            return str(await s3.generate_presigned_url(method, named, seconds))

    def locking(self) -> str:
        """Whether the bucket can lock objects against deletion: yes, no, or unknown."""
        try:
            self.call("get_object_lock_configuration")
        except StorageUnavailable as error:
            known = code_of(error) == "ObjectLockConfigurationNotFoundError"
            if not known and code_of(error) not in {"AccessDenied", *UNSUPPORTED}:
                raise
            return "no" if known else "unknown"
        return "yes"


def of_version(version: str | None) -> dict[str, str]:
    """What a request says that means this version of a key."""
    return {"VersionId": version} if version else {}


def version_in(answer: dict[str, Any]) -> str | None:
    """The version that an answer names; a bucket that keeps none may call it null."""
    named = answer.get("VersionId")
    return None if named in (None, "", "null") else str(named)


def stored(key: str, size: int, modified: datetime, version: str | None = None) -> StoredObject:
    """HEAD tells whole seconds, some servers' listings parts of them: we know whole ones."""
    return StoredObject(key, int(size), modified.astimezone(UTC).replace(microsecond=0), version)
