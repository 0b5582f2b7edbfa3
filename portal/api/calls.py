"""Call recordings of a lead at /api/leads/<lead_id>/recordings (docs/wire/calls.md)."""

from __future__ import annotations

from flask import Blueprint

from portal.api.refusals import answer_refusals, json_envelope

blueprint = Blueprint("calls", __name__, url_prefix="/api/leads/<lead_id>/recordings")
answer_refusals(blueprint, json_envelope)
