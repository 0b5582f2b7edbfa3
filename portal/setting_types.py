"""The kinds of settings: how each is read from text, and what to say when that fails."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SOURCES = ("tus", "resumable", "chunks", "sessions", "calls")
"""What a recording's `source` may be: the dialect of its upload."""


class BadSetting(Exception):
    """A setting cannot be used; the sentence names it and says what to write."""


def setting(variable: str, default: str, read: Callable[[str], Any], sentence: str) -> Any:
    """One field of Settings. `read` turns the text into the value or raises ValueError."""
    about = {"variable": variable, "default": default, "read": read, "sentence": sentence}
    return field(metadata=about)


def whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,15}", text) or not low <= int(text) <= high:
            raise ValueError(f"write a whole number from {low} to {high}")
        return int(text)

    return read


def one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"write {' or '.join(words)}")
        return text

    return read


def database_url(text: str) -> str:
    if text and not text.startswith(("sqlite:///", "postgresql://")):
        raise ValueError("write sqlite:////path/to/file or postgresql://user@host/name")
    _refuse_bad_port(text)
    # psycopg 3 is the driver that is installed.
    return re.sub(r"^postgresql://", "postgresql+psycopg://", text)


def redis_url(text: str) -> str:
    if text and not text.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("write redis://host:6379/0, rediss://… or unix:///path/to/socket")
    _refuse_bad_port(text)
    return text


def _refuse_bad_port(text: str) -> None:
    try:
        _ = urlsplit(text).port
    except ValueError as error:
        raise ValueError("its port must be a number up to 65535") from error


def store_address(text: str) -> str:
    if text and not text.startswith(("file:///", "s3://", "abfs://")):
        raise ValueError(
            "write file:///an/absolute/folder, s3://bucket/prefix or abfs://container/prefix"
        )
    if text.startswith(("s3://", "abfs://")) and "@" in text:
        raise ValueError("keep keys out of the address; docs/storage.md says where they belong")
    return text


def location(text: str) -> str:
    if text and not re.fullmatch(r"/([A-Za-z0-9_-]+/)+", text):
        raise ValueError("write a path of letters and digits such as /stored/")
    return text


def bucket_name(text: str) -> str:
    if text and not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", text):
        raise ValueError("write the bare name of a bucket, without s3:// and prefix")
    return text


def web_url(text: str) -> str:
    parts = urlsplit(text)
    if text and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise ValueError(
            "write the address that browsers use, such as https://recordings.example.org"
        )
    return text.rstrip("/")


def secret(text: str) -> str:
    if text and len(text) < 32:
        raise ValueError("use at least 32 random characters, or leave it out to have one made")
    return text


def private_key(text: str) -> str:
    if text and not re.fullmatch(r"[0-9a-f]{64}", text):
        raise ValueError("write 32 random bytes as 64 hex digits, or leave it out")
    return text


def names(text: str) -> tuple[str, ...]:
    return tuple(name for name in re.split(r"[,\s]+", text) if name)


def sources(text: str) -> tuple[str, ...]:
    """A misspelt one would never be asked about, and nobody would notice."""
    if set(names(text)) - set(SOURCES):
        raise ValueError(f"write some of {', '.join(SOURCES)}")
    return names(text)


def media_types(text: str) -> tuple[str, ...]:
    for name in names(text):
        if not re.fullmatch(r"[*]|[a-z]+/([*]|[a-z0-9.+-]+)", name):
            raise ValueError("write media types such as video/*, audio/wav, or * for everything")
    return names(text)


def origins(text: str) -> tuple[str, ...]:
    for name in names(text):
        if not re.fullmatch(r"https?://[^/\s]+", name):
            raise ValueError("write origins such as https://app.example.org, without a path")
    return names(text)


def key_set(text: str) -> str:
    """The address of a JWKS; a path becomes a file:// address."""
    if not text or text.startswith(("https://", "file:///")):
        return text
    if not Path(text).is_file():
        raise ValueError("write the path of a JWKS file, or an https:// address")
    return Path(text).absolute().as_uri()


MAY_HOLD_A_SECRET = (secret, private_key, database_url, redis_url, store_address)
"""What these read is shown in no message."""
