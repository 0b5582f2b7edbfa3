"""The state of the installation on one page, and a bundle of it for whoever has to help."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, render_template
from sqlalchemy import func, select

from portal import health, queue, uploading
from portal.auth import caller
from portal.config import Settings
from portal.core import audit
from portal.core.models import Job
from portal.core.transaction import release, utc_now
from portal.db import db
from portal.setting_types import MAY_HOLD_A_SECRET
from portal.storage import stores
from portal.web.words import FINDINGS, PARTS

LAST_ERRORS = 50

blueprint = Blueprint("system", __name__, url_prefix="/system")


@blueprint.get("")
def index() -> str:
    caller().must("operate")
    return render_template(
        "system/index.html",
        checks=health.checks(db.session, stores, uploading.settings()),
        findings=FINDINGS,
        parts=PARTS,
        versions=health.versions(db.session),
        settings=shown(uploading.settings()),
    )


def shown(settings: Settings) -> dict[str, str]:
    """The settings by their variables, as they are in force. Of one that may hold a secret only
    the kind and the host of an address are told, else whether it is set."""
    hidden = {
        each.metadata["variable"]
        for each in fields(settings)
        if each.metadata["read"] in MAY_HOLD_A_SECRET
    }
    values = sorted(settings.environment().items())
    return {name: _hidden(value) if name in hidden else value for name, value in values}


def _hidden(value: str) -> str:
    parts = urlsplit(value) if "://" in value else None
    if parts and parts.hostname:
        return f"{parts.scheme}://{parts.hostname}…"
    return "…" if value else ""


@blueprint.post("/bundle")
def bundle() -> Response:
    """Everything that helps to find out what is wrong, without secrets and without recordings."""
    me = caller()
    me.must("operate")
    audit.record_alone(db.session, me.actor, "system.bundle_made")
    text = json.dumps(_told(), indent=2, default=_as_text)
    name = f"portal-{utc_now():%Y%m%d-%H%M%S}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text, mimetype="application/json", headers=headers)


def _told() -> dict[str, Any]:
    states = select(Job.kind, Job.state, func.count()).group_by(Job.kind, Job.state)
    errors = select(Job.kind, Job.state, Job.started_at, Job.error).where(Job.error.is_not(None))
    latest = errors.order_by(Job.started_at.desc()).limit(LAST_ERRORS)
    told = {
        "made_at": utc_now(),
        "versions": health.versions(db.session),
        "settings": shown(uploading.settings()),
        "checks": [
            asdict(each) for each in health.checks(db.session, stores, uploading.settings())
        ],
        "jobs": [tuple(row) for row in db.session.execute(states)],
        "errors": [tuple(row) for row in db.session.execute(latest)],
        "workers": [asdict(each) for each in queue.workers() or []],
    }
    release(db.session)
    return told


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
