"""Requests to one bucket: who asks, how long they may take, what their failures mean."""

from __future__ import annotations

import os
import threading
from contextlib import AbstractContextManager
from typing import Any

import fsspec

from storage_backends.base import ObjectExists, ObjectNotFound, StorageError, StorageUnavailable
from storage_backends.flight import MARK, PROMPT, run
from storage_backends.options import S3Options
from storage_backends.s3_errors import BARE, UNSUPPORTED, code_of, s3_errors

CONFIG = {
    "signature_version": "s3v4",  # what s3fs takes otherwise makes presigned PUTs fail
    "connect_timeout": 2,
    "read_timeout": 60,  # of a copy inside the server; PROMPT bounds the others
    "retries": {"mode": "standard", "total_max_attempts": 2},
    # Each part carries a CRC32 that S3 compares; a SHA-256 beside it took half of our time.
    "s3": {"payload_signing_enabled": False},
    "max_pool_connections": 256,  # each open read holds one; the default of 10 would make them wait
}


class Client:
    """Asks one bucket. Objects have the `prefix` before their keys; it ends with / or is empty."""

    def __init__(self, bucket: str, prefix: str, options: S3Options) -> None:
        self.bucket = bucket
        self.prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self.options = options
        self.conditional = True
        self.one_at_a_time = threading.Lock()
        self._fs: Any = None
        self._made_by = 0

    @property
    def fs(self) -> Any:
        """The s3fs of this process: after a fork, the old one's event loop has no thread."""
        if self._made_by != os.getpid():
            self._fs = self._connected()
            self._made_by = os.getpid()
        return self._fs

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
        with s3_errors(self.bucket, key):
            answer: dict[str, Any] = await self.fs._call_s3(method, Bucket=self.bucket, **more)
        return answer

    def call(self, method: str, key: str = "", **more: Any) -> dict[str, Any]:
        """The same for threads, within PROMPT seconds."""
        return run(self.ask(method, key, **more), PROMPT)

    def errors(self, key: str) -> AbstractContextManager[None]:
        """Turns what the libraries raise inside into the store's own errors."""
        return s3_errors(self.bucket, key)

    async def head(self, key: str) -> dict[str, Any]:
        """Size, time and metadata of an object. Raises ObjectNotFound."""
        try:
            return await self.ask("head_object", key)
        except StorageError as error:
            if code_of(error) in BARE:  # the object may be missing, or its bucket, or our rights
                await self.ask("list_objects_v2", Prefix=self.prefix + key, MaxKeys=1)
            raise

    def refuse_taken(self, key: str) -> None:
        """Raises ObjectExists."""
        try:
            run(self.head(key), PROMPT)
        except ObjectNotFound:
            return
        raise ObjectExists(f"The object {key!r} exists and is never changed.")

    def publish(self, method: str, key: str, token: str, seconds: float, **more: Any) -> None:
        """The request that makes an object visible, unless there is one. Raises ObjectExists.

        `token` is in the metadata of the object to be: it tells ours from another writer's.
        """
        try:
            self._unless_taken(method, key, seconds, more)
        except StorageError as error:
            # When the answer to a request got lost, its repetition finds the object there.
            repeated = isinstance(error, ObjectExists) or code_of(error) == "NoSuchUpload"
            if not (repeated and self._is_ours(key, token)):
                raise

    def _unless_taken(self, method: str, key: str, seconds: float, more: dict[str, Any]) -> None:
        try:
            if self.conditional:
                run(self.ask(method, key, IfNoneMatch="*", **more), seconds)
                return
        except StorageUnavailable as error:
            if code_of(error) not in UNSUPPORTED:
                raise
            self.conditional = False
        with self.one_at_a_time:
            self.refuse_taken(key)
            run(self.ask(method, key, **more), seconds)

    def _is_ours(self, key: str, token: str) -> bool:
        try:
            return bool(run(self.head(key), PROMPT).get("Metadata", {}).get(MARK) == token)
        except StorageError:
            return False

    def presigned(self, method: str, key: str, seconds: int) -> str:
        """An address with which anybody may do this to the object, for so many seconds."""
        return run(self._sign(method, key, seconds), PROMPT)

    async def _sign(self, method: str, key: str, seconds: int) -> str:
        with self.errors(key):
            s3 = await self.fs.set_session()
            named = {"Bucket": self.bucket, "Key": self.prefix + key}
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
