"""Settings: every knob of the portal, read from the environment and checked before the start.

A setting is a field of `Settings`; docs/settings.md is made from these fields.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from portal.core.storages import lies_within
from portal.retention_settings import RetentionSettings
from portal.serving_settings import ServingSettings
from portal.setting_types import (
    MAY_HOLD_A_SECRET,
    BadSetting,
    bucket_name,
    database_url,
    one_of,
    private_key,
    redis_url,
    secret,
    setting,
    sources,
    store_address,
    web_url,
    whole,
)
from portal.verifying_settings import VerifyingSettings
from portal.wire_settings import WireSettings


@dataclass(frozen=True)
class Settings(WireSettings, ServingSettings, VerifyingSettings, RetentionSettings):
    """What the operator decides. Make one with `Settings.from_env()`."""

    data_dir: Path = setting(
        "PORTAL_DATA_DIR", "./var", Path, "Folder for everything that is kept on this machine."
    )
    host: str = setting(
        "PORTAL_HOST", "127.0.0.1", str, "Address to listen on; 0.0.0.0 is every network."
    )
    port: int = setting("PORT", "8000", whole(1, 65535), "Port to listen on.")
    public_url: str = setting(
        "PORTAL_PUBLIC_URL",
        "",
        web_url,
        "Address that browsers use. With https:// cookies are sent over TLS only.",
    )
    database_url: str = setting(
        "PORTAL_DATABASE_URL",
        "",
        database_url,
        "SQLite or PostgreSQL; without it, portal.sqlite3 in the data folder.",
    )
    redis_url: str = setting(
        "PORTAL_REDIS_URL",
        "",
        redis_url,
        "Redis or Valkey for the job queue; without it `make run` starts its own.",
    )
    storage_url: str = setting(
        "PORTAL_STORAGE_URL",
        "",
        store_address,
        "Where recordings are kept; without it, the folder `store` in the data folder.",
    )
    bucket: str = setting(
        "S3_BUCKET_NAME",
        "",
        bucket_name,
        "A bucket of S3: the short form of PORTAL_STORAGE_URL=s3://…, where that is not set.",
    )
    staging_url: str = setting(
        "PORTAL_STAGING_URL",
        "",
        store_address,
        "Where uploads wait until they are whole; without it, the folder `staging` in the data "
        "folder. Several machines need one that all of them reach.",
    )
    direct_uploads: str = setting(
        "PORTAL_DIRECT_UPLOADS",
        "off",
        one_of("on", "off"),
        "on: clients may ask to send their bytes straight to S3 or Azure.",
    )
    direct_playback: str = setting(
        "PORTAL_DIRECT_PLAYBACK",
        "off",
        one_of("on", "off"),
        "on: players are sent to S3 or Azure with a short-lived address. What is heard there is "
        "not seen by the play log.",
    )
    durability: str = setting(
        "PORTAL_DURABILITY",
        "strict",
        one_of("strict", "relaxed"),
        "strict: every acknowledged byte survives a power cut. relaxed: finished recordings do.",
    )
    secret_key: str = setting(
        "PORTAL_SECRET_KEY",
        "",
        secret,
        "Signs cookies and encrypts the secrets of further storages; several machines need the "
        "same. Without it, one is made and kept in the data folder with mode 600.",
    )
    seal_key: str = setting(
        "PORTAL_SEAL_KEY",
        "",
        private_key,
        "Signs the seals of the audit log; without it, one is made and kept in the data folder.",
    )
    seal_seconds: int = setting(
        "PORTAL_SEAL_SECONDS",
        "3600",
        whole(10, 30 * 86_400),
        "How often the audit log is sealed, if anything has happened.",
    )
    job_workers: int = setting(
        "PORTAL_JOB_WORKERS", "2", whole(0, 64), "Worker processes that assemble recordings."
    )
    keep_days: int = setting(
        "PORTAL_KEEP_DAYS",
        "0",
        whole(0, 36_500),
        "No recording is deleted within so many days after it was received.",
    )
    ask_reason: tuple[str, ...] = setting(
        "PORTAL_ASK_REASON",
        "",
        sources,
        "Sources whose recordings are played only by whoever says why, separated by commas: "
        "tus, resumable, chunks, sessions, calls.",
    )
    session_idle_minutes: int = setting(
        "PORTAL_SESSION_IDLE_MINUTES",
        "120",
        whole(1, 100_000),
        "Whoever was away from the pages for so long signs in again.",
    )
    session_hours: int = setting(
        "PORTAL_SESSION_HOURS",
        "12",
        whole(1, 8760),
        "Whoever has signed in does so again after this time, used or not.",
    )
    lease_seconds: int = setting(
        "PORTAL_LEASE_SECONDS",
        "30",
        whole(1, 3600),
        "A job whose worker gave no sign of life for so long is given to another.",
    )
    reconcile_seconds: int = setting(
        "PORTAL_RECONCILE_SECONDS",
        "30",
        whole(1, 3600),
        "How often waiting uploads are looked for that the queue has forgotten.",
    )

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """The settings of this environment. Raises BadSetting."""
        return cls(**{each.name: _read(environ, each.metadata) for each in fields(cls)})

    def __post_init__(self) -> None:
        self.refuse_half_a_trust()
        # Children run elsewhere: what is relative here is made absolute once.
        folder = self.data_dir.expanduser().absolute()
        object.__setattr__(self, "data_dir", folder)
        address = f"file://{quote(str(folder))}"
        fill_in = {
            "database_url": f"sqlite:///{quote(str(folder))}/portal.sqlite3",
            "storage_url": f"s3://{self.bucket}" if self.bucket else f"{address}/store",
            "staging_url": f"{address}/staging",
            "public_url": f"http://{self.address}",
        }
        for name, value in fill_in.items():
            if not getattr(self, name):
                object.__setattr__(self, name, value)
        self._refuse_odd_places()

    def _refuse_odd_places(self) -> None:
        """Storage settings that each are fine and do not fit together. Raises BadSetting."""
        folder = self.storage_url.startswith("file:")
        staging_folder = self.staging_url.startswith("file:")
        if folder and not staging_folder:
            raise BadSetting(
                "PORTAL_STAGING_URL is far away and PORTAL_STORAGE_URL is a folder: every byte "
                "would travel there and back. Use a folder for both, or S3 or Azure for both."
            )
        places = (self.storage_url, self.staging_url)
        if lies_within(*places) or lies_within(*reversed(places)):
            raise BadSetting(
                "PORTAL_STAGING_URL and PORTAL_STORAGE_URL lie within each other: what one sweeps "
                "the other keeps. Give each a folder or prefix of its own."
            )
        if self.direct_uploads == "on" and folder:
            raise BadSetting(
                "PORTAL_DIRECT_UPLOADS=on needs S3 or Azure: nobody can send bytes straight to "
                "the folder that PORTAL_STORAGE_URL names."
            )
        if self.direct_playback == "on" and folder:
            raise BadSetting(
                "PORTAL_DIRECT_PLAYBACK=on needs S3 or Azure: the folder that PORTAL_STORAGE_URL "
                "names has no address of its own."
            )
        if self.accel_redirect and not (folder and self.proxy_hops):
            raise BadSetting(
                "PORTAL_ACCEL_REDIRECT needs a folder in PORTAL_STORAGE_URL, and nginx in front "
                "with PORTAL_PROXY_HOPS=1: otherwise nobody would send what is downloaded."
            )

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
    def keep(self) -> timedelta:
        return timedelta(days=self.keep_days)

    @property
    def session_idle(self) -> timedelta:
        return timedelta(minutes=self.session_idle_minutes)

    @property
    def session_lifetime(self) -> timedelta:
        return timedelta(hours=self.session_hours)

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
