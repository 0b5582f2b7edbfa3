"""What the call recording endpoints are told, and answer, in JSON (docs/wire/calls.md)."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, RootModel
from pydantic_core import PydanticCustomError

from portal.api.describing import Answer
from portal.parsing import Size, Told


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
