"""The wire dialects: each parses its own words, calls the core, and answers in its own words."""

from flask import Flask
from flask_wtf import CSRFProtect

from portal.api import (
    calls,
    chunks,
    health,
    metrics,
    openapi,
    recordings,
    resumable,
    sessions,
    tus,
    videos,
)
from portal.api.method_override import MethodOverride
from portal.config import Settings

DIALECTS = (tus, videos, chunks, sessions, calls, recordings)
"""Their callers bring a bearer token, never a cookie: nothing for a foreign page to forge."""


def init_app(app: Flask, settings: Settings, csrf: CSRFProtect) -> None:
    app.register_blueprint(health.blueprint)
    app.register_blueprint(metrics.blueprint)
    app.register_blueprint(openapi.blueprint)
    chosen = (*DIALECTS, resumable) if settings.resumable_draft == "on" else DIALECTS
    for dialect in chosen:
        csrf.exempt(dialect.blueprint)
        app.register_blueprint(dialect.blueprint)
    app.wsgi_app = MethodOverride(app.wsgi_app, tus.PREFIX)  # type: ignore[method-assign]
