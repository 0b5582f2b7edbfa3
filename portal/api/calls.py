"""Call recordings of a lead at /api/leads/<lead_id>/recordings: uploading them, as one form or in
chunks (docs/wire/calls.md). The other half of the dialect is portal/api/calls_stream.py."""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import Any

from flask import Response, request

from portal import uploading
from portal.api.calls_shapes import (
    AcceptedAnswer,
    Action,
    Append,
    Begun,
    BegunAnswer,
    Fields,
    Finalize,
    Init,
    Received,
    ReceivedAnswer,
    SavedAnswer,
    Step,
    saved,
)
from portal.api.calls_stream import NAME, belongs, blueprint
from portal.api.describing import BYTES, Description, answer, described
from portal.auth import caller
from portal.bodies import RequestBody
from portal.core import chunks, uploads
from portal.core.errors import Conflict, InvalidRequest, NotFound, OtherBytes, Refusal, TooLarge
from portal.core.models import Upload, is_id
from portal.core.uploads import NewUpload, Progress
from portal.db import db
from portal.multipart import Form, form, is_form
from portal.parsing import (
    HeldBody,
    file_name,
    idempotency_key,
    json_value,
    shaped,
    whole_body,
    whole_number,
)
from portal.receiving import request_body

MOST_CHUNK = 8 * 1024 * 1024
MOST_JSON = MOST_CHUNK // 3 * 4 + 8192


class WrongContentType(InvalidRequest):
    code = "unsupported_media_type"
    status = 415


@blueprint.post("")
@described(
    Description(
        "Upload a recording: as a form with `file` and `call_log_id`, or in three JSON steps. A "
        "chunk may also come as plain bytes, with the rest of the step in the query.",
        takes=Step,
        gives={200: SavedAnswer, 201: BegunAnswer, 202: AcceptedAnswer},
        refuses=(400, 404, 408, 409, 410, 413, 415, 422, 500, 507),
        headers={"Idempotency-Key": "The same for an upload that is sent again."},
        query={
            "action": "append, for a chunk that comes as plain bytes",
            "upload_id": "whose chunk it is",
            "chunk_index": "its number, from 0",
        },
    )
)
def upload(lead_id: str) -> Response:
    if is_form():
        return _whole(lead_id)
    if request.mimetype == BYTES:
        return _bytes_appended(lead_id)
    if request.mimetype != "application/json":
        raise WrongContentType(f"Send multipart/form-data, application/json or {BYTES}.")
    value = json_value(whole_body(MOST_JSON))
    act = {"init": _begun, "append": _appended, "finalize": _finalized}
    return act[shaped(Action, value).action](lead_id, value)


def _new(lead_id: str, filename: str, **said: str) -> NewUpload:
    return NewUpload(
        dialect=NAME,
        filename=file_name(filename),
        length=None,
        terms=uploading.terms(uploading.settings().accept_calls),
        details={"lead_id": lead_id} | said,
        numbered=True,
        ends_itself=False,
        idempotency_key=idempotency_key(),
    )


def _whole(lead_id: str) -> Response:
    """The file goes straight into an upload, as its only chunk; the fields may come behind it."""
    caller().must("upload")
    arriving = form(uploading.settings().max_upload_bytes)
    begun: list[str] = []
    try:
        call_log_id = _take_in(lead_id, arriving, begun)
        uploads.describe(db.session, caller(), begun[0], {"call_log_id": call_log_id})
        outcome = uploading.finish(begun[0], total=1)
    except BaseException:
        if begun and idempotency_key() is None:  # with a key, the client comes again
            with suppress(Refusal):
                uploading.abandon(begun[0])
        raise
    return saved(_of_lead(lead_id, begun[0]), outcome)


def _take_in(lead_id: str, arriving: Form, begun: list[str]) -> str:
    """Notes the upload in `begun` before its first byte; returns the id of the call log."""
    call_log_id = None
    for part in arriving.parts():
        if part.name == "call_log_id":
            call_log_id = shaped(Fields, {"call_log_id": part.text}).call_log_id
        elif part.name == "file" and part.body is not None:
            if begun:
                raise InvalidRequest("Send one file only.")
            progress = uploading.start(_new(lead_id, part.filename or ""))
            begun.append(progress.upload_id)
            _keep(progress, part.body)
    if not begun:
        raise InvalidRequest("File is required")
    if call_log_id is None:
        raise InvalidRequest("call_log_id is required")
    return call_log_id


def _keep(progress: Progress, body: RequestBody) -> None:
    if progress.finished:  # the same Idempotency-Key again
        uploading.refuse_other(uploads.find(db.session, caller(), progress.upload_id), body)
        return
    try:
        uploading.put_chunk(progress.upload_id, 0, body)
    except InvalidRequest as error:
        if body.received or body.cut:
            raise
        raise InvalidRequest("File is required") from error
    except OtherBytes:
        raise
    except Conflict:  # with the same key at once: the other request has finished it meanwhile
        if uploads.find(db.session, caller(), progress.upload_id).state == "open":
            raise


def _begun(lead_id: str, value: Any) -> Response:
    told = shaped(Init, value)
    progress = uploading.start(_new(lead_id, told.filename, call_log_id=told.call_log_id))
    begun = Begun(upload_id=progress.upload_id, message="Upload session initialized")
    return answer(BegunAnswer(data=begun), 201)


def _appended(lead_id: str, value: Any) -> Response:
    told = shaped(Append, value)
    try:
        content = base64.b64decode(told.chunk, validate=True)
    except ValueError as error:
        raise InvalidRequest("chunk holds something that is not base64.") from error
    if len(content) > MOST_CHUNK:
        raise TooLarge(f"A chunk in JSON may have {MOST_CHUNK} bytes at most.")
    return _put(lead_id, told.upload_id, told.chunk_index, HeldBody(content))


def _bytes_appended(lead_id: str) -> Response:
    if request.args.get("action") != "append":
        wanted = "?action=append&upload_id=…&chunk_index=…"
        raise InvalidRequest(f"A chunk that comes as plain bytes needs {wanted} in its address.")
    number = whole_number(request.args.get("chunk_index"), "chunk_index")
    return _put(lead_id, request.args.get("upload_id", ""), number, request_body())


def _put(lead_id: str, upload_id: str, number: int, body: RequestBody) -> Response:
    _of_lead(lead_id, upload_id)
    progress = uploading.put_chunk(upload_id, number, body)
    count = chunks.count_of(db.session, _of_lead(lead_id, upload_id))
    received = Received(upload_id=upload_id, chunks_received=count, total_size=progress.offset)
    return answer(ReceivedAnswer(data=received), 202)


def _finalized(lead_id: str, value: Any) -> Response:
    told = shaped(Finalize, value)
    upload = _of_lead(lead_id, told.upload_id)
    if upload.details.get("call_log_id") != told.call_log_id:
        raise InvalidRequest("call_log_id is not the one that the upload was begun with.")
    return saved(upload, uploading.finish(upload.id, told.total_chunks))


def _of_lead(lead_id: str, upload_id: str) -> Upload:
    """The caller's upload, if it was begun for this lead. Raises NotFound."""
    if is_id(upload_id):
        found = uploads.find(db.session, caller(), upload_id)
        if belongs(found, found.dialect, lead_id):
            return found
    caller().must("upload", continuing=True)
    raise NotFound("There is no such upload; begin a new one.")
