"""Deletion certificates: which recordings are gone, and the paper that says so."""

from __future__ import annotations

import json
import re

from flask import Blueprint, Response, render_template, request

from portal.auth import caller
from portal.core.errors import InvalidRequest
from portal.core.retention import certificates
from portal.db import db
from portal.parsing import known_id
from portal.storage import seal_key

PER_PAGE = 50
_GONE = "There is no such recording."

blueprint = Blueprint("certificates", __name__)


@blueprint.get("/retention/certificates")
def index() -> str:
    text = request.args.get("before")
    if text is not None and not re.fullmatch("[0-9]{1,17}", text):
        raise InvalidRequest("This page address is damaged; open the page again.")
    before = None if text is None else int(text)
    rows, older = certificates.deleted(db.session, caller(), PER_PAGE, before)
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
