"""What those who upload call recordings say, and are answered, in JSON (docs/wire/calls.md)."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from flask import Response, request
from pydantic import AfterValidator, Field, RootModel
from pydantic_core import PydanticCustomError

from portal.api.describing import Answer, answer
from portal.core.errors import InvalidRequest, Refusal, UploadGone
from portal.core.finishing import Outcome
from portal.core.models import Upload
from portal.parsing import Size, Told

SAVED = "Recording uploaded successfully"


class NotSaved(Refusal):
    """The bytes were here, and could not be made a recording."""

    code = "server_error"
    status = 500


def uuid(text: str) -> str:
    """The id of a call log, in small letters. Raises PydanticCustomError."""
    if not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text):
        raise PydanticCustomError("uuid", "It must be a UUID")
    return text.lower()


CallLogId = Annotated[str, AfterValidator(uuid)]
FileName = Annotated[str, Field(min_length=1, max_length=1024)]


class Init(Told):
    action: Literal["init"]
    filename: FileName
    call_log_id: CallLogId


class Append(Told):
    action: Literal["append"]
    upload_id: str
    chunk_index: Size
    chunk: str


class Finalize(Told):
    action: Literal["finalize"]
    upload_id: str
    total_chunks: Size
    call_log_id: CallLogId


class Fields(Told):
    """What the form says beside the file."""

    call_log_id: CallLogId


class Step(RootModel[Annotated[Init | Append | Finalize, Field(discriminator="action")]]):
    """One of the three steps of an upload in chunks."""


class Action(Told):
    action: Literal["init", "append", "finalize"]


class Begun(Answer):
    upload_id: str
    message: str


class BegunAnswer(Answer):
    data: Begun


class Received(Answer):
    upload_id: str
    chunks_received: int
    total_size: int


class ReceivedAnswer(Answer):
    data: Received


class Saved(Answer):
    id: str
    recording_path: str
    message: str


class SavedAnswer(Answer):
    data: Saved


class Processing(Saved):
    status: Literal["processing"] = "processing"


class ProcessingAnswer(Answer):
    data: Processing


class AcceptedAnswer(RootModel[ReceivedAnswer | ProcessingAnswer]):
    """To a chunk, or to the end of an upload whose recording is not ready yet."""


def saved(upload: Upload, outcome: Outcome) -> Response:
    """What became of the upload, in the contract's words."""
    if outcome.state == "quarantined":
        raise InvalidRequest(outcome.reason or "The content is not accepted.")
    if outcome.state == "failed":
        raise NotSaved(outcome.reason or "The file could not be verified.")
    if outcome.state not in ("ready", "processing"):
        raise UploadGone("The recording has been deleted.")
    said = {"id": upload.id, "recording_path": _label(upload), "message": SAVED}
    if outcome.state == "ready":
        return answer(SavedAnswer(data=Saved(**said)))
    response = answer(ProcessingAnswer(data=Processing(**said)), 202)
    response.headers["Location"] = f"{request.path}/{upload.id}"
    response.headers["Retry-After"] = "1"
    return response


def _label(upload: Upload) -> str:
    """The contract's path: a name for this recording, always the same. Nothing lies there."""
    ending = re.search(r"\.[A-Za-z0-9]{1,5}$", upload.filename)
    begun = int(upload.created_at.timestamp())
    name = f"{upload.details['call_log_id']}_{begun}{ending[0].lower() if ending else ''}"
    return f"priv/static/recordings/{name}"
