"""The files of a recorder's session as they arrive: raw or in a form, whole or resumed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from flask import request

from portal import multipart, uploading
from portal.api.session_shapes import searchable
from portal.auth import caller
from portal.bodies import RequestBody
from portal.core import uploads
from portal.core.errors import InvalidRequest
from portal.core.limits import Terms
from portal.core.models import Upload
from portal.db import db
from portal.multipart import Part
from portal.parsing import MOST_JSON, file_name, json_value, whole_body, whole_number
from portal.receiving import request_body

RANGE = re.compile(r"bytes ([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15}|[*])", re.ASCII)


def receive(upload_id: str, is_metadata: Callable[[Part], bool]) -> None:
    """Take what the request holds. Raises InvalidRequest where that is no file."""
    upload = uploads.find(db.session, caller(), upload_id)
    uploads.refuse_gone(upload)
    videos = metadata = 0
    for part in _parts(upload.length or Terms(**upload.terms).most_bytes):
        if part.body is None:
            metadata += _take_field(upload_id, part)
        elif is_metadata(part):
            _describe(upload_id, whole_body(MOST_JSON, part.body))
            metadata += 1
        else:
            videos += 1
            _refuse_second(videos)
            _name(upload, part.filename)
            _take_bytes(upload, part.body)
    if not videos + metadata:
        raise InvalidRequest("The form holds no file; send it in the field `file`.")


def _parts(most: int) -> Iterable[Part]:
    if multipart.is_form():
        return multipart.form(most).parts()
    body = request_body()
    if body.length == 0:
        raise InvalidRequest("The request is empty; send the file as its body.")
    return [Part("", content_type=request.mimetype, body=body)]


def _refuse_second(count: int) -> None:
    if count > 1:
        raise InvalidRequest("A session takes one recording; the first file of the form was taken.")


def _name(upload: Upload, name: str | None) -> None:
    """The form's name for the file, where the session was created without one."""
    if name and upload.filename == upload.details.get("session_id"):
        uploads.describe(db.session, caller(), upload.id, {}, file_name(name))


def _take_field(upload_id: str, part: Part) -> int:
    """The metadata may also be a plain field of the form; the others mean nothing to us."""
    if part.name != "metadata":
        return 0
    _describe(upload_id, part.text.encode())
    return 1


def _describe(upload_id: str, document: bytes) -> None:
    said = json_value(document)
    if not isinstance(said, dict):
        raise InvalidRequest("The metadata must be a JSON object.")
    uploads.describe(db.session, caller(), upload_id, searchable(said))


def _take_bytes(upload: Upload, body: RequestBody) -> None:
    place = _place(body)
    if place is None:
        uploading.append_anew(upload, body)
    else:
        offset, total = place
        uploading.append(upload.id, offset, body, length=total)


def _place(body: RequestBody) -> tuple[int, int | None] | None:
    """Where the bytes belong and how many the whole file has; None for a client that knows no
    offsets. Raises InvalidRequest."""
    header = request.headers.get("Content-Range")
    if header is not None:
        return _range(header, body.length)
    if "Upload-Offset" in request.headers:
        return whole_number(request.headers["Upload-Offset"], "Upload-Offset"), None
    return None


def _range(header: str, announced: int | None) -> tuple[int, int | None]:
    match = RANGE.fullmatch(header.strip())
    if match is None:
        raise InvalidRequest("Write Content-Range as `bytes 0-99/1000` or `bytes 0-99/*`.")
    first, last = int(match[1]), int(match[2])
    total = None if match[3] == "*" else int(match[3])
    size = last - first + 1
    if size < 1 or last >= (total or last + 1) or announced not in (None, size):
        raise InvalidRequest("Content-Range does not fit itself or the length of the body.")
    return first, total
