"""The settings of the web server and of the programs around it."""

from __future__ import annotations

from dataclasses import dataclass

from portal.setting_types import location, names, one_of, setting, whole


@dataclass(frozen=True)
class ServingSettings:
    """A part of portal.config.Settings."""

    web_processes: int = setting(
        "PORTAL_WEB_PROCESSES", "2", whole(1, 64), "Web server processes: one per processor core."
    )
    web_threads: int = setting(
        "PORTAL_WEB_THREADS",
        "400",
        whole(4, 1024),
        "Threads per web process, made as they are needed: how many slow clients it serves at "
        "once.",
    )
    idle_seconds: int = setting(
        "PORTAL_IDLE_SECONDS",
        "30",
        whole(1, 3600),
        "How long a connection may stay silent in the middle of a request or an answer.",
    )
    trusted_hosts: tuple[str, ...] = setting(
        "PORTAL_TRUSTED_HOSTS",
        "",
        names,
        "Host names that requests may carry, separated by commas; without it, any.",
    )
    proxy_hops: int = setting(
        "PORTAL_PROXY_HOPS",
        "0",
        whole(0, 5),
        "How many reverse proxies stand in front and set X-Forwarded-For, -Proto and -Host.",
    )
    accel_redirect: str = setting(
        "PORTAL_ACCEL_REDIRECT",
        "",
        location,
        "The internal location of nginx, such as /stored/, that has the storage's folder: nginx "
        "then sends downloads by itself. One that runs goes on when its right is withdrawn.",
    )
    log_format: str = setting(
        "PORTAL_LOG_FORMAT",
        "plain",
        one_of("plain", "json"),
        "How the programs write their logs: as lines for people, or each as a JSON object.",
    )
