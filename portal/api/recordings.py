"""Recordings for programs: list, content, deletion, at /api/recordings."""

from __future__ import annotations

from functools import partial
from urllib.parse import quote

from flask import Blueprint, Response, request

from portal import queue, uploading
from portal.api.describing import Description, answer, described
from portal.api.recording_search import ASKED
from portal.api.recording_search import asked as searched
from portal.api.recording_shapes import Deleted, Listed, Listing, Why, listed
from portal.api.refusals import answer_refusals, json_envelope
from portal.asking import FIELDS, asked
from portal.auth import caller, still
from portal.core import deletion, finding, recordings
from portal.core.errors import InvalidRequest
from portal.db import db
from portal.parsing import MOST_JSON, check_path_id, json_value, plain, shaped, whole_body
from portal.streaming import hand_over, original

MEDIA = "*/*"
LONGEST_REASON = 1000
UNSAID = "No reason was given."

blueprint = Blueprint("api_recordings", __name__, url_prefix="/api/recordings")


@blueprint.before_request
def check_id() -> None:
    check_path_id("recording_id", deletion.NOT_THERE)


@blueprint.get("")
@described(
    Description("List recordings, newest first", gives={200: Listing}, refuses=(400,), query=ASKED)
)
def index() -> Response:
    limit, cursor, wanted = searched(request.args)
    page = finding.page(db.session, caller(), limit, wanted, before=cursor)
    rows = [listed(recording) for recording in page.rows]
    return answer(Listing(recordings=rows, next_cursor=page.older))


@blueprint.get("/<recording_id>")
@described(Description("What is known of a recording, deleted or not", None, {200: Listed}, (404,)))
def one(recording_id: str) -> Response:
    return answer(listed(recordings.find(db.session, caller(), recording_id)))


@blueprint.get("/<recording_id>/content")
@described(
    Description(
        "The recording's bytes as they were sent",
        gives={200: MEDIA, 206: MEDIA, 304: None, 416: None},
        refuses=(400, 404, 409),
        query=FIELDS,
        headers={"Range": "One range of bytes.", "If-Range": "Only if it is still this `ETag`."},
    )
)
def content(recording_id: str) -> Response:
    why = asked(request.args)
    recording = recordings.find_downloadable(db.session, caller(), recording_id, why)
    may = partial(recordings.find_downloadable, recording_id=recording_id, asked=why)
    leaving = partial(recordings.hand_out, db.session, caller(), recording, why)
    response = hand_over(original(recording), still(may), leaving)
    name = quote(recording.filename, safe="")
    response.headers["Content-Disposition"] += f"; filename*=UTF-8''{name}"
    return response


@blueprint.delete("/<recording_id>")
@described(
    Description(
        "Delete a recording",
        takes=Why,
        gives={200: Deleted},
        refuses=(400, 404, 409, 413),
        query={"reason": "Why, where the body does not say it; the audit log keeps it."},
    )
)
def delete(recording_id: str) -> Response:
    recording = deletion.ask(
        db.session, caller(), recording_id, _reason(), uploading.settings().keep
    )
    gone = recording.state == "deleted"
    if not gone:
        queue.ring(deletion.KIND, recording_id)
    return answer(Deleted(file_id=recording_id, status="deleted" if gone else "deleting"))


def _reason() -> str:
    body = whole_body(MOST_JSON)
    said = shaped(Why, json_value(body)).reason if body else request.args.get("reason")
    reason = (said or UNSAID).strip()
    if len(reason) > LONGEST_REASON or not plain(reason):
        raise InvalidRequest(f"The reason may have {LONGEST_REASON} plain characters.")
    return reason or UNSAID


answer_refusals(blueprint, json_envelope)
