"""The desktop recorder's upload sessions at /api/uploads (docs/wire/sessions.md)."""

from __future__ import annotations

from flask import Blueprint, Response, request

from portal import uploading
from portal.api.describing import BYTES, Description, answer, described
from portal.api.direct_shapes import direct
from portal.api.refusals import answer_refusals
from portal.api.session_files import receive
from portal.api.session_refusals import envelope
from portal.api.session_shapes import (
    Created,
    CreateSession,
    Finalize,
    Standing,
    searchable,
    standing,
    timestamp,
)
from portal.auth import caller
from portal.core import uploads
from portal.core.direct import DirectPart
from portal.core.errors import UploadGone
from portal.core.finishing import Outcome
from portal.core.uploads import NewUpload
from portal.db import db
from portal.multipart import Part
from portal.parsing import (
    MOST_JSON,
    check_path_id,
    file_name,
    idempotency_key,
    json_body,
    json_value,
    shaped,
    whole_body,
)

FORM = "multipart/form-data"
SENT = {
    "Content-Range": "Which bytes these are, as `bytes 0-99/1000` or `bytes 0-99/*`.",
    "Upload-Offset": "The same, as the number of the first byte.",
}

blueprint = Blueprint("sessions", __name__, url_prefix="/api/uploads")


@blueprint.before_request
def check_id() -> None:
    check_path_id("upload_id", "There is no such upload session; create a new one.")


@blueprint.post("/create-session")
@described(
    Description(
        "Begin the upload of one recording",
        takes=CreateSession,
        gives={201: Created},
        refuses=(400, 409, 410, 413, 422, 507),
        headers={"Idempotency-Key": "The client's name for this request, if it may come again."},
    )
)
def create_session() -> Response:
    told = json_body(CreateSession)
    sha256 = told.sha256 or told.file_hash
    new = NewUpload(
        dialect="sessions",
        filename=file_name(told.filename or told.session_id),
        length=told.file_size or None,
        terms=uploading.terms(uploading.settings().accept_sessions),
        declared_sha256=sha256.lower() if sha256 else None,
        details=told.details(),
        ends_itself=False,
        idempotency_key=idempotency_key(),
    )
    progress = (uploading.start_direct if told.direct else uploading.start)(new)
    address = f"{_public_url()}{blueprint.url_prefix}/{progress.upload_id}"
    return answer(
        Created(
            session_id=progress.upload_id,
            file_id=progress.upload_id,
            metadata_upload_url=f"{address}/metadata",
            video_upload_url=f"{address}/video",
            expires_at=timestamp(progress.expires_at),
            direct=direct(progress.chunk_size, uploading.outstanding(progress.upload_id)),
        ),
        201,
    )


def _public_url() -> str:
    """Where the client reaches us: as the operator has set it, else as this request did."""
    settings = uploading.settings()
    unset = settings.public_url == f"http://{settings.address}"
    return (request.host_url if unset else settings.public_url).rstrip("/")


@blueprint.route("/<upload_id>/video", methods=["POST", "PUT"])
@described(
    Description(
        "Send the recording's bytes, whole or from where it stands",
        takes=(BYTES, FORM),
        gives={200: Standing},
        refuses=(400, 404, 408, 409, 410, 413, 507),
        headers=SENT,
    )
)
def video(upload_id: str) -> Response:
    receive(upload_id, lambda part: False)
    return answer(_standing(upload_id))


@blueprint.route("/<upload_id>/metadata", methods=["POST", "PUT"])
@described(
    Description(
        "Add to what is known of the recording",
        takes=("application/json", FORM),
        gives={200: Standing},
        refuses=(400, 404, 408, 409, 410, 413, 507),
    )
)
def metadata(upload_id: str) -> Response:
    receive(upload_id, lambda part: True)
    return answer(_standing(upload_id))


@blueprint.route("/<upload_id>/file", methods=["POST", "PUT"])
@described(
    Description(
        "Send the recording's bytes or its metadata",
        takes=(BYTES, "application/json", FORM),
        gives={200: Standing},
        refuses=(400, 404, 408, 409, 410, 413, 507),
        headers=SENT,
    )
)
def file(upload_id: str) -> Response:
    receive(upload_id, _is_metadata)
    return answer(_standing(upload_id))


def _is_metadata(part: Part) -> bool:
    named = part.name == "metadata" or (part.filename or "").lower().endswith(".json")
    return named or part.content_type.partition(";")[0].strip().lower() == "application/json"


@blueprint.post("/<upload_id>/finalize")
@described(
    Description(
        "Say that all has been sent, and learn what has become of it",
        takes=Finalize,
        gives={200: Standing, 202: Standing, 422: Standing},
        refuses=(400, 404, 408, 409, 410, 413, 507),
    )
)
def finalize(upload_id: str) -> Response:
    body = whole_body(MOST_JSON)
    told = shaped(Finalize, json_value(body)) if body else Finalize()
    outcome = _finished(upload_id, told)
    status = {"ready": 200, "deleted": 200, "processing": 202}.get(outcome.state, 422)
    response = answer(standing(uploads.find(db.session, caller(), upload_id), outcome), status)
    if status == 202:
        response.headers["Location"] = f"{blueprint.url_prefix}/{upload_id}/status"
        response.headers["Retry-After"] = "1"
    return response


def _finished(upload_id: str, told: Finalize) -> Outcome:
    sha256 = told.sha256 or told.checksum
    try:
        if told.metadata is not None:
            uploads.describe(db.session, caller(), upload_id, searchable(told.metadata))
        declared = sha256.lower() if sha256 else None
        return uploading.finish(upload_id, sha256=declared, length=told.file_size)
    except UploadGone:
        found = uploading.outcome(upload_id)
        if found.state != "failed":
            raise
        return found  # asked again, the answer is the same


@blueprint.get("/<upload_id>/status")
@described(Description("Ask where the upload stands", gives={200: Standing}, refuses=(404,)))
def status(upload_id: str) -> Response:
    parts = uploading.outstanding(upload_id)
    return answer(_standing(upload_id, parts))


def _standing(upload_id: str, parts: list[DirectPart] | None = None) -> Standing:
    upload = uploads.find(db.session, caller(), upload_id)
    return standing(upload, uploading.outcome(upload_id), parts)


answer_refusals(blueprint, envelope)
