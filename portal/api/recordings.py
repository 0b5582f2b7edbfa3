"""Recordings for programs: list, content, deletion, at /api/recordings."""

from __future__ import annotations

from flask import Blueprint

from portal.api.refusals import answer_refusals, json_envelope

blueprint = Blueprint("api_recordings", __name__, url_prefix="/api/recordings")
answer_refusals(blueprint, json_envelope)
