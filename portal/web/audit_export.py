"""The audit log as a file, filtered as the page is: JSON lines or CSV, streamed."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Blueprint, Response, stream_with_context

from portal.auth import caller, unchanged
from portal.core.audit import exporting
from portal.core.transaction import utc_now
from portal.db import db
from portal.storage import seal_key
from portal.streaming import watched
from portal.web import audit_filters

blueprint = Blueprint("audit_export", __name__)


@blueprint.get("/audit/export.jsonl")
def json_lines() -> Response:
    filters = audit_filters.read()
    wanted, who = audit_filters.wanted(filters), caller()
    head = exporting.begin(db.session, who, "jsonl", filters)
    lines = exporting.json_lines(db.session, who, wanted, head, seal_key, filters)
    return _file(lines, "jsonl", "application/x-ndjson")


@blueprint.get("/audit/export.csv")
def comma_separated() -> Response:
    filters = audit_filters.read()
    wanted, who = audit_filters.wanted(filters), caller()
    head = exporting.begin(db.session, who, "csv", filters)
    rows = exporting.comma_separated(db.session, who, wanted, head)
    return _file(rows, "csv", "text/csv; charset=utf-8")


def _file(content: Iterator[bytes], ending: str, kind: str) -> Response:
    response = Response(watched(stream_with_context(content), unchanged()), content_type=kind)
    name = f"audit-{utc_now():%Y%m%d-%H%M%S}.{ending}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "private, no-store"
    return response
