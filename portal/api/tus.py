"""tus 1.0 at /api/v1/videos/tus: core, creation, termination, checksum (docs/wire/tus.md).

The protocol: https://tus.io/protocols/resumable-upload (version 1.0.0).
"""

from __future__ import annotations

import base64
import binascii
import re

from flask import Blueprint, Response, request

from portal import uploading
from portal.api.refusals import Explained, answer_refusals
from portal.auth import caller
from portal.core import uploads
from portal.core.checks import ALGORITHMS, Check
from portal.core.errors import (
    ChecksumMismatch,
    InvalidRequest,
    NotFound,
    RequestTimedOut,
)
from portal.core.models import is_id
from portal.core.uploads import NewUpload
from portal.db import db
from portal.receiving import request_body

VERSION = "1.0.0"
EXTENSIONS = "creation,termination,checksum"
MAX_METADATA = 8 * 1024
BYTES = "application/offset+octet-stream"

blueprint = Blueprint("tus", __name__, url_prefix="/api/v1/videos/tus")


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
    upload_id = (request.view_args or {}).get("upload_id")
    if upload_id is not None and not is_id(upload_id):
        raise NotFound("There is no such upload; begin a new one.")


@blueprint.after_app_request
def add_tus_headers(response: Response) -> Response:
    """On every answer below our path, also where no route is."""
    if not request.path.startswith(f"{blueprint.url_prefix}"):
        return response
    response.headers["Tus-Resumable"] = VERSION
    response.headers["Cache-Control"] = "no-store"
    if response.status_code == WrongVersion.status:
        response.headers["Tus-Version"] = VERSION
    return response


@blueprint.route("", methods=["OPTIONS"], provide_automatic_options=False)
@blueprint.route("/", methods=["OPTIONS"], provide_automatic_options=False)
@blueprint.route("/<upload_id>", methods=["OPTIONS"], provide_automatic_options=False)
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
def create() -> Response:
    length = _number("Upload-Length")
    metadata = _metadata(request.headers.get("Upload-Metadata", ""))
    new = NewUpload(
        dialect="tus",
        filename=_filename(metadata),
        length=length,
        terms=uploading.video_terms(metadata.get("filetype")),
        declared_sha256=_declared_sha256(metadata),
        details=metadata,
        wire={"Upload-Metadata": request.headers.get("Upload-Metadata", "")},
    )
    progress = uploading.start(new)
    return Response(
        status=201, headers={"Location": f"{blueprint.url_prefix}/{progress.upload_id}"}
    )


@blueprint.route("/<upload_id>", methods=["HEAD"])
def where_it_stands(upload_id: str) -> Response:
    upload = uploads.settled(db.session, caller(), upload_id)
    response = Response(
        status=200,
        headers={"Upload-Offset": str(upload.offset), "Upload-Length": str(upload.length)},
    )
    if upload.wire.get("Upload-Metadata"):
        response.headers["Upload-Metadata"] = upload.wire["Upload-Metadata"]
    return response


@blueprint.patch("/<upload_id>")
def append(upload_id: str) -> Response:
    if request.mimetype != BYTES:
        raise WrongContentType(f"Send the bytes with `Content-Type: {BYTES}`.")
    offset, check = _number("Upload-Offset"), _check()
    body = request_body()
    try:
        progress = uploading.append(upload_id, offset, body, check)
    except ChecksumMismatch:
        body.refuse_cut()  # not the bytes were wrong: some are missing
        raise
    return Response(status=204, headers={"Upload-Offset": str(progress.offset)})


@blueprint.delete("/<upload_id>")
def terminate(upload_id: str) -> Response:
    uploading.abandon(upload_id)
    return Response(status=204)


@blueprint.post("/<upload_id>")
def overridden(upload_id: str) -> Response:
    """For clients that can only GET and POST: the method they mean is in a header."""
    meant = {"HEAD": where_it_stands, "PATCH": append, "DELETE": terminate}
    method = request.headers.get("X-HTTP-Method-Override", "").upper()
    if method not in meant:
        raise InvalidRequest("POST here needs `X-HTTP-Method-Override: PATCH`, DELETE or HEAD.")
    return meant[method](upload_id)


def _envelope(explained: Explained) -> Response:
    # tus-js-client gives up at every 4xx, and comes back after a 5xx.
    status = STATUS.get(type(explained.error), explained.status)
    response = Response(f"{explained.sentence}\n", status, mimetype="text/plain")
    if status == 503:
        response.headers["Retry-After"] = "1"
    return response


answer_refusals(blueprint, _envelope)


def _number(name: str) -> int:
    """A header that is a whole number; Python's int() would also take "+1", "1_0" and " 5"."""
    text = request.headers.get(name)
    if text is None:
        raise InvalidRequest(f"The header {name} is missing.")
    if not re.fullmatch(r"[0-9]{1,15}", text):
        raise InvalidRequest(f"{name} must be a whole number of bytes.")
    return int(text)


def _check() -> Check | None:
    header = request.headers.get("Upload-Checksum")
    if header is None:
        return None
    algorithm, _, encoded = header.partition(" ")
    if algorithm not in ALGORITHMS:
        raise InvalidRequest(f"Use one of these for Upload-Checksum: {', '.join(ALGORITHMS)}.")
    return Check(algorithm, _decode(encoded, "Upload-Checksum"))


def _decode(encoded: str, name: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest(f"{name} holds something that is not base64.") from error


def _metadata(header: str) -> dict[str, str]:
    """`key base64,key base64,key` as texts. Raises InvalidRequest."""
    if len(header) > MAX_METADATA:
        raise InvalidRequest(f"Upload-Metadata may have {MAX_METADATA} characters at most.")
    pairs = [pair.strip().partition(" ") for pair in header.split(",") if pair.strip()]
    found = {key: _text(encoded, key) for key, _, encoded in pairs}
    if len(found) != len(pairs):
        raise InvalidRequest("Upload-Metadata has the same key twice.")
    return found


def _text(encoded: str, key: str) -> str:
    if not re.fullmatch(r"[\x21-\x2b\x2d-\x7e]{1,100}", key):
        raise InvalidRequest("The keys of Upload-Metadata must be short and plain ASCII.")
    try:
        text = _decode(encoded, "Upload-Metadata").decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"The value of {key} in Upload-Metadata is not UTF-8.") from error
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise InvalidRequest(f"The value of {key} in Upload-Metadata has control characters.")
    return text


def _filename(metadata: dict[str, str]) -> str:
    """What the client calls the file, without folders; a name to show, never a path."""
    name = metadata.get("filename") or metadata.get("name") or ""
    return re.split(r"[/\\]", name)[-1].strip()[:255] or "recording"


def _declared_sha256(metadata: dict[str, str]) -> str | None:
    declared = metadata.get("sha256", "").lower()
    if declared and not re.fullmatch(r"[0-9a-f]{64}", declared):
        raise InvalidRequest("`sha256` in Upload-Metadata must be 64 hexadecimal digits.")
    return declared or None
