"""Call recordings of a lead: finding and playing them, and what the whole dialect has in common
(docs/wire/calls.md)."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from functools import partial

from flask import Blueprint, Response, jsonify, request

from portal.api.describing import Answer, Description, answer, described
from portal.api.refusals import Explained, answer_refusals
from portal.asking import FIELDS, asked
from portal.auth import caller, still
from portal.core import finding, recordings, uploads
from portal.core.errors import (
    ChecksumMismatch,
    Conflict,
    Incomplete,
    InvalidRequest,
    NotAllowed,
    NotAuthenticated,
    NotFound,
)
from portal.core.models import Recording, Upload, is_id
from portal.core.wanted import SHOWN, Wanted
from portal.db import db
from portal.parsing import plain, whole_number
from portal.streaming import original, stream

NAME = "calls"
MOST_LEAD, MOST_LISTED = 100, 200
CODES = {
    400: "VALIDATION_ERROR",
    401: "AUTHENTICATION_ERROR",
    403: "AUTHORIZATION_ERROR",
    404: "NOT_FOUND",
    416: "INVALID_RANGE",
    500: "SERVER_ERROR",
}
STATUS = {Incomplete: 400, ChecksumMismatch: 400}
AUDIO = "audio/aac, audio/mpeg, audio/mp4, audio/wav, audio/ogg"

blueprint = Blueprint(NAME, __name__, url_prefix="/api/leads/<lead_id>/recordings")


class NotReady(Conflict):
    code = "not_ready"


class Listed(Answer):
    """One recording. `duration` is in seconds, `size` in bytes, `created_at` when it came."""

    id: str
    call_log_id: str
    filename: str
    content_type: str
    duration: float | None
    size: int
    created_at: datetime


class Listing(Answer):
    """Newest first. `next`: the value of `before` for the next page; null at the end."""

    data: list[Listed]
    next: str | None


@blueprint.before_request
def check_lead() -> None:
    """Nobody gets beyond this line with a lead that is none of the token's."""
    lead_id = str((request.view_args or {}).get("lead_id", ""))
    caller().must_reach(lead_id)
    if len(lead_id) > MOST_LEAD or not plain(lead_id):
        raise InvalidRequest(f"A lead's id has {MOST_LEAD} plain characters at most.")


def _envelope(explained: Explained) -> Response:
    status = STATUS.get(type(explained.error), explained.status)
    code = CODES.get(status) or explained.code.upper()
    response = jsonify(error={"code": code, "message": _message(explained)})
    response.status_code = status
    return response


def _message(explained: Explained) -> str:
    missing = getattr(explained.error, "missing", None)
    if missing:
        named = ", ".join(map(str, missing[:20])) + (", …" if len(missing) > 20 else "")
        return f"{explained.sentence} Missing chunks: {named}."
    if isinstance(explained.error, NotAuthenticated) and "Authorization" not in request.headers:
        return "Authorization header is required"
    if explained.status == 500 and request.method == "POST":
        return f"Failed to save recording: {explained.sentence}"
    return explained.sentence


answer_refusals(blueprint, _envelope)


@blueprint.get("")
@described(
    Description(
        "The recordings of a lead that can be played, newest first.",
        gives={200: Listing},
        refuses=(400,),
        query={
            "limit": f"How many at most, up to {MOST_LISTED}; 50 if left out.",
            "before": "The id of a recording: only those that came before it.",
        },
    )
)
def index(lead_id: str) -> Response:
    limit = whole_number(request.args.get("limit"), "limit", 50)
    if not 1 <= limit <= MOST_LISTED:
        raise InvalidRequest(f"limit must be 1 to {MOST_LISTED}.")
    wanted = Wanted("ready", NAME, details={"lead_id": lead_id})
    page = finding.page(db.session, caller(), limit, wanted, request.args.get("before"))
    return answer(Listing(data=[_listed(each) for each in page.rows], next=page.older))


def _listed(recording: Recording) -> Listed:
    length = recording.duration_ms
    return Listed(
        id=recording.id,
        call_log_id=recording.details.get("call_log_id", ""),
        filename=recording.filename,
        content_type=recording.content_type or "",
        duration=None if length is None else length / 1000,
        size=recording.size,
        created_at=recording.received_at,
    )


@blueprint.get("/<recording_id>")
@described(
    Description(
        "The bytes of a recording as they were sent, or one range of them.",
        gives={200: AUDIO, 206: AUDIO, 304: None},
        refuses=(400, 404, 409, 416),
        headers={
            "Range": "One range of bytes, such as bytes=0-1048575.",
            "If-Range": "The ETag that the range belongs to.",
            "If-None-Match": "The ETag of what the client has already.",
        },
        query=FIELDS,
    )
)
def play(lead_id: str, recording_id: str) -> Response:
    _refuse_unknown(lead_id, recording_id)
    why = asked(request.args)
    may = partial(recordings.find_playable, recording_id=recording_id, asked=why)
    found = recordings.find_playable(db.session, caller(), recording_id, why)
    leaving = partial(recordings.hand_out, db.session, caller(), found, why)
    response = stream(original(found), still(may), leaving)
    if response.status_code == 416:
        response.mimetype = "application/json"
        error = {"code": CODES[416], "message": "Invalid range request"}
        response.data = jsonify(error=error).data
    return response


def _refuse_unknown(lead_id: str, recording_id: str) -> None:
    """Raises NotFound for what is no recording of this lead that the caller may see, NotReady
    where there will be one."""
    if not is_id(recording_id):
        raise NotFound("Recording not found")
    try:
        found = recordings.find(db.session, caller(), recording_id)
    except NotFound:
        _refuse_unready(lead_id, recording_id)
        raise NotFound("Recording not found") from None
    if not belongs(found, found.source, lead_id) or found.state not in SHOWN:
        raise NotFound("Recording not found")


def _refuse_unready(lead_id: str, upload_id: str) -> None:
    with suppress(NotFound, NotAllowed):
        upload = uploads.find(db.session, caller(), upload_id)
        if upload.state == "finishing" and belongs(upload, upload.dialect, lead_id):
            raise NotReady("The recording is being processed; ask again in a second.")


def belongs(thing: Recording | Upload, source: str, lead_id: str) -> bool:
    """Whether it came by this dialect, for this lead."""
    return source == NAME and thing.details.get("lead_id") == lead_id
