"""The desktop recorder's upload sessions at /api/uploads (docs/wire/sessions.md)."""

from __future__ import annotations

from flask import Blueprint

from portal.api.refusals import answer_refusals, json_envelope

blueprint = Blueprint("sessions", __name__, url_prefix="/api/uploads")
answer_refusals(blueprint, json_envelope)
