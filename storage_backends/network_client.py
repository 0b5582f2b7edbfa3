"""What the clients of S3 and Azure share: one connection a process, nothing ever overwritten."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar

from storage_backends.base import ObjectExists, ObjectNotFound, StorageError, StoredObject
from storage_backends.flight import PROMPT, Answer, Request, run
from storage_backends.forks import left_to_parent
from storage_backends.options import Options

MARK = "write"
"""The name of the metadata that says which write made an object."""


@dataclass(frozen=True)
class Head:
    """What a server tells of an object without its bytes; `mark` is empty on others' objects."""

    stored: StoredObject
    mark: str


class NetworkClient(ABC):
    """Asks one bucket or container, `place`. The `prefix` before keys ends with / or is empty."""

    code_of_repetition: ClassVar[str]
    """What the completion of parts is answered with when it has been done already."""

    def __init__(self, place: str, prefix: str, options: Options) -> None:
        self.place = place
        self.prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self.options = options
        self._fs: Any = None
        self._made_by = 0

    @property
    def fs(self) -> Any:
        """The fsspec file system of this process: a fork leaves the old one's loop no thread."""
        if self._made_by != os.getpid():
            self._fs = left_to_parent(self._connected())
            self._made_by = os.getpid()
        return self._fs

    @abstractmethod
    def _connected(self) -> Any:
        """A new fsspec file system, which keeps credentials and connections."""

    @abstractmethod
    def errors(self, key: str) -> AbstractContextManager[None]:
        """Turns what the libraries raise inside into the store's own errors."""

    @abstractmethod
    def code_of(self, error: BaseException) -> str:
        """The server's code of the error, also when we have wrapped it."""

    @abstractmethod
    async def head(self, key: str, version: str | None = None) -> Head:
        """Raises ObjectNotFound."""

    def run(self, key: str, request: Request[Answer], seconds: float = PROMPT) -> Answer:
        """The answer to a request about this object."""
        with self.errors(key):
            return run(request, seconds)

    def refuse_taken(self, key: str) -> None:
        """Raises ObjectExists."""
        try:
            self.run(key, self.head(key))
        except ObjectNotFound:
            return
        raise ObjectExists.named(key)

    def publish(self, key: str, token: str, act: Callable[[], str | None]) -> str | None:
        """Do what makes an object visible, unless there is one; its version. Raises ObjectExists.

        `token` is the mark of the object to be: it tells ours from another writer's.
        """
        try:
            return act()
        except StorageError as error:
            # When the answer to a request got lost, its repetition finds the object there.
            told = isinstance(error, ObjectExists) or self.code_of(error) == self.code_of_repetition
            found = self._look(key) if told else None
            if not found or found.mark != token:
                raise
            return found.stored.version

    def _look(self, key: str) -> Head | None:
        try:
            return self.run(key, self.head(key))
        except StorageError:
            return None
