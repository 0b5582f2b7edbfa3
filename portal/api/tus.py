"""tus 1.0 at /api/v1/videos/tus (docs/wire/tus.md).

The protocol: https://tus.io/protocols/resumable-upload (version 1.0.0). Its headers are read in
portal/api/tus_headers.py; X-HTTP-Method-Override in portal/api/method_override.py.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from flask import Blueprint, Response, request
from werkzeug.http import http_date

from portal import uploading
from portal.api import tus_described as about
from portal.api import tus_headers as told
from portal.api.describing import described
from portal.api.refusals import Explained, answer_refusals
from portal.api.tus_headers import BYTES, PREFIX
from portal.auth import caller
from portal.bodies import RequestBody
from portal.core import uploads
from portal.core.checks import ALGORITHMS, Check
from portal.core.errors import (
    ChecksumMismatch,
    InvalidRequest,
    NotAllowed,
    Refusal,
    RequestTimedOut,
)
from portal.core.models import Upload
from portal.core.uploads import NewUpload, Progress
from portal.db import db
from portal.parsing import check_path_id, idempotency_key
from portal.receiving import request_body

VERSION = "1.0.0"
EXTENSIONS = (
    "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination,"
    "concatenation"
)

blueprint = Blueprint("tus", __name__, url_prefix=PREFIX)


class WrongVersion(InvalidRequest):
    code = "wrong_version"
    status = 412


class WrongContentType(InvalidRequest):
    code = "wrong_content_type"
    status = 415


STATUS = {
    ChecksumMismatch: 460,
    # tus-js-client ends the upload at a 408, and continues it after a 503.
    RequestTimedOut: 503,
}


@blueprint.before_request
def check_request() -> None:
    if request.method != "OPTIONS" and request.headers.get("Tus-Resumable") != VERSION:
        raise WrongVersion(f"This server speaks tus {VERSION}; send `Tus-Resumable: {VERSION}`.")
    check_path_id("upload_id", "There is no such upload; begin a new one.")


@blueprint.after_app_request
def add_tus_headers(response: Response) -> Response:
    """On every answer below our path, also where no route is."""
    if not f"{request.path}/".startswith(f"{PREFIX}/"):
        return response
    response.headers["Tus-Resumable"] = VERSION
    response.headers["Cache-Control"] = "no-store"
    if response.status_code == WrongVersion.status:
        response.headers["Tus-Version"] = VERSION
    return response


@blueprint.route("", methods=["OPTIONS"], provide_automatic_options=False)
@blueprint.route("/", methods=["OPTIONS"], provide_automatic_options=False)
@blueprint.route("/<upload_id>", methods=["OPTIONS"], provide_automatic_options=False)
@described(about.OPTIONS)
def options(upload_id: str = "") -> Response:
    return Response(
        status=204,
        headers={
            "Tus-Version": VERSION,
            "Tus-Extension": EXTENSIONS,
            "Tus-Max-Size": str(uploading.settings().max_video_bytes),
            "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        },
    )


@blueprint.post("")
@blueprint.post("/")
@described(about.CREATE)
def create() -> Response:
    new, concat, body = _new_upload(), told.concat(), _first_body()
    if concat is None:
        return _begun(replace(new, length=told.length()), body)
    new = replace(new, wire=new.wire | {"Upload-Concat": request.headers["Upload-Concat"]})
    if concat.kind == "partial":
        return _begun(replace(new, length=told.length(), concat="partial"), body)
    if not body.done:
        raise NotAllowed("A final upload is made of others; it takes no bytes of its own.")
    return _created(uploading.concatenate(new, concat.pieces))


def _first_body() -> RequestBody:
    body = request_body()
    if not told.brings_bytes() and not body.done:
        raise WrongContentType(f"Send bytes with `Content-Type: {BYTES}`, or none.")
    return body


def _new_upload() -> NewUpload:
    metadata = told.metadata()
    return NewUpload(
        dialect="tus",
        filename=metadata.filename,
        length=None,
        terms=uploading.video_terms(metadata.details.get("filetype")),
        declared_sha256=metadata.sha256,
        details=metadata.details,
        wire={"Upload-Metadata": metadata.said, "First": request.headers.get("Content-Length")},
        idempotency_key=idempotency_key(),
        claims=uploading.session_claim(metadata.details.get("session_id")),
    )


def _begun(new: NewUpload, body: RequestBody) -> Response:
    check = told.check()
    progress = uploading.start(new)
    try:
        return _created(_with_bytes(progress, body, check))
    except Exception:
        if new.idempotency_key is None:  # nobody knows the address of this upload
            with suppress(Refusal):
                uploading.abandon(progress.upload_id)
        raise


def _with_bytes(progress: Progress, body: RequestBody, check: Check | None) -> Progress:
    """After the bytes that came along, if there were some. A repeated request finds its own
    there already."""
    if not told.brings_bytes() or progress.offset:
        return progress
    return _append(progress.upload_id, 0, body, check)


def _created(progress: Progress) -> Response:
    response = Response(status=201, headers={"Location": f"{PREFIX}/{progress.upload_id}"})
    if told.brings_bytes():
        response.headers["Upload-Offset"] = str(progress.offset)
    return _expiring(response, progress)


def _expiring(response: Response, progress: Progress) -> Response:
    if not progress.finished:
        response.headers["Upload-Expires"] = http_date(progress.expires_at)
    return response


@blueprint.post("/<upload_id>")
@described(about.ADOPT)
def adopt(upload_id: str) -> Response:
    """For clients that take the address of an upload for the one that makes uploads."""
    body, check = _first_body(), told.check()
    new = replace(_new_upload(), length=told.number("Upload-Length"))
    progress = uploads.adopt(db.session, caller(), upload_id, new)
    return _created(_with_bytes(progress, body, check))


@blueprint.route("/<upload_id>", methods=["HEAD"])
@described(about.HEAD)
def where_it_stands(upload_id: str) -> Response:
    upload = uploads.settled(db.session, caller(), upload_id)
    response = Response(status=200, headers={"Upload-Offset": str(upload.offset)})
    response.headers.update(_facts(upload))
    return _expiring(response, uploads.progress_of(upload)) if upload.state == "open" else response


def _facts(upload: Upload) -> dict[str, str]:
    """What the client said of the upload, in its own words."""
    said = ("Upload-Metadata", "Upload-Concat")
    facts = {name: upload.wire[name] for name in said if upload.wire.get(name)}
    if upload.length is None:
        return facts | {"Upload-Defer-Length": "1"}
    return facts | {"Upload-Length": str(upload.length)}


@blueprint.patch("/<upload_id>")
@described(about.PATCH)
def append(upload_id: str) -> Response:
    if not told.brings_bytes():
        raise WrongContentType(f"Send the bytes with `Content-Type: {BYTES}`.")
    offset, check, length = told.number("Upload-Offset"), told.check(), told.late_length()
    progress = _append(upload_id, offset, request_body(), check, length)
    response = Response(status=204, headers={"Upload-Offset": str(progress.offset)})
    return _expiring(response, progress)


def _append(
    upload_id: str, offset: int, body: RequestBody, check: Check | None, length: int | None = None
) -> Progress:
    try:
        return uploading.append(upload_id, offset, body, check, length)
    except ChecksumMismatch:
        body.refuse_cut()  # not the bytes were wrong: some are missing
        raise


@blueprint.delete("/<upload_id>")
@described(about.DELETE)
def terminate(upload_id: str) -> Response:
    uploading.abandon(upload_id)
    return Response(status=204)


def _envelope(explained: Explained) -> Response:
    # tus-js-client gives up at every 4xx, and comes back after a 5xx.
    status = STATUS.get(type(explained.error), explained.status)
    response = Response(f"{explained.sentence}\n", status, mimetype="text/plain")
    if status == 503:
        response.headers["Retry-After"] = "1"
    return response


answer_refusals(blueprint, _envelope)
