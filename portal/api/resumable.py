"""The IETF's resumable uploads, interop version 8, at /api/v1/resumable; off by default.

https://datatracker.ietf.org/doc/draft-ietf-httpbis-resumable-upload/ (docs/wire/resumable.md).
An upload ends when its client says so, not when its length is reached: hence `ends_itself=False`.
"""

from __future__ import annotations

import contextlib

from flask import Blueprint, Response, g, request

from portal import uploading
from portal.api.describing import Description, described
from portal.api.refusals import answer_refusals
from portal.api.resumable_words import (
    APPEND,
    ASK,
    BYTES,
    CANCEL,
    CREATE,
    FOLLOW,
    LIMITS,
    VERSION,
    InconsistentLength,
    MismatchingOffset,
    WrongContentType,
    WrongVersion,
    agreed,
    complete_already,
    declared_sha256,
    envelope,
    filename,
    integer,
    last_one,
    said,
    stands,
)
from portal.auth import caller
from portal.bodies import RequestBody
from portal.core import uploads
from portal.core.errors import (
    Incomplete,
    InvalidRequest,
    NotAccepted,
    NotFound,
    OffsetMismatch,
)
from portal.core.finishing import Outcome
from portal.core.models import Upload
from portal.core.uploads import NewUpload
from portal.db import db
from portal.parsing import check_path_id, idempotency_key
from portal.receiving import request_body

blueprint = Blueprint("resumable", __name__, url_prefix="/api/v1/resumable")


@blueprint.before_request
def check_request() -> None:
    if request.method != "OPTIONS" and integer("Upload-Draft-Interop-Version") != int(VERSION):
        raise WrongVersion(f"Send `Upload-Draft-Interop-Version: {VERSION}`; no other works here.")
    check_path_id("upload_id", "There is no such upload; begin a new one.")


@blueprint.after_request
def add_draft_headers(response: Response) -> Response:
    response.headers["Upload-Draft-Interop-Version"] = VERSION
    response.headers["Cache-Control"] = "no-store"
    if request.method in ("POST", "PATCH"):
        response.headers["Upload-Complete"] = "?1" if g.get("complete") else "?0"
    if request.method == "OPTIONS" or response.status_code == WrongContentType.status:
        response.headers["Accept-Patch"] = BYTES
    if "upload_id" in g:
        response.headers["Location"] = f"{blueprint.url_prefix}/{g.upload_id}"
    return response


@blueprint.route("", methods=["OPTIONS"], provide_automatic_options=False)
@described(Description("Limits of uploads", gives={204: None}, answers=LIMITS))
def options() -> Response:
    lifetime = int(uploading.settings().upload_lifetime.total_seconds())
    limit = f"max-size={uploading.settings().max_video_bytes}, max-age={lifetime}"
    return Response(status=204, headers={"Upload-Limit": limit})


@blueprint.post("")
@described(CREATE)
def create() -> Response:
    last, body = last_one(), request_body()
    length = agreed(integer("Upload-Length"), body.length if last else None)
    kind = request.mimetype if request.mimetype.startswith(("audio/", "video/")) else None
    new = NewUpload(
        dialect="resumable",
        filename=filename(),
        length=length,
        terms=uploading.video_terms(kind),
        declared_sha256=declared_sha256(),
        ends_itself=False,
        idempotency_key=idempotency_key(),
    )
    progress = uploading.start(new)
    g.upload_id = progress.upload_id
    if progress.finished:  # the same request has come before
        return _told(uploading.outcome(progress.upload_id))
    if body.length == 0 and not last:
        return stands(uploads.find(db.session, caller(), progress.upload_id), 201)
    _announce(progress.upload_id)
    return _receive(progress.upload_id, 0, body, length, last, 201)


@blueprint.route("/<upload_id>", methods=["HEAD"])
@described(ASK)
def where_itstands(upload_id: str) -> Response:
    return stands(_ours(uploads.settled(db.session, caller(), upload_id)), 204)


@blueprint.get("/<upload_id>")
@described(FOLLOW)
def what_became_of_it(upload_id: str) -> Response:
    upload = _ours(uploads.settled(db.session, caller(), upload_id))
    response = said(upload_id, uploading.outcome(upload_id), 200)
    response.headers.update(stands(upload, 200).headers)
    response.mimetype = "application/json"
    return response


@blueprint.patch("/<upload_id>")
@described(APPEND)
def append(upload_id: str) -> Response:
    if request.mimetype != BYTES:
        raise WrongContentType(f"Send the bytes with `Content-Type: {BYTES}`.")
    last, offset, body = last_one(), integer("Upload-Offset"), request_body()
    if offset is None:
        raise InvalidRequest("Upload-Offset is missing or no whole number.")
    upload = _ours(uploads.find(db.session, caller(), upload_id))
    uploads.refuse_gone(upload)
    if upload.state != "open":
        g.complete = True
        raise complete_already(body.length)
    if offset != upload.offset:
        raise MismatchingOffset(upload.offset, offset)
    ends_at = offset + body.length if last and body.length is not None else None
    length = agreed(upload.length, integer("Upload-Length"), ends_at)
    return _receive(upload_id, offset, body, length, last, 204)


@blueprint.delete("/<upload_id>")
@described(CANCEL)
def cancel(upload_id: str) -> Response:
    _ours(uploads.find(db.session, caller(), upload_id))
    uploading.abandon(upload_id)
    return Response(status=204)


answer_refusals(blueprint, envelope)


def _receive(
    upload_id: str, offset: int, body: RequestBody, length: int | None, last: bool, status: int
) -> Response:
    try:
        uploading.append(upload_id, offset, body, length=length)
    except OffsetMismatch as error:
        now = uploads.find(db.session, caller(), upload_id)
        raise MismatchingOffset(now.offset, offset) from error
    if last:
        return _finished(upload_id)
    return stands(uploads.find(db.session, caller(), upload_id), status)


def _finished(upload_id: str) -> Response:
    try:
        outcome = uploading.finish(upload_id)
    except Incomplete as error:
        raise InconsistentLength(str(error)) from error
    g.upload_id = upload_id
    return _told(outcome)


def _told(outcome: Outcome) -> Response:
    """The answer to the request that ended the upload, and to its repetition."""
    g.complete = True
    if outcome.state not in ("ready", "processing"):
        raise NotAccepted(outcome.reason or f"The recording is {outcome.state}.")
    response = said(g.upload_id, outcome, 200 if outcome.state == "ready" else 202)
    if outcome.state == "processing":
        response.headers["Retry-After"] = "1"
    return response


def _ours(upload: Upload) -> Upload:
    """Raises NotFound for an upload that another dialect has begun, by its own rules."""
    if upload.dialect != "resumable":
        raise NotFound("There is no such upload; begin a new one.")
    return upload


def _announce(upload_id: str) -> None:
    """104: where to resume, told while the body is still on its way. Not through a proxy: nginx
    before 1.29 takes it for the answer."""
    client = request.environ.get("gunicorn.socket")
    direct = uploading.settings().proxy_hops == 0
    if client is not None and direct and request.environ["SERVER_PROTOCOL"] == "HTTP/1.1":
        lines = (
            "HTTP/1.1 104 Upload Resumption Supported",
            f"Upload-Draft-Interop-Version: {VERSION}",
            f"Location: {blueprint.url_prefix}/{upload_id}",
            f"Upload-Limit: max-size={uploading.settings().max_video_bytes}",
        )
        with contextlib.suppress(OSError):  # whoever is gone is noticed by reading the body
            client.sendall("\r\n".join((*lines, "", "")).encode())
