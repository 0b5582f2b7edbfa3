"""Deletion certificates: which recordings are gone, and the paper that says so."""

from __future__ import annotations

import json

from flask import Blueprint, Response, render_template

from portal.auth import caller
from portal.core.retention import certificates
from portal.db import db
from portal.parsing import known_id
from portal.storage import seal_key
from portal.web import cursors

PER_PAGE = 50
_GONE = "There is no such recording."

blueprint = Blueprint("certificates", __name__)


@blueprint.get("/retention/certificates")
def index() -> str:
    rows, older = certificates.deleted(db.session, caller(), PER_PAGE, cursors.by_number())
    return render_template("retention/certificates.html", rows=rows, older=older)


@blueprint.get("/recordings/<recording_id>/certificate")
def show(recording_id: str) -> str:
    """For reading and printing."""
    known = known_id(recording_id, _GONE)
    made = certificates.certificate(db.session, caller(), seal_key, known)
    return render_template(
        "retention/certificate.html", said=made["certificate"], signature=made["signature"]
    )


@blueprint.get("/recordings/<recording_id>/certificate.json")
def download(recording_id: str) -> Response:
    """For tools/verify_certificate.py."""
    known = known_id(recording_id, _GONE)
    made = certificates.certificate(db.session, caller(), seal_key, known)
    response = Response(json.dumps(made, indent=2), mimetype="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="deletion-{known}.json"'
    return response
