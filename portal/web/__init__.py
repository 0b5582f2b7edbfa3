"""The pages: one module per menu entry, with its forms beside it."""

from flask import Flask

from portal import auth, logs
from portal.web import (
    account,
    approvals,
    audit,
    audit_export,
    bulk,
    certificates,
    charts,
    deleting,
    devices,
    errors,
    export,
    handover,
    holds,
    home,
    integrity,
    jobs,
    labels,
    language,
    list_words,
    listing,
    login,
    notes,
    people,
    requesting_hold,
    retention_change,
    retention_words,
    security,
    show,
    storages,
    system,
    uploads,
)

PAGES = (
    account,
    approvals,
    audit,
    audit_export,
    bulk,
    certificates,
    charts,
    deleting,
    export,
    handover,
    holds,
    home,
    integrity,
    jobs,
    labels,
    language,
    listing,
    login,
    notes,
    people,
    requesting_hold,
    retention_change,
    storages,
    system,
    uploads,
)
"""`listing` and `recording` add theirs to those of portal/web/recordings.py, and `retention_change`
to those of retention.py."""


def init_app(app: Flask) -> None:
    """Add the pages and what all of them share."""
    app.context_processor(lambda: {"may": auth.may, "request_id": logs.request_id})
    app.jinja_env.globals["asks_reason"] = app.config["SETTINGS"].ask_reason
    language.init_app(app)
    show.init_app(app)
    list_words.init_app(app)
    retention_words.init_app(app)
    app.jinja_env.filters["device"] = devices.device
    security.init_app(app)
    errors.init_app(app)
    for module in PAGES:
        app.register_blueprint(module.blueprint)
