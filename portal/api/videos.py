"""REST side doors beside tus: /api/v1/videos/upload/* (docs/wire/videos.md)."""

from __future__ import annotations

from flask import Blueprint

from portal.api.refusals import answer_refusals, json_envelope

blueprint = Blueprint("videos", __name__, url_prefix="/api/v1/videos/upload")
answer_refusals(blueprint, json_envelope)
