"""How the recorder is told that something cannot be: the error, and where its upload stands."""

from __future__ import annotations

from contextlib import suppress

from flask import Response, request

from portal.api.refusals import Explained
from portal.api.session_shapes import Fault, Refused
from portal.auth import caller
from portal.core import uploads
from portal.core.errors import Incomplete, Refusal, RequestTimedOut
from portal.core.models import Upload
from portal.db import db


def envelope(explained: Explained) -> Response:
    # The recorder gives up at every 4xx, and comes back after a 503.
    status = 503 if isinstance(explained.error, RequestTimedOut) else explained.status
    said = Refused(error=Fault(code=explained.code, message=explained.sentence))
    upload = _spoken_of() if status in (409, 413) else None
    headers = {"Retry-After": "1"} if status == 503 else {}
    if upload is not None:
        said.session_id, said.bytes_received = upload.id, upload.offset
        headers["Upload-Offset"] = str(upload.offset)
    if isinstance(explained.error, Incomplete):
        said.missing_chunks = explained.error.missing or None
    body = said.model_dump_json(exclude_none=True)
    return Response(body, status, headers, mimetype="application/json")


def _spoken_of() -> Upload | None:
    """The upload, where the client wants to know how it stands now."""
    upload_id = (request.view_args or {}).get("upload_id")
    with suppress(Refusal):
        return uploads.find(db.session, caller(), upload_id) if upload_id else None
    return None
