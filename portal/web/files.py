"""A file that is made while it is sent: nothing of it stands anywhere before."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Response, stream_with_context

from portal.core.transaction import utc_now


def made_file(content: Iterator[bytes], name: str, ending: str, kind: str) -> Response:
    """To save as `name` with the time and this ending; `kind` is its Content-Type."""
    response = Response(stream_with_context(content), content_type=kind)
    called = f"{name}-{utc_now():%Y%m%d-%H%M%S}.{ending}"
    response.headers["Content-Disposition"] = f'attachment; filename="{called}"'
    response.headers["Cache-Control"] = "private, no-store"
    return response
