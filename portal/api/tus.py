"""tus 1.0 at /api/v1/videos/tus: core, creation, termination, checksum (docs/wire/tus.md).

The protocol: https://tus.io/protocols/resumable-upload (version 1.0.0).
"""

from __future__ import annotations

import base64
import binascii
import re

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as WerkzeugResponse

from portal import queue
from portal.auth import caller
from portal.config import Settings
from portal.core import appending, assembly, uploads
from portal.core.checks import ALGORITHMS, Check
from portal.core.errors import (
    ChecksumMismatch,
    InvalidRequest,
    NotFound,
    Refusal,
    RequestTimedOut,
    TooLarge,
)
from portal.core.models import is_id
from portal.core.uploads import NewUpload, Progress
from portal.db import db
from portal.receiving import request_body
from portal.storage import store
from storage_backends import StorageFull, StorageUnavailable

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
            "Tus-Max-Size": str(_settings().max_upload_bytes),
            "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        },
    )


@blueprint.post("")
@blueprint.post("/")
def create() -> Response:
    length = _number("Upload-Length")
    if length > _settings().max_upload_bytes:
        raise TooLarge(f"An upload may have {_settings().max_upload_bytes} bytes at most.")
    metadata = _metadata(request.headers.get("Upload-Metadata", ""))
    new = NewUpload(
        dialect="tus",
        filename=_filename(metadata),
        length=length,
        declared_sha256=_declared_sha256(metadata),
        details=metadata,
        wire={"Upload-Metadata": request.headers.get("Upload-Metadata", "")},
    )
    progress = uploads.start(db.session, caller(), new, _settings().upload_lifetime)
    _ring_if_finished(progress)
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
    lifetime = _settings().upload_lifetime
    try:
        progress = appending.append(
            db.session, store, caller(), upload_id, offset, body, lifetime, check
        )
    except ChecksumMismatch:
        body.refuse_cut()  # not the bytes were wrong: some are missing
        raise
    _ring_if_finished(progress)
    body.refuse_cut()
    return Response(status=204, headers={"Upload-Offset": str(progress.offset)})


@blueprint.delete("/<upload_id>")
def terminate(upload_id: str) -> Response:
    uploads.abandon(db.session, caller(), upload_id)
    uploads.tidy(db.session, store, upload_id)
    return Response(status=204)


@blueprint.post("/<upload_id>")
def overridden(upload_id: str) -> Response:
    """For clients that can only GET and POST: the method they mean is in a header."""
    meant = {"HEAD": where_it_stands, "PATCH": append, "DELETE": terminate}
    method = request.headers.get("X-HTTP-Method-Override", "").upper()
    if method not in meant:
        raise InvalidRequest("POST here needs `X-HTTP-Method-Override: PATCH`, DELETE or HEAD.")
    return meant[method](upload_id)


@blueprint.errorhandler(Refusal)
def refuse(refusal: Refusal) -> Response:
    status = STATUS.get(type(refusal), refusal.status)
    response = Response(f"{refusal}\n", status, mimetype="text/plain")
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if status == 503:
        response.headers["Retry-After"] = "1"
    return response


@blueprint.errorhandler(StorageFull)
def storage_full(error: StorageFull) -> Response:
    return Response(f"{error}\n", 507, mimetype="text/plain")


@blueprint.errorhandler(StorageUnavailable)
def storage_unavailable(error: StorageUnavailable) -> Response:
    # tus-js-client gives up at every 4xx, and comes back after a 5xx.
    current_app.logger.error("%s", error)
    return Response(f"{error}\n", 503, {"Retry-After": "5"}, mimetype="text/plain")


@blueprint.errorhandler(HTTPException)
def http_error(error: HTTPException) -> WerkzeugResponse:
    return Response(f"{error.description}\n", error.code, mimetype="text/plain")


def _settings() -> Settings:
    settings: Settings = current_app.config["SETTINGS"]
    return settings


def _ring_if_finished(progress: Progress) -> None:
    if progress.finished:
        queue.ring(assembly.KIND, progress.upload_id)


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
