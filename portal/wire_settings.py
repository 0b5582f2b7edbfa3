"""The settings of the wire: what API clients may send, how much of it, and how they are known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from portal.setting_types import (
    BadSetting,
    key_set,
    media_types,
    one_of,
    origins,
    secret,
    setting,
    whole,
)


@dataclass(frozen=True)
class WireSettings:
    """A part of portal.config.Settings."""

    max_upload_mb: int = setting(
        "PORTAL_MAX_UPLOAD_MB",
        "10240",
        whole(1, 5_000_000),
        "Largest upload, in MiB; videos have their own limit.",
    )
    max_video_size_mb: int = setting(
        "MAX_VIDEO_SIZE_MB",
        "10240",
        whole(1, 5_000_000),
        "Largest upload by tus and the video endpoints, in MiB.",
    )
    max_video_minutes: int = setting(
        "MAX_VIDEO_DURATION_MINUTES",
        "1440",
        whole(1, 100_000),
        "Longest playing time of what comes by tus and the video endpoints; it is measured.",
    )
    chunk_bytes: int = setting(
        "PORTAL_CHUNK_BYTES",
        "1048576",
        whole(1024, 16 * 1024 * 1024),
        "Size of the chunks that the JSON chunk endpoints announce.",
    )
    max_open_uploads: int = setting(
        "PORTAL_MAX_OPEN_UPLOADS", "1000", whole(1, 1_000_000), "Open uploads a token may have."
    )
    max_parts: int = setting(
        "PORTAL_MAX_PARTS",
        "100000",
        whole(1, 10_000_000),
        "Requests or chunks that one upload may be made of.",
    )
    finish_wait_seconds: int = setting(
        "PORTAL_FINISH_WAIT_SECONDS",
        "10",
        whole(0, 60),
        "How long a client that ends an upload waits for the recording, before it gets a 202.",
    )
    accept_tus: tuple[str, ...] = setting(
        "PORTAL_ACCEPT_TUS",
        "audio/*,video/*",
        media_types,
        "Kinds of content that tus and the video endpoints take; * is everything.",
    )
    accept_sessions: tuple[str, ...] = setting(
        "PORTAL_ACCEPT_SESSIONS",
        "video/*",
        media_types,
        "Kinds of content that the recorder's sessions take.",
    )
    accept_chunks: tuple[str, ...] = setting(
        "PORTAL_ACCEPT_CHUNKS",
        "audio/*,video/*,image/*,application/pdf",
        media_types,
        "Kinds of content that the JSON chunk endpoints take.",
    )
    accept_calls: tuple[str, ...] = setting(
        "PORTAL_ACCEPT_CALLS",
        "audio/aac,audio/mpeg,audio/mp4,audio/wav,audio/ogg",
        media_types,
        "Kinds of content that the call recording endpoints take.",
    )
    resumable_draft: str = setting(
        "PORTAL_RESUMABLE_DRAFT",
        "off",
        one_of("on", "off"),
        "on: take uploads by the IETF draft too, at /api/v1/resumable.",
    )
    cors_origins: tuple[str, ...] = setting(
        "PORTAL_CORS_ORIGINS",
        "",
        origins,
        "Origins whose pages may call the API from a browser, separated by commas.",
    )
    jwt_key: str = setting(
        "PORTAL_JWT_KEY", "", secret, "Shared key of bearer tokens that are HS256 JWTs."
    )
    jwt_jwks: str = setting(
        "PORTAL_JWT_JWKS",
        "",
        key_set,
        "File or https:// address of the public keys (JWKS) of RS256 and ES256 JWTs.",
    )
    jwt_issuer: str = setting("PORTAL_JWT_ISSUER", "", str, "What `iss` of a JWT must be.")
    jwt_audience: str = setting(
        "PORTAL_JWT_AUDIENCE", "", str, "What `aud` of a JWT must be or hold."
    )
    metrics_token: str = setting(
        "PORTAL_METRICS_TOKEN",
        "",
        secret,
        "A bearer token with which monitoring reads /metrics, and nothing else; without it, only "
        "tokens with the scope `admin` do.",
    )
    upload_ttl_hours: int = setting(
        "PORTAL_UPLOAD_TTL_HOURS",
        "24",
        whole(1, 8760),
        "An upload expires when nothing arrived for so many hours.",
    )

    def refuse_half_a_trust(self) -> None:
        if (self.jwt_key or self.jwt_jwks) and not (self.jwt_issuer and self.jwt_audience):
            raise BadSetting(
                "PORTAL_JWT_KEY and PORTAL_JWT_JWKS need PORTAL_JWT_ISSUER and PORTAL_JWT_AUDIENCE:"
                " a token that was made for somebody else must not work here."
            )

    @property
    def upload_lifetime(self) -> timedelta:
        return timedelta(hours=self.upload_ttl_hours)

    @property
    def max_upload_bytes(self) -> int:
        return self.max_upload_mb * 1024 * 1024

    @property
    def max_video_bytes(self) -> int:
        return self.max_video_size_mb * 1024 * 1024
