"""Which source of bytes the body of the current request is, and what becomes of what nobody read.

From gunicorn's socket itself, or through `wsgi.input` where there is no such socket (another
server, a chunked body): decided by looking at the request, once.
"""

from __future__ import annotations

import socket
import time
from typing import Any

from flask import Response, current_app, request
from gunicorn.http.body import Body as GunicornBody
from gunicorn.http.body import ChunkedReader, LengthReader

from portal.bodies import AwaitedBody, ChunkedBody, RequestBody, Server, StreamBody
from portal.core.errors import InvalidRequest
from portal.socket_body import SocketBody

DRAIN_BYTES, DRAIN_SECONDS = 16 * 1024 * 1024, 2.0


def bound_silence(response: Response | None = None) -> Response | None:
    """From here on, a peer that neither sends nor takes a byte for the idle time is given up.

    Runs before a request, for its body, and after it, for the answer.
    """
    client = request.environ.get("gunicorn.socket")
    if client is not None:
        client.settimeout(current_app.config["SETTINGS"].idle_seconds)
    return response


def request_body() -> RequestBody:
    """The body of the current request. Raises InvalidRequest for a length that is no number."""
    length = _announced()
    client = request.environ.get("gunicorn.socket")
    body = request.environ["wsgi.input"]
    if length is not None and _is_plain_gunicorn(body, client, length):
        return SocketBody(length, body, client)
    if isinstance(body, GunicornBody) and isinstance(body.reader, ChunkedReader):
        return ChunkedBody(body)
    return StreamBody(length, body)


def leave_nothing_unread(response: Response) -> Response:
    """After a refusal: the rest of a body is read away, so that the client, which answers only
    when it has sent all, gets to see the answer. A long rest costs it the connection instead,
    and the answer says so. So does one that it has not been asked for: it may come or not."""
    body = request.environ.get("wsgi.input")
    if isinstance(body, GunicornBody) and not _drained(body):
        Server.close_connection()
    return response


def _drained(body: GunicornBody) -> bool:
    """Read the rest away, looking at the clock after each piece. False if there is more."""
    if isinstance(body, AwaitedBody) and not body.asked:
        return False
    if not isinstance(body.reader, LengthReader):
        return not body.failed and getattr(body.reader, "parser", None) is None
    rest = SocketBody(body.reader.length, body, request.environ["gunicorn.socket"])
    deadline, room = time.monotonic() + DRAIN_SECONDS, DRAIN_BYTES
    while not (rest.done or body.failed) and room > 0 and time.monotonic() < deadline:
        count = len(rest._next(room))
        rest.received += count
        room -= count
    return rest.received == rest.length and not body.failed


def _announced() -> int | None:
    """Content-Length; None for a chunked body, 0 where there is none at all."""
    if request.headers.get("Transfer-Encoding"):
        return None
    text = request.headers.get("Content-Length", "0")
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise InvalidRequest("Content-Length must be a whole number.")
    return int(text)


def _is_plain_gunicorn(body: Any, client: Any, length: int) -> bool:
    """Whether the parts of gunicorn that SocketBody leans on are what gunicorn 27 has.

    TLS sockets are left out: there, bytes may wait inside the TLS layer.
    """
    return (
        type(client) is socket.socket
        and isinstance(body, GunicornBody)
        and isinstance(body.reader, LengthReader)
        and body.reader.length == length
        and hasattr(body.reader.unreader, "take_buffered")
    )
