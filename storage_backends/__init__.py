"""Places that keep bytes. `open_store(url)` picks one; nothing here knows the portal."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from storage_backends.base import (
    ObjectExists,
    ObjectNotFound,
    StorageError,
    StorageFull,
    StorageUnavailable,
    Store,
    StoredObject,
)
from storage_backends.fsspec_store import FsspecStore
from storage_backends.local import LocalStore

__all__ = [
    "ObjectExists",
    "ObjectNotFound",
    "StorageError",
    "StorageFull",
    "StorageUnavailable",
    "Store",
    "StoredObject",
    "open_store",
]


def open_store(url: str, strict: bool = True) -> Store:
    """The store at `file:///srv/recordings` or `memory://name` (tests).

    With `strict`, what a write has returned survives a power cut. Raises ValueError with a
    sentence for an address that is none of these.
    """
    parts = urlsplit(url)
    plain = not (parts.query or parts.fragment)
    if plain and parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
        return LocalStore(Path(unquote(parts.path)), strict)
    if plain and parts.scheme == "memory" and parts.netloc:
        return FsspecStore("memory", f"/{parts.netloc}")
    raise ValueError(f"{url!r} is no storage address; write file:///an/absolute/folder.")
