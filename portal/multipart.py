"""A multipart/form-data body as it arrives: fields in order, files as sources of bytes.

Nothing is spooled: a file's bytes pass from the connection to the store. Flask would first
collect them in a temporary file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from portal.core.errors import InvalidRequest, TooLarge
from portal.parsing import plain
from portal.receiving import RequestBody, request_body
from storage_backends.base import Block

MOST_FIELD, MOST_PARTS = 256 * 1024, 20
UNFINISHED = "The form ended early; send it again, whole."


@dataclass(frozen=True)
class Part:
    """One part of the form. A field has its `text`; a file has its `filename` and its `body`,
    which is to be read before the next part is asked for."""

    name: str
    text: str = ""
    filename: str | None = None
    content_type: str = ""
    body: FileBody | None = None


class FileBody(RequestBody):
    """One file of the form as a body of unknown length."""

    def __init__(self, form: Form) -> None:
        super().__init__(None)
        self.form = form
        self.held: memoryview = memoryview(b"")

    def _next(self, room: int | None) -> Block:
        if not self.held:
            self._read()
        block = self.held[:room]
        self.held = self.held[len(block) :]
        self.ended = self.ended or (not self.held and self.form.part_ended)
        return block

    def _read(self) -> None:
        event = self.form.next_event()
        if isinstance(event, Data):
            self.held = memoryview(bytes(event.data))
        self.cut = self.form.body.cut or ("gone" if event is None else None)


class Form:
    """Steps through the parts of the current request's body."""

    def __init__(self, body: RequestBody, boundary: bytes) -> None:
        self.body = body
        self.decoder = MultipartDecoder(boundary, max_parts=MOST_PARTS)
        self.blocks = body.take(None, None)
        self.part_ended = True

    def parts(self) -> Iterator[Part]:
        """The parts in their order. Raises InvalidRequest for what is no whole form, TooLarge."""
        while not isinstance(event := self._event_that_counts(), Epilogue):
            if isinstance(event, File):
                file = FileBody(self)
                kind = event.headers.get("Content-Type", "")
                yield Part(_checked(event.name), "", event.filename or "", kind, file)
                self._read_away(file)
            elif isinstance(event, Field):
                yield Part(_checked(event.name), self._text())

    def _event_that_counts(self) -> Event:
        event = self.next_event()
        if event is None:
            self.body.refuse_cut()
            raise InvalidRequest(UNFINISHED)
        return event

    def next_event(self) -> Event | None:
        """The decoder's next event; None when the body ended before the form did."""
        try:
            while isinstance(event := self.decoder.next_event(), NeedData):
                block = next(self.blocks, None)
                if block is None:
                    return None
                self.decoder.receive_data(bytes(block))
        except (ValueError, RequestEntityTooLarge) as error:
            raise InvalidRequest("The form is damaged or has too many parts.") from error
        if isinstance(event, File | Field):
            self.part_ended = False
        elif isinstance(event, Data):
            self.part_ended = not event.more_data
        return event

    def _text(self) -> str:
        collected = b""
        while not self.part_ended:
            event = self._event_that_counts()
            collected += bytes(event.data) if isinstance(event, Data) else b""
            if len(collected) > MOST_FIELD:
                raise TooLarge(f"A field of the form may have {MOST_FIELD} bytes at most.")
        try:
            return collected.decode()
        except UnicodeDecodeError as error:
            raise InvalidRequest("A field of the form is not UTF-8.") from error

    def _read_away(self, file: FileBody) -> None:
        for _ in file.take(None, None):
            pass
        file.refuse_cut()


def _checked(name: str) -> str:
    if len(name) > 100 or not plain(name):
        raise InvalidRequest("A part of the form has no plain name.")
    return name


def is_form() -> bool:
    return request.mimetype == "multipart/form-data"


def form() -> Form:
    """The current request's form. Raises InvalidRequest if its header names no boundary."""
    _, options = parse_options_header(request.headers.get("Content-Type", ""))
    boundary = options.get("boundary", "")
    if not (boundary and boundary.isascii() and len(boundary) <= 70):
        raise InvalidRequest("The Content-Type of the form names no boundary.")
    return Form(request_body(), boundary.encode())
