"""JSON beside tus: /api/v1/videos/upload/* (docs/wire/videos.md). The bytes go by tus."""

from __future__ import annotations

import mimetypes
from datetime import UTC, datetime
from typing import Annotated

from flask import Blueprint, Response
from pydantic import AfterValidator, Field

from portal import uploading
from portal.api.describing import Answer, Description, answer, described
from portal.api.refusals import answer_refusals, json_envelope
from portal.auth import caller
from portal.core import uploads
from portal.core.errors import Incomplete, InvalidRequest, NotAccepted, UploadGone
from portal.core.finishing import Outcome
from portal.core.models import Upload
from portal.core.uploads import NewUpload
from portal.db import db
from portal.parsing import (
    BIGGEST,
    Sha256,
    Text,
    Told,
    clean,
    file_name,
    idempotency_key,
    json_body,
    known_id,
)

CHUNK_BYTES = 5 * 1024 * 1024
TUS = "/api/v1/videos/tus"
MEDIA_TYPE = r"^[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+( *;.*)?$"

blueprint = Blueprint("videos", __name__, url_prefix="/api/v1/videos/upload")


class Init(Told):
    session_id: Text
    filename: Text
    file_size: Annotated[int, Field(ge=1, le=BIGGEST)]
    duration_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    content_type: (
        Annotated[str, Field(max_length=255, pattern=MEDIA_TYPE), AfterValidator(clean)] | None
    ) = None
    sha256: Sha256 | None = None


class Begun(Answer):
    upload_id: str
    upload_url: str
    expires_at: str
    chunk_size: int


class Status(Answer):
    upload_id: str
    offset: int
    size: int | None
    completed: bool
    expires_at: str
    percentage: float


class Complete(Told):
    upload_id: Text


class Completed(Answer):
    upload_id: str
    recording_id: str
    state: str
    status_url: str


class Unfinished(Incomplete):
    def __init__(self, upload: Upload) -> None:
        size = "a yet unknown number of" if upload.length is None else upload.length
        super().__init__(f"{upload.offset} of {size} bytes have arrived; send the rest.")
        self.facts = {"offset": upload.offset}


class Rejected(NotAccepted):
    """The file is here, and it is not going to be a recording that plays."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reason or "The file was not accepted.")
        self.code = outcome.code or self.code


@blueprint.post("/init")
@described(
    Description(
        "Begin the upload of a video",
        takes=Init,
        gives={201: Begun},
        refuses=(400, 410, 413, 422, 507),
        headers={"Idempotency-Key": "The client's name for this request."},
    )
)
def init() -> Response:
    said = json_body(Init)
    _refuse_too_long(said.duration_seconds)
    new = NewUpload(
        dialect="tus",
        filename=file_name(said.filename),
        length=said.file_size,
        terms=uploading.video_terms(said.content_type),
        declared_sha256=said.sha256.lower() if said.sha256 else None,
        details=_details(said),
        idempotency_key=idempotency_key(),
        claims=uploading.session_claim(said.session_id),
    )
    begun = uploading.start(new)
    url, until = f"{TUS}/{begun.upload_id}", _iso(begun.expires_at)
    response = answer(
        Begun(upload_id=begun.upload_id, upload_url=url, expires_at=until, chunk_size=CHUNK_BYTES),
        201,
    )
    response.headers["Location"] = url
    return response


def _refuse_too_long(seconds: float | None) -> None:
    most = uploading.settings().max_video_minutes * 60
    if seconds is not None and seconds > most:
        raise InvalidRequest(f"duration_seconds: a video may play for {most} seconds at most.")


def _details(said: Init) -> dict[str, str]:
    """What the client said of the video, as it is searched for."""
    guessed, _ = mimetypes.guess_type(said.filename)
    found = {
        "session_id": said.session_id,
        "duration_seconds": _plain_number(said.duration_seconds),
        "content_type": said.content_type or guessed,
    }
    return {name: value for name, value in found.items() if value is not None}


def _plain_number(number: float | None) -> str | None:
    if number is None:
        return None
    return str(int(number)) if number.is_integer() else str(number)


@blueprint.get("/<upload_id>/status")
@described(Description("Where an upload stands", gives={200: Status}, refuses=(404, 410)))
def status(upload_id: str) -> Response:
    upload = uploads.settled(db.session, caller(), _known(upload_id))
    whole = upload.length is not None and upload.offset == upload.length
    share = 100.0 if whole else 100.0 * upload.offset / (upload.length or BIGGEST)
    return answer(
        Status(
            upload_id=upload.id,
            offset=upload.offset,
            size=upload.length,
            completed=whole,
            expires_at=_iso(upload.expires_at),
            percentage=int(100 * share) / 100,  # never 100 before the last byte
        )
    )


@blueprint.post("/complete")
@described(
    Description(
        "Learn what became of a whole upload",
        takes=Complete,
        gives={200: Completed, 202: Completed},
        refuses=(400, 404, 409, 410, 413, 422),
    )
)
def complete() -> Response:
    upload_id = _known(json_body(Complete).upload_id)
    found = uploading.outcome(upload_id)
    if found.state not in ("processing", "ready", "quarantined", "failed"):
        _finish(upload_id)
    found = uploading.outcome(upload_id, uploading.settings().finish_wait_seconds)
    if found.state in ("quarantined", "failed"):
        raise Rejected(found)
    if found.state == "deleted":
        raise UploadGone("The recording was deleted.")
    return _completed(upload_id, found)


def _finish(upload_id: str) -> None:
    """tus uploads end by themselves; one that is open has not everything yet."""
    upload = uploads.settled(db.session, caller(), upload_id)
    if upload.state == "open" and upload.offset != upload.length:
        raise Unfinished(upload)
    uploading.finish(upload_id)


def _completed(upload_id: str, found: Outcome) -> Response:
    url = f"{blueprint.url_prefix}/{upload_id}/status"
    said = Completed(upload_id=upload_id, recording_id=upload_id, state=found.state, status_url=url)
    if found.state == "ready":
        return answer(said)
    response = answer(said, 202)
    response.headers["Retry-After"] = "1"
    return response


@blueprint.delete("/<upload_id>")
@described(Description("Give an upload up", gives={204: None}, refuses=(404, 410, 507)))
def abort(upload_id: str) -> Response:
    uploading.abandon(_known(upload_id))
    return Response(status=204)


def _known(upload_id: str) -> str:
    return known_id(upload_id, "There is no such upload; begin a new one.")


def _iso(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


answer_refusals(blueprint, json_envelope)
