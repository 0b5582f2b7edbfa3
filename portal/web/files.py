"""A file that is made while it is sent: nothing of it stands anywhere before, and nothing more is
sent once its reader's rights are gone."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Response, stream_with_context

from portal.auth import unchanged
from portal.core.transaction import utc_now
from portal.streaming import watched


def made_file(content: Iterator[bytes], name: str, ending: str, kind: str) -> Response:
    """To save as `name` with the time and this ending; `kind` is its Content-Type."""
    pieces = watched(stream_with_context(content), unchanged())
    response = Response(pieces, content_type=kind)
    called = f"{name}-{utc_now():%Y%m%d-%H%M%S}.{ending}"
    response.headers["Content-Disposition"] = f'attachment; filename="{called}"'
    response.headers["Cache-Control"] = "private, no-store"
    return response
