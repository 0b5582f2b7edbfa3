"""The API in its own words: OpenAPI 3.1 at /api/openapi.json, and a page to browse it."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("openapi", __name__, url_prefix="/api")
