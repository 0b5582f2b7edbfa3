"""The audit log as a file, filtered as the page is: JSON lines or CSV, streamed."""

from __future__ import annotations

from flask import Blueprint, Response

from portal.auth import caller
from portal.core.audit import exporting
from portal.db import db
from portal.storage import seal_key
from portal.web import audit_filters
from portal.web.files import made_file

blueprint = Blueprint("audit_export", __name__)


@blueprint.get("/audit/export.jsonl")
def json_lines() -> Response:
    filters = audit_filters.read()
    wanted, who = audit_filters.wanted(filters), caller()
    head = exporting.begin(db.session, who, "jsonl", filters)
    lines = exporting.json_lines(db.session, who, wanted, head, seal_key, filters)
    return made_file(lines, "audit", "jsonl", "application/x-ndjson")


@blueprint.get("/audit/export.csv")
def comma_separated() -> Response:
    filters = audit_filters.read()
    wanted, who = audit_filters.wanted(filters), caller()
    head = exporting.begin(db.session, who, "csv", filters)
    rows = exporting.comma_separated(db.session, who, wanted, head)
    return made_file(rows, "audit", "csv", "text/csv; charset=utf-8")
