"""Uploads as JSON chunks at /api/v1/upload: init, chunk, complete, cancel, status
(docs/wire/chunks.md)."""

from __future__ import annotations

import base64
from contextlib import suppress
from dataclasses import replace
from typing import NoReturn

from flask import Blueprint, Response, request, url_for

from portal import uploading
from portal.api import chunk_shapes as shapes
from portal.api.describing import BYTES, Description, answer, described
from portal.api.refusals import Explained, answer_refusals, json_envelope
from portal.auth import caller
from portal.bodies import RequestBody
from portal.core import chunks, uploads
from portal.core.acceptance import accepted, normal
from portal.core.errors import (
    InvalidRequest,
    NotAccepted,
    NotAllowed,
    TooLarge,
    UploadExpired,
    UploadGone,
)
from portal.core.finishing import Outcome
from portal.core.models import Upload
from portal.core.uploads import NewUpload
from portal.db import db
from portal.parsing import (
    HeldBody,
    file_name,
    idempotency_key,
    json_body,
    known_id,
    shaped,
    whole_number,
)
from portal.receiving import request_body

AROUND_A_CHUNK = 16 * 1024
"""Bytes that the JSON of a chunk may have beside its base64."""

blueprint = Blueprint("chunks", __name__, url_prefix="/api/v1/upload")


class KindNotTaken(NotAccepted):
    status = 415


class NotCancelled(NotAllowed):
    status = 409


@blueprint.post("/init")
@described(
    Description(
        "Begin an upload in chunks",
        takes=shapes.Init,
        gives={201: shapes.Begun},
        refuses=(400, 408, 410, 413, 415, 422, 507),
        headers={"Idempotency-Key": "The same again gets the same upload."},
    )
)
def init() -> Response:
    told, size = json_body(shapes.Init), uploading.settings().chunk_bytes
    _refuse_unfit(told, size)
    new = NewUpload(
        dialect="chunks",
        filename=file_name(told.filename),
        length=told.total_size,
        terms=uploading.terms(uploading.settings().accept_chunks, told.mime_type),
        declared_sha256=told.file_hash.lower() or None,
        numbered=True,
        chunk_size=size,
        ends_itself=False,
        idempotency_key=idempotency_key(),
    )
    begun = (uploading.start_direct if told.direct else uploading.start)(new)
    return answer(shapes.begun(begun, uploading.outstanding(begun.upload_id)), 201)


def _refuse_unfit(told: shapes.Init, size: int) -> None:
    most, taken = uploading.settings().max_parts, uploading.settings().accept_chunks
    if told.total_size > most * size:
        raise TooLarge(f"An upload may have {most} chunks of {size} bytes at most.")
    kind = normal(told.mime_type)
    # Octets are what a client calls that does not know; the content tells in the end.
    if kind not in ("", BYTES) and not accepted(taken, kind):
        raise KindNotTaken(f"{kind} is not accepted here; only {', '.join(taken)}.")


@blueprint.post("/chunk")
@described(
    Description(
        f"Send one chunk, as base64 in JSON, or as {BYTES} with the three headers",
        takes=shapes.Chunk,
        gives={200: shapes.Taken},
        refuses=(400, 404, 408, 409, 410, 413, 507),
        headers={
            "X-Upload-ID": f"With {BYTES}: what is `upload_id` in JSON.",
            "X-Chunk-Index": f"With {BYTES}: what is `chunk_index` in JSON.",
            "X-Chunk-Checksum": f"With {BYTES}: what is `checksum` in JSON.",
        },
    )
)
def chunk() -> Response:
    label, body = _raw() if request.mimetype == BYTES else _encoded()
    checksum = label.checksum.lower() if label.checksum else None
    upload_id, number = _possible(label.upload_id), label.chunk_index
    progress = uploading.put_chunk(upload_id, number, body, checksum)
    return answer(shapes.taken(progress, number))


def _raw() -> tuple[shapes.Labelled, RequestBody]:
    """Straight from the connection to the store."""
    said = request.headers
    label = {
        "upload_id": said.get("X-Upload-ID", ""),
        "chunk_index": whole_number(said.get("X-Chunk-Index"), "X-Chunk-Index"),
        "checksum": said.get("X-Chunk-Checksum"),
    }
    return shaped(shapes.Labelled, label), request_body()


def _encoded() -> tuple[shapes.Labelled, RequestBody]:
    longest = 4 * -(-uploading.settings().chunk_bytes // 3)
    told = json_body(shapes.Chunk, longest + AROUND_A_CHUNK)
    if len(told.chunk_data) > longest:
        raise TooLarge(f"chunk_data may have {longest} characters at most.")
    try:
        return told, HeldBody(base64.b64decode(told.chunk_data, validate=True))
    except ValueError as error:
        raise InvalidRequest("chunk_data is not base64.") from error


@blueprint.post("/complete")
@described(
    Description(
        "Say that all chunks are sent, and learn what became of the file",
        takes=shapes.Whole,
        gives={200: shapes.Completed, 202: shapes.Processing},
        refuses=(400, 404, 408, 409, 410, 413, 422, 507),
    )
)
def complete() -> Response:
    told = json_body(shapes.Whole)
    upload_id = _own(told.upload_id).id
    try:
        found = uploading.finish(upload_id, sha256=told.file_hash and told.file_hash.lower())
    except UploadGone:  # it has failed, for one: the answer is the same each time
        found = uploading.outcome(upload_id)
    if found.state == "processing":
        where = url_for("chunks.status", upload_id=upload_id)
        said = shapes.Processing(upload_id=upload_id, status=found.state, status_url=where)
        return answer(said, 202)
    if found.state != "ready" or found.recording is None:
        _refuse(found)
    return answer(shapes.completed(found.recording))


def _refuse(found: Outcome) -> NoReturn:
    if found.state == "expired":
        raise UploadExpired(shapes.EXPIRED)
    problem = shapes.problem(found)
    if problem is not None:
        refusal = NotAccepted(problem.message)
        refusal.code = problem.code
        raise refusal
    raise UploadGone(f"The upload is {found.state}; begin a new one.")


@blueprint.post("/cancel")
@described(
    Description(
        "Give an upload up, and its bytes with it",
        takes=shapes.Named,
        gives={200: shapes.Said},
        refuses=(400, 404, 408, 409, 413, 507),
    )
)
def cancel() -> Response:
    upload_id = _own(json_body(shapes.Named).upload_id).id
    with suppress(UploadGone, NotAllowed):  # it has ended already: how, is told below
        uploading.abandon(upload_id)
    found = uploading.outcome(upload_id)
    if found.state not in ("cancelled", "expired", "failed"):
        raise NotCancelled("The upload is complete; its recording cannot be deleted this way.")
    return answer(shapes.Said(upload_id=upload_id, status=found.state))


@blueprint.get("/status/<upload_id>")
@described(Description("Where an upload stands", gives={200: shapes.Standing}, refuses=(404,)))
def status(upload_id: str) -> Response:
    parts = uploading.outstanding(_possible(upload_id))
    upload = _own(upload_id)
    found = uploading.outcome(upload.id)
    missing = chunks.missing(db.session, upload) if found.state == "open" else []
    return answer(shapes.standing(upload, found, missing, parts))


def _possible(upload_id: str) -> str:
    return known_id(upload_id, "There is no such upload; begin a new one.")


def _own(upload_id: str) -> Upload:
    return uploads.find(db.session, caller(), _possible(upload_id))


def _envelope(explained: Explained) -> Response:
    if isinstance(explained.error, UploadExpired):
        explained = replace(explained, code="session_expired", sentence=shapes.EXPIRED)
    return json_envelope(explained)


answer_refusals(blueprint, _envelope)
