"""Browsers on other sites: which of them may call the API, and what they may read of an answer.

https://fetch.spec.whatwg.org/#http-cors-protocol. No cookies: callers bring a bearer token.
"""

from __future__ import annotations

from flask import Response, current_app, request

PREFIX = "/api/"
METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
ALLOWED = (
    "Authorization, Content-Type, Content-Range, Range, If-Range, Idempotency-Key, Tus-Resumable, "
    "Upload-Length, Upload-Offset, Upload-Metadata, Upload-Checksum, Upload-Concat, "
    "Upload-Defer-Length, Upload-Complete, Upload-Draft-Interop-Version, X-HTTP-Method-Override, "
    "X-Request-ID, Content-Disposition, Repr-Digest, X-Chunk-Checksum, X-Chunk-Index, "
    "X-Upload-ID, X-Requested-With"
)
EXPOSED = (
    "Location, Accept-Patch, Content-Range, Accept-Ranges, ETag, Retry-After, X-Request-ID, "
    "Tus-Resumable, "
    "Tus-Version, Tus-Extension, Tus-Max-Size, Tus-Checksum-Algorithm, Upload-Length, "
    "Upload-Offset, Upload-Metadata, Upload-Expires, Upload-Concat, Upload-Defer-Length, "
    "Upload-Complete, Upload-Limit, Upload-Draft-Interop-Version"
)


def preflight() -> Response | None:
    """A browser asks before it sends; nobody has signed in at that point."""
    asks = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
    return Response(status=204) if asks and _welcome() else None


def allow(response: Response) -> Response:
    """On every answer below /api, refusals too: a browser would hide them otherwise."""
    if not request.path.startswith(PREFIX) or not current_app.config["SETTINGS"].cors_origins:
        return response
    response.vary.add("Origin")
    if _welcome():
        response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
        response.headers["Access-Control-Expose-Headers"] = EXPOSED
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = METHODS
            response.headers["Access-Control-Allow-Headers"] = ALLOWED
            response.headers["Access-Control-Max-Age"] = "86400"
    return response


def _welcome() -> bool:
    origins: tuple[str, ...] = current_app.config["SETTINGS"].cors_origins
    return request.path.startswith(PREFIX) and request.headers.get("Origin") in origins
