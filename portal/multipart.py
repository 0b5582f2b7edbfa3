"""A multipart/form-data body as it arrives: fields in order, files as sources of bytes (RFC 7578).

Nothing is spooled: a file's bytes pass from the connection to the store. Flask would first
collect them in a temporary file. The decoder is our own: that of Werkzeug 3.1 adds a CR to the
last file when a read ends between the two dashes behind the last boundary.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flask import request
from werkzeug.http import parse_options_header

from portal.bodies import RequestBody
from portal.core.errors import InvalidRequest, TooLarge
from portal.parsing import plain
from portal.receiving import request_body
from storage_backends.base import Block

MOST_FIELD, MOST_HEADERS, MOST_PARTS = 256 * 1024, 16 * 1024, 20
MOST_AROUND = 1024 * 1024
"""Bytes of a form beside those of its file."""
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
        self.held = memoryview(b"")

    def _next(self, room: int | None) -> Block:
        if not self.held:
            self._read()
        block = self.held[:room]
        self.held = self.held[len(block) :]
        self.ended = not self.held and self.form.part_ended
        return block

    def _read(self) -> None:
        piece = self.form.piece()
        if piece is None:
            self.cut = self.form.body.cut or "gone"
        else:
            self.held = memoryview(piece)


class Form:
    """Steps through the parts of the current request's body. It holds one block at a time."""

    def __init__(self, body: RequestBody, boundary: bytes) -> None:
        self.body = body
        self.blocks = body.take(None, None)
        self.delimiter = b"\r\n--" + boundary
        self.held = bytearray(b"\r\n")  # the first delimiter may be the very first line
        self.part_ended = False

    def parts(self) -> Iterator[Part]:
        """The parts in their order. Raises InvalidRequest for what is no whole form, TooLarge."""
        self._skip()  # what comes before the first part has no meaning
        for _ in range(MOST_PARTS):
            if self._at_last_delimiter():
                self._read_to_the_end()
                return
            yield from self._part()
        if not self._at_last_delimiter():
            raise TooLarge(f"The form may have {MOST_PARTS} parts at most.")
        self._read_to_the_end()

    def _part(self) -> Iterator[Part]:
        name, filename, content_type = self._headers()
        self.part_ended = False
        if filename is None:
            yield Part(name, self._text())
        else:
            yield Part(name, "", filename, content_type, FileBody(self))
            self._skip()

    def piece(self) -> bytes | None:
        """The next bytes of the current part; None when the body ended before the part did."""
        while (at := self.held.find(self.delimiter)) < 0:
            sure = len(self.held) - len(self.delimiter) + 1
            if sure > 0:
                return self._cut_off(sure)
            if not self._more():
                return None
        self.part_ended = True
        found = self._cut_off(at)
        del self.held[: len(self.delimiter)]
        return found

    def _cut_off(self, count: int) -> bytes:
        piece = bytes(self.held[:count])
        del self.held[:count]
        return piece

    def _more(self) -> bool:
        block = next(self.blocks, None)
        self.held += block or b""
        return block is not None

    def _pieces(self) -> Iterator[bytes]:
        while not self.part_ended:
            piece = self.piece()
            if piece is None:
                self._refuse_end()
            else:
                yield piece

    def _refuse_end(self) -> None:
        self.body.refuse_cut()
        raise InvalidRequest(UNFINISHED)

    def _skip(self) -> None:
        for _ in self._pieces():
            pass

    def _text(self) -> str:
        collected = bytearray()
        for piece in self._pieces():
            collected += piece
            if len(collected) > MOST_FIELD:
                raise TooLarge(f"A field of the form may have {MOST_FIELD} bytes at most.")
        return _decoded(bytes(collected))

    def _at_last_delimiter(self) -> bool:
        """Looks at the rest of a delimiter's line."""
        while len(self.held) < 2:
            if not self._more():
                self._refuse_end()
        if self.held.startswith(b"--"):
            return True
        if self._up_to(b"\r\n").strip(b" \t"):
            raise InvalidRequest("The form has a damaged boundary.")
        return False

    def _read_to_the_end(self) -> None:
        """What follows has no meaning, but there may be a little of it."""
        read = 0
        while read <= MOST_HEADERS and (block := next(self.blocks, None)) is not None:
            read += len(block)
        self.body.refuse_cut()

    def _up_to(self, mark: bytes) -> bytes:
        """The bytes before this mark; they and the mark are gone then."""
        while (at := self.held.find(mark, 0, MOST_HEADERS)) < 0:
            if len(self.held) > MOST_HEADERS:
                raise InvalidRequest("A part of the form has no end of its headers.")
            if not self._more():
                self._refuse_end()
        found = self._cut_off(at)
        del self.held[: len(mark)]
        return found

    def _headers(self) -> tuple[str, str | None, str]:
        """The part's name, file name and type."""
        self.held[:0] = b"\r\n"  # so that there may be no header at all
        lines = _decoded(self._up_to(b"\r\n\r\n")).split("\r\n")
        pairs = [line.partition(":") for line in lines]
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        kind, options = parse_options_header(headers.get("content-disposition", ""))
        name, filename = options.get("name"), options.get("filename")
        if kind != "form-data" or name is None or len(name) > 100 or not plain(name):
            raise InvalidRequest("A part of the form has no plain name.")
        return name, filename, headers.get("content-type", "")


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest("A field of the form is not UTF-8.") from error


def is_form() -> bool:
    return request.mimetype == "multipart/form-data"


def form(most: int | None = None) -> Form:
    """The current request's form, whose file may have so many bytes. Raises TooLarge for what is
    announced to be more, InvalidRequest if its header names no boundary."""
    _, options = parse_options_header(request.headers.get("Content-Type", ""))
    boundary = options.get("boundary", "")
    if not (boundary and boundary.isascii() and plain(boundary) and len(boundary) <= 70):
        raise InvalidRequest("The Content-Type of the form names no boundary.")
    body = request_body()
    if most is not None and (body.length or 0) > most + MOST_AROUND:
        raise TooLarge(f"The file may have {most} bytes at most.")
    return Form(body, boundary.encode())
