"""What a request says besides bytes: JSON, whole numbers, texts. Checked, bounded, or refused.

Every value comes from outside: a number is only what looks like one, a text holds no character
that would harm a log, a header or a database, and nothing is read beyond its limit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Annotated, Any, NoReturn, TypeVar

from flask import request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from portal.bodies import RequestBody
from portal.core.errors import InvalidRequest, NotFound, TooLarge
from portal.core.limits import MOST_DETAILS
from portal.core.models import is_id
from portal.receiving import request_body
from storage_backends.base import Block

MOST_JSON = 256 * 1024
"""Bytes of a JSON body that carries no file content."""
BIGGEST = 10**15 - 1
LONGEST_DETAIL = 1024

Said = TypeVar("Said", bound=BaseModel)


def clean(text: str) -> str:
    """The text. Raises ValueError for control characters and lone surrogates."""
    if not plain(text):
        raise ValueError("holds control characters")
    return text


def plain(text: str) -> bool:
    """Whether there is no C0, C1 or DEL character and no half of a surrogate pair."""
    return re.search("[\x00-\x1f\x7f-\x9f\ud800-\udfff]", text) is None


Text = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(clean)]
Size = Annotated[int, Field(ge=0, le=BIGGEST)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")]


class Told(BaseModel):
    """What a client says in JSON. Types are exact (no "5" for 5); unknown names are ignored."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", defer_build=True)


def json_body(shape: type[Said], most: int = MOST_JSON) -> Said:
    """The body as this shape, whatever its Content-Type. Raises InvalidRequest, TooLarge."""
    return shaped(shape, json_value(whole_body(most)))


def json_value(body: bytes) -> Any:
    """Raises InvalidRequest for what is not JSON, NaN and Infinity among it."""
    try:
        return json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The body is not JSON.") from error


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def shaped(shape: type[Said], value: Any) -> Said:
    """Raises InvalidRequest that names the first thing that is wrong."""
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"]) or "the body"
        raise InvalidRequest(f"{where}: {first['msg']}.") from error


def whole_body(most: int, body: RequestBody | None = None) -> bytes:
    """All bytes of a small body, the request's own or a file of its form. Raises TooLarge, before
    reading where its length is announced."""
    body = body or request_body()
    refusal = TooLarge(f"This request may have {most} bytes at most.")
    if body.length is not None and body.length > most:
        raise refusal
    collected = bytearray()
    for block in body.take(None, most + 1):
        collected += block
    if len(collected) > most:
        raise refusal
    body.refuse_cut()
    return bytes(collected)


class HeldBody(RequestBody):
    """Bytes that are in memory already, as a body."""

    def __init__(self, content: bytes) -> None:
        super().__init__(len(content))
        self.rest = memoryview(content)

    def _next(self, room: int | None) -> Block:
        block, self.rest = self.rest[:room], self.rest[len(self.rest[:room]) :]
        return block


def whole_number(text: str | None, name: str, default: int | None = None) -> int:
    """Digits as a number; Python's int() would also take "+1", "1_0" and " 5".

    Raises InvalidRequest, also for a missing one without a default.
    """
    if text is None and default is not None:
        return default
    if text is None:
        raise InvalidRequest(f"{name} is missing.")
    if not re.fullmatch(r"[0-9]{1,15}", text):
        raise InvalidRequest(f"{name} must be a whole number.")
    return int(text)


def known_id(text: str, sentence: str) -> str:
    """The text, if it could be one of our ids: nothing else goes near the database.

    Raises NotFound with this sentence.
    """
    if not is_id(text):
        raise NotFound(sentence)
    return text


def check_path_id(name: str, sentence: str) -> None:
    """The same for the part of the current request's path that has this name, if it has one."""
    found = (request.view_args or {}).get(name)
    if found is not None:
        known_id(found, sentence)


def file_name(text: str) -> str:
    """What the client calls the file, without folders; a name to show, never a path."""
    name = re.split(r"[/\\]", text)[-1].strip()
    if not plain(name):
        raise InvalidRequest("The file name holds control characters.")
    return name[:255] or "recording"


def flat(value: dict[str, Any]) -> dict[str, str]:
    """Nested JSON as names with dots and texts: {"a": {"b": 1}} is {"a.b": "1"}.

    Raises InvalidRequest for what is nested too deep, too long, or no plain text.
    """
    found = dict(_leaves("", value, depth=0))
    if len(found) > MOST_DETAILS:
        raise InvalidRequest(f"The metadata has more than {MOST_DETAILS} values.")
    return found


def _leaves(name: str, value: Any, depth: int) -> Iterator[tuple[str, str]]:
    if depth > 8:
        raise InvalidRequest("The metadata is nested too deep.")
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(f"{name}.{key}" if name else key, inner, depth + 1)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _leaves(f"{name}.{number}", inner, depth + 1)
    elif value is not None:
        text = value if isinstance(value, str) else json.dumps(value)
        if not plain(name) or not plain(text) or len(name) > 100 or len(text) > LONGEST_DETAIL:
            raise InvalidRequest(f"The metadata {name[:100]!r} is too long or no plain text.")
        yield name, text


def idempotency_key() -> str | None:
    """The client's name for this request, the same when it is sent again
    (draft-ietf-httpapi-idempotency-key-header). Raises InvalidRequest."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= 255 and plain(key)):
        raise InvalidRequest("Idempotency-Key may have 255 plain characters.")
    return key
