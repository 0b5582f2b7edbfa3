"""Uploads as JSON chunks at /api/v1/upload (docs/wire/chunks.md)."""

from __future__ import annotations

from flask import Blueprint

from portal.api.refusals import answer_refusals, json_envelope

blueprint = Blueprint("chunks", __name__, url_prefix="/api/v1/upload")
answer_refusals(blueprint, json_envelope)
