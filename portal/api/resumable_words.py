"""The words of the IETF's resumable uploads: header fields, problem types, answers.

Structured fields (RFC 9651) are parsed strictly and without parameters. As the draft wants it,
what is not of the right type counts as not sent.
"""

from __future__ import annotations

import base64
import re
from dataclasses import replace

from flask import Response, g, request
from pydantic import ConfigDict, Field
from werkzeug.http import parse_options_header

from portal.api.describing import Answer, Description, answer
from portal.api.refusals import Explained
from portal.core.errors import Conflict, InvalidRequest, OffsetMismatch, RequestTimedOut
from portal.core.finishing import Outcome
from portal.core.models import Upload
from portal.core.transaction import utc_now
from portal.parsing import file_name

VERSION = "8"
BYTES = "application/partial-upload"
TYPES = "https://iana.org/assignments/http-problem-types"


class WrongVersion(InvalidRequest):
    code = "wrong_version"


class WrongContentType(InvalidRequest):
    code, status = "wrong_content_type", 415


class CompletedUpload(Conflict):
    code, status = "completed_upload", 400
    type = f"{TYPES}#completed-upload"


class InconsistentLength(Conflict):
    code, status = "inconsistent_length", 400
    type = f"{TYPES}#inconsistent-upload-length"


class MismatchingOffset(OffsetMismatch):
    type = f"{TYPES}#mismatching-upload-offset"

    def __init__(self, expected: int, provided: int) -> None:
        super().__init__(f"The next byte is number {expected}; continue from there.")
        self.expected, self.provided = expected, provided


def complete_already(length: int | None) -> Conflict:
    """Why a body of this length cannot be appended to a complete upload."""
    if length == 0:
        return CompletedUpload("The upload is complete; ask with GET what became of it.")
    return InconsistentLength("The upload is complete; nothing can be added to it.")


class Problem(Answer):
    """RFC 9457. `code` is ours, and stable."""

    model_config = ConfigDict(serialize_by_alias=True)
    type: str
    title: str
    status: int
    detail: str
    code: str
    expected: int | None = Field(None, serialization_alias="expected-offset")
    provided: int | None = Field(None, serialization_alias="provided-offset")


class State(Answer):
    """The upload, and the recording that comes of it; both have the same id."""

    id: str
    state: str
    reason: str | None = None
    filename: str | None = None
    size: int | None = None
    sha256: str | None = None
    content_type: str | None = None


INTEROP = {"Upload-Draft-Interop-Version": "The version of the draft: 8."}
SENT = INTEROP | {
    "Upload-Complete": "?1 if this body ends the file, ?0 if more follows.",
    "Upload-Length": "Bytes of the whole file, as soon as that is known.",
}
BEGUN = SENT | {
    "Content-Disposition": "The file's name, as `filename` or `filename*`.",
    "Repr-Digest": "`sha-256=:<base64>:` of the whole file; it is compared in the end.",
    "Idempotency-Key": "The same key again continues the same upload.",
}
APPENDED = SENT | {"Upload-Offset": "Where these bytes belong."}
STANDS = {
    "Upload-Offset": "Acknowledged bytes.",
    "Upload-Complete": "Whether the client has said that this is all.",
    "Upload-Length": "Bytes of the whole file, if known.",
    "Upload-Limit": "max-size in bytes, max-age in seconds.",
}
LIMITS = {"Upload-Limit": "max-size in bytes, max-age in seconds."}
CREATE = Description(
    "Begin an upload, with all of the file, its beginning, or nothing yet",
    takes=("application/octet-stream",),
    gives={200: State, 201: None, 202: State},
    refuses=(400, 409, 410, 413, 422, 507),
    headers=BEGUN,
    needs=(*INTEROP, "Upload-Complete"),
    answers=STANDS | {"Location": "The upload's address."},
)
APPEND = Description(
    "Append bytes",
    takes=(BYTES,),
    gives={200: State, 202: State, 204: None},
    refuses=(400, 404, 409, 410, 413, 415, 422, 507),
    headers=APPENDED,
    needs=(*INTEROP, "Upload-Complete", "Upload-Offset"),
    answers=STANDS,
)
ASK = Description(
    "Where it stands",
    gives={204: None},
    refuses=(400, 404, 410),
    headers=INTEROP,
    needs=(*INTEROP,),
    answers=STANDS,
)
FOLLOW = replace(ASK, summary="What becomes of it", gives={200: State})
CANCEL = replace(ASK, summary="Give it up", refuses=(*ASK.refuses, 507), answers={})


def last_one() -> bool:
    """Upload-Complete, a Boolean of RFC 9651. Raises InvalidRequest."""
    text = request.headers.get("Upload-Complete", "").strip(" ")
    if text not in ("?0", "?1"):
        raise InvalidRequest("Upload-Complete must be ?1 if this ends the file, else ?0.")
    return text == "?1"


def integer(name: str) -> int | None:
    """An Integer of RFC 9651 that is not negative. As the draft wants it, others do not count."""
    text = request.headers.get(name, "").strip(" ")
    return int(text) if re.fullmatch(r"[0-9]{1,15}", text) else None


def agreed(*lengths: int | None) -> int | None:
    """The whole length by everything that tells it. Raises InconsistentLength."""
    told = sorted({length for length in lengths if length is not None})
    if len(told) > 1:
        raise InconsistentLength(f"The file cannot have {' and '.join(map(str, told))} bytes.")
    return told[0] if told else None


def filename() -> str:
    header = request.headers.get("Content-Disposition", "")
    try:
        _, options = parse_options_header(header.encode("latin-1").decode())
    except UnicodeError as error:
        raise InvalidRequest("Content-Disposition is not UTF-8.") from error
    return file_name(options.get("filename", ""))


def declared_sha256() -> str | None:
    """Repr-Digest, RFC 9530. Algorithms that we do not compute are passed over."""
    header = request.headers.get("Repr-Digest", "")
    found = re.search(r"(?:^|,)[ \t]*sha-256=:([A-Za-z0-9+/]{43}=):[ \t]*(?:,|$)", header)
    if found is None and "sha-256" in header:
        raise InvalidRequest("Repr-Digest must be `sha-256=:<44 characters of base64>:`.")
    return base64.b64decode(found[1]).hex() if found else None


def envelope(explained: Explained) -> Response:
    error = explained.error
    # The draft's clients give up at every 4xx, and come back after a 5xx.
    status = 503 if isinstance(error, RequestTimedOut) else explained.status
    problem = Problem(
        type=getattr(error, "type", "about:blank"),
        title=explained.code.replace("_", " "),
        status=status,
        detail=explained.sentence,
        code=explained.code,
        expected=getattr(error, "expected", None),
        provided=getattr(error, "provided", None),
    )
    text = problem.model_dump_json(exclude_none=True)
    response = Response(text, status, mimetype="application/problem+json")
    if isinstance(error, MismatchingOffset):
        response.headers["Upload-Offset"] = str(error.expected)
    if status == 503:
        response.headers["Retry-After"] = "1"
    return response


def said(upload_id: str, outcome: Outcome, status: int) -> Response:
    found = outcome.recording
    state = State(id=upload_id, state=outcome.state, reason=outcome.reason)
    if found is not None:
        facts = {name: getattr(found, name) for name in ("filename", "size", "sha256")}
        state = state.model_copy(update=facts | {"content_type": found.content_type})
    return answer(state, status)


def stands(upload: Upload, status: int) -> Response:
    g.complete = upload.state != "open"
    left = max(0, int((upload.expires_at - utc_now()).total_seconds()))
    headers = {
        "Upload-Offset": str(upload.offset),
        "Upload-Complete": "?1" if g.complete else "?0",
        "Upload-Limit": f"max-size={upload.terms['most_bytes']}, max-age={left}",
    }
    if upload.length is not None:
        headers["Upload-Length"] = str(upload.length)
    return Response(status=status, headers=headers)
