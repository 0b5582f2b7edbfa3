"""The API in its own words: OpenAPI 3.1 at /api/openapi.json, and a page to browse it.

Made from what the application really has: its routes, their descriptions, and the shapes of JSON.
"""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Flask, Response, current_app, render_template, request

from portal.api import openapi_parts as parts
from portal.api.describing import Description, described
from portal.auth import BEARER, OPEN

blueprint = Blueprint("openapi", __name__, url_prefix="/api")
EVERYWHERE = (401, 403, 429, 503)
"""What every route that needs a token may refuse with."""


@blueprint.get("/openapi.json")
@described(Description("This document", gives={200: parts.JSON, 304: None}))
def document() -> Response:
    """Made once a process: the routes do not change while it runs."""
    kept = current_app.extensions
    if "openapi" not in kept:
        kept["openapi"] = json.dumps(describe(current_app), ensure_ascii=False)
    response = Response(kept["openapi"], mimetype=parts.JSON)
    response.headers["Cache-Control"] = "no-cache"  # kept, and asked for by its ETag
    response.add_etag()
    return response.make_conditional(request)


@blueprint.get("/docs")
@described(Description("A page to browse the API", gives={200: "text/html"}))
def browse() -> str:
    return render_template("api_docs.html", about=parts.info())


def describe(app: Flask) -> dict[str, Any]:
    """The OpenAPI document of everything below /api that has a description."""
    routes = list(parts.routes(app))
    schemas = parts.Schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method] = _operation(route, schemas)
    used = {route.blueprint for route in routes}
    return {
        "openapi": "3.1.0",
        "info": parts.info(),
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": [tag for name, tag in parts.TAGS.items() if name in used],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {"bearer": parts.BEARER_SCHEME},
        },
    }


def _operation(route: parts.Route, schemas: parts.Schemas) -> dict[str, Any]:
    about = route.description
    told: dict[str, Any] = {
        "operationId": route.name,
        "summary": about.summary,
        "tags": [parts.TAGS[route.blueprint]["name"]],
        "parameters": parts.parameters(route),
        "responses": _responses(route, schemas),
    }
    if route.endpoint in OPEN:
        told["security"] = []
    body = schemas.body(about)
    if body:
        told["requestBody"] = {"content": body, "required": isinstance(about.takes, type)}
    return told


def _responses(route: parts.Route, schemas: parts.Schemas) -> dict[str, Any]:
    about = route.description
    headers = {name: parts.header(name, sentence) for name, sentence in about.answers.items()}
    found = {status: schemas.answer(status, shape) for status, shape in about.gives.items()}
    for told in found.values():
        told |= {"headers": headers} if headers else {}
    closed = route.endpoint not in OPEN and route.blueprint in BEARER
    refused = {*about.refuses, *(EVERYWHERE if closed else (503,))}
    for status in sorted(refused - set(found)):
        found[status] = schemas.refusal(status, route.blueprint)
    return {str(status): found[status] for status in sorted(found)}
