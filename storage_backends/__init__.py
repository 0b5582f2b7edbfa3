"""Places that keep bytes. `open_store(url)` picks one; nothing here knows the portal."""

from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from storage_backends.base import (
    ObjectExists,
    ObjectNotFound,
    SignedRequest,
    StorageError,
    StorageFull,
    StorageUnavailable,
    Store,
    StoredObject,
)
from storage_backends.fsspec_store import FsspecStore
from storage_backends.local import LocalStore
from storage_backends.options import AzureOptions, Options, S3Options

__all__ = [
    "AzureOptions",
    "LocalStore",
    "ObjectExists",
    "ObjectNotFound",
    "Options",
    "S3Options",
    "SignedRequest",
    "StorageError",
    "StorageFull",
    "StorageUnavailable",
    "Store",
    "StoredObject",
    "open_store",
]


def open_store(
    url: str, strict: bool = True, options: Options | None = None, make: bool = True
) -> Store:
    """The store at file:///srv/recordings, s3://bucket/prefix, abfs://container/prefix or
    memory://name (tests).

    With `strict`, what a write has returned survives a power cut; S3 and Azure promise it always.
    Without `options`, the environment is asked. Without `make`, a missing folder is not made but
    raises StorageUnavailable: its disk may not be mounted. Raises ValueError with a sentence for
    an address that is none of these.
    """
    parts = urlsplit(url)
    store = None
    if _is_plain(parts) and parts.scheme == "file":
        store = _local(parts, strict, make)
    elif _is_plain(parts) and parts.scheme in _OPENERS:
        store = _OPENERS[parts.scheme](parts, options)
    if store is None:
        raise ValueError(
            f"{_shown(url)} is no storage address; write file:///an/absolute/folder, "
            "s3://bucket/prefix or abfs://container/prefix."
        )
    return store


def _shown(url: str) -> str:
    """The address as messages may show it: what stands before an @ may be a password."""
    return repr(url) if "@" not in url else "What you wrote, with an @ in it,"


def _is_plain(parts: SplitResult) -> bool:
    """Without a user, password, port or query, of which no store would know what to do."""
    return not (parts.query or parts.fragment) and not {"@", ":"} & set(parts.netloc)


def _local(parts: SplitResult, strict: bool, make: bool) -> Store | None:
    if parts.netloc or not parts.path.startswith("/"):
        return None
    return LocalStore(Path(unquote(parts.path)), strict, make)


def _memory(parts: SplitResult, options: Options | None) -> Store | None:
    return FsspecStore("memory", f"/{parts.netloc}") if parts.netloc else None


def _s3(parts: SplitResult, options: Options | None) -> Store | None:
    from storage_backends.s3 import S3Store  # 0.4 s that a portal with local files saves

    said = options if isinstance(options, S3Options) else S3Options.from_env()
    return S3Store(parts.netloc, unquote(parts.path), said) if parts.netloc else None


def _azure(parts: SplitResult, options: Options | None) -> Store | None:
    from storage_backends.azure import AzureStore  # 0.5 s, likewise

    said = options if isinstance(options, AzureOptions) else AzureOptions.from_env()
    return AzureStore(parts.netloc, unquote(parts.path), said) if parts.netloc else None


_OPENERS = {"memory": _memory, "s3": _s3, "abfs": _azure}
