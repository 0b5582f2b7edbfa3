"""Settings: every knob of the portal, read from the environment and checked before the start.

A setting is a field of `Settings`; docs/settings.md is made from these fields.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit


class BadSetting(Exception):
    """A setting cannot be used; the sentence names it and says what to write."""


def setting(variable: str, default: str, read: Callable[[str], Any], sentence: str) -> Any:
    """One field of Settings. `read` turns the text into the value or raises ValueError."""
    about = {"variable": variable, "default": default, "read": read, "sentence": sentence}
    return field(metadata=about)


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,15}", text) or not low <= int(text) <= high:
            raise ValueError(f"write a whole number from {low} to {high}")
        return int(text)

    return read


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"write {' or '.join(words)}")
        return text

    return read


def _database_url(text: str) -> str:
    if text and not text.startswith(("sqlite:///", "postgresql://")):
        raise ValueError("write sqlite:////path/to/file or postgresql://user@host/name")
    _refuse_bad_port(text)
    # psycopg 3 is the driver that is installed.
    return re.sub(r"^postgresql://", "postgresql+psycopg://", text)


def _redis_url(text: str) -> str:
    if text and not text.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("write redis://host:6379/0, rediss://… or unix:///path/to/socket")
    _refuse_bad_port(text)
    return text


def _refuse_bad_port(text: str) -> None:
    try:
        _ = urlsplit(text).port
    except ValueError as error:
        raise ValueError("its port must be a number up to 65535") from error


def _storage_url(text: str) -> str:
    if text and not text.startswith("file:///"):
        raise ValueError("write file:///an/absolute/folder")
    return text


def _web_url(text: str) -> str:
    parts = urlsplit(text)
    if text and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise ValueError(
            "write the address that browsers use, such as https://recordings.example.org"
        )
    return text.rstrip("/")


def _secret(text: str) -> str:
    if text and len(text) < 32:
        raise ValueError("use at least 32 random characters, or leave it out to have one made")
    return text


MAY_HOLD_A_SECRET = (_secret, _database_url, _redis_url, _storage_url)
"""What these read is shown in no message."""


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in re.split(r"[,\s]+", text) if name)


@dataclass(frozen=True)
class Settings:
    """What the operator decides. Make one with `Settings.from_env()`."""

    data_dir: Path = setting(
        "PORTAL_DATA_DIR", "./var", Path, "Folder for everything that is kept on this machine."
    )
    host: str = setting(
        "PORTAL_HOST", "127.0.0.1", str, "Address to listen on; 0.0.0.0 is every network."
    )
    port: int = setting("PORT", "8000", _whole(1, 65535), "Port to listen on.")
    public_url: str = setting(
        "PORTAL_PUBLIC_URL",
        "",
        _web_url,
        "Address that browsers use. With https:// cookies are sent over TLS only.",
    )
    database_url: str = setting(
        "PORTAL_DATABASE_URL",
        "",
        _database_url,
        "SQLite or PostgreSQL; without it, portal.sqlite3 in the data folder.",
    )
    redis_url: str = setting(
        "PORTAL_REDIS_URL",
        "",
        _redis_url,
        "Redis or Valkey for the job queue; without it `make run` starts its own.",
    )
    storage_url: str = setting(
        "PORTAL_STORAGE_URL",
        "",
        _storage_url,
        "Where recordings are kept; without it, the folder `store` in the data folder.",
    )
    durability: str = setting(
        "PORTAL_DURABILITY",
        "strict",
        _one_of("strict", "relaxed"),
        "strict: every acknowledged byte survives a power cut. relaxed: finished recordings do.",
    )
    secret_key: str = setting(
        "PORTAL_SECRET_KEY",
        "",
        _secret,
        "Signs cookies; without it, one is made and kept in the data folder with mode 600.",
    )
    web_processes: int = setting(
        "PORTAL_WEB_PROCESSES", "2", _whole(1, 64), "Web server processes: one per processor core."
    )
    web_threads: int = setting(
        "PORTAL_WEB_THREADS",
        "64",
        _whole(4, 1024),
        "Threads per web process: how many slow clients it serves at once.",
    )
    job_workers: int = setting(
        "PORTAL_JOB_WORKERS", "2", _whole(0, 64), "Worker processes that assemble recordings."
    )
    max_video_size_mb: int = setting(
        "MAX_VIDEO_SIZE_MB", "10240", _whole(1, 5_000_000), "Largest upload, in MiB."
    )
    upload_ttl_hours: int = setting(
        "PORTAL_UPLOAD_TTL_HOURS",
        "24",
        _whole(1, 8760),
        "An upload expires when nothing arrived for so many hours.",
    )
    idle_seconds: int = setting(
        "PORTAL_IDLE_SECONDS",
        "30",
        _whole(1, 3600),
        "How long a connection may stay silent in the middle of a request or an answer.",
    )
    lease_seconds: int = setting(
        "PORTAL_LEASE_SECONDS",
        "30",
        _whole(1, 3600),
        "A job whose worker gave no sign of life for so long is given to another.",
    )
    reconcile_seconds: int = setting(
        "PORTAL_RECONCILE_SECONDS",
        "30",
        _whole(1, 3600),
        "How often waiting uploads are looked for that the queue has forgotten.",
    )
    trusted_hosts: tuple[str, ...] = setting(
        "PORTAL_TRUSTED_HOSTS",
        "",
        _names,
        "Host names that requests may carry, separated by commas; without it, any.",
    )
    proxy_hops: int = setting(
        "PORTAL_PROXY_HOPS",
        "0",
        _whole(0, 5),
        "How many reverse proxies stand in front and set X-Forwarded-For, -Proto and -Host.",
    )

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """The settings of this environment. Raises BadSetting."""
        return cls(**{each.name: _read(environ, each.metadata) for each in fields(cls)})

    def __post_init__(self) -> None:
        # Children run elsewhere: what is relative here is made absolute once.
        folder = self.data_dir.expanduser().absolute()
        object.__setattr__(self, "data_dir", folder)
        fill_in = {
            "database_url": f"sqlite:///{quote(str(folder))}/portal.sqlite3",
            "storage_url": f"file://{quote(str(folder))}/store",
            "public_url": f"http://{self.address}",
        }
        for name, value in fill_in.items():
            if not getattr(self, name):
                object.__setattr__(self, name, value)

    @property
    def address(self) -> str:
        """Host and port as they stand in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def redis_address(self) -> str:
        """The queue's server: the one that was set, or the embedded one on its socket."""
        return self.redis_url or f"unix://{quote(str(self.embedded_socket))}"

    @property
    def embedded_socket(self) -> Path:
        """The kernel allows 107 bytes for the path of a socket; a longer one moves to /tmp."""
        path = self.data_dir / "valkey" / "valkey.sock"
        if len(bytes(path)) < 108:
            return path
        digest = hashlib.sha256(bytes(self.data_dir)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"portal-{os.getuid()}-{digest}" / "valkey.sock"

    @property
    def strict(self) -> bool:
        return self.durability == "strict"

    @property
    def upload_lifetime(self) -> timedelta:
        return timedelta(hours=self.upload_ttl_hours)

    @property
    def max_upload_bytes(self) -> int:
        return self.max_video_size_mb * 1024 * 1024

    def environment(self) -> dict[str, str]:
        """The same settings as environment variables, for child processes."""
        pairs = {each.metadata["variable"]: getattr(self, each.name) for each in fields(self)}
        return {
            name: ",".join(value) if isinstance(value, tuple) else str(value)
            for name, value in pairs.items()
        } | {
            "PORTAL_DATABASE_URL": re.sub(
                "^postgresql[+]psycopg:", "postgresql:", self.database_url
            )
        }


def _read(environ: Mapping[str, str], about: Mapping[str, Any]) -> Any:
    text = environ.get(about["variable"], "").strip() or about["default"]
    try:
        return about["read"](text)
    except ValueError as error:
        shown = "" if about["read"] in MAY_HOLD_A_SECRET else f"={text}"
        raise BadSetting(f"{about['variable']}{shown} cannot be used: {error}.") from error


def make_data_dir(settings: Settings) -> None:
    """Create the data folder, for us alone. Raises BadSetting if that is impossible."""
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise BadSetting(
            f"PORTAL_DATA_DIR={settings.data_dir} cannot be used: {error.strerror}."
        ) from error


def secret_key(settings: Settings) -> str:
    """The key that signs cookies: the setting, or the one in the data folder, made on first use."""
    if settings.secret_key:
        return settings.secret_key
    make_data_dir(settings)
    path = settings.data_dir / "secret_key"
    try:
        # Whoever creates the file first decides, whole: never a key that is half written.
        made = path.with_name(f"secret_key.{secrets.token_hex(4)}")
        made.touch(mode=0o600)
        with made.open("w") as file:
            file.write(secrets.token_hex(32))
            os.fsync(file.fileno())
        path.hardlink_to(made)
    except FileExistsError:
        pass
    finally:
        made.unlink(missing_ok=True)
    if len(key := path.read_text()) < 32:
        raise BadSetting(f"{path} holds no key; delete it, and everybody has to sign in again.")
    return key
