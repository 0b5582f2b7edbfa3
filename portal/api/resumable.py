"""The IETF's resumable uploads, interop version 8, at /api/v1/resumable; off by default."""

from __future__ import annotations

from flask import Blueprint

from portal.api.refusals import answer_refusals, json_envelope

blueprint = Blueprint("resumable", __name__, url_prefix="/api/v1/resumable")
answer_refusals(blueprint, json_envelope)
