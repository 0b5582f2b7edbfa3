"""A stored object as an HTTP answer: 200, 206, 304 or 416. The only place that knows Range."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from flask import Response, current_app, request
from werkzeug.http import http_date, is_resource_modified
from werkzeug.wsgi import ClosingIterator

from portal.core.models import Recording
from portal.core.storages import MAIN
from portal.db import db
from portal.storage import stores
from portal.watching import watch
from storage_backends import ObjectNotFound, Store

Leaving = Callable[[int, int], Callable[[], None] | None]
"""Told from where to where bytes are about to go, before the first; not where the answer has none.
What it returns, if anything, is called when they have gone."""
_ONE_RANGE = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})", re.ASCII)


class Unsatisfiable(Exception):
    """The range lies beyond the end."""


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """`(start, stop)` of one simple byte range, stop excluded; None where the whole is to be sent.

    As RFC 9110 wants it: other units, several ranges and nonsense are ignored, a suffix longer
    than the object is all of it. Raises Unsatisfiable.
    """
    match = _ONE_RANGE.fullmatch((header or "").strip())
    if not match or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if first == "":
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return None
    if start >= size or start >= stop:
        raise Unsatisfiable
    return start, stop


@dataclass(frozen=True)
class Media:
    """Stored bytes as they are to be served. `tag` changes whenever the bytes do."""

    storage_id: str
    key: str
    version: str | None
    size: int
    content_type: str
    tag: str
    modified: datetime


def original(recording: Recording) -> Media:
    """The bytes as they were sent."""
    kind = recording.content_type or "application/octet-stream"
    tag = f'"{recording.sha256}"'
    where = (recording.storage_id, recording.key, recording.version_id)
    return Media(*where, recording.size, kind, tag, recording.available_at)


def for_playing(recording: Recording) -> Media:
    """The copy that browsers can seek in, where the original needs one. Raises ObjectNotFound."""
    if recording.playback_key is None:
        return original(recording)
    where = (recording.storage_id, recording.playback_key, None)
    size = _store(recording.storage_id).stat(recording.playback_key).size
    tag = f'"{recording.sha256}-playback"'
    return Media(*where, size, "audio/mp4", tag, recording.available_at)


def stream(media: Media, allowed: Callable[[], bool], leaving: Leaving | None = None) -> Response:
    """The bytes, or the range that the request asks for. The caller has authorised it.

    While a long answer runs, `allowed` is asked every few seconds; at False the connection is
    cut, and the client sees that bytes are missing. Raises ObjectNotFound.
    """
    headers = _inert(media.content_type) | {
        "ETag": media.tag,
        "Last-Modified": http_date(media.modified),
    }
    if not is_resource_modified(request.environ, etag=media.tag, last_modified=media.modified):
        return Response(status=304, headers=headers)
    try:
        wanted = parse_range(_range_header(media), media.size)
    except Unsatisfiable:
        headers["Content-Range"] = f"bytes */{media.size}"
        return Response(status=416, headers=headers)
    start, stop = wanted or (0, media.size)
    headers["Content-Length"] = str(stop - start)
    if wanted:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{media.size}"
    if request.method == "HEAD":
        body: Any = ()
    else:
        body = watched(_told(_body(media, start, stop), leaving, start, stop), allowed)
    return Response(body, 206 if wanted else 200, headers, direct_passthrough=True)


def hand_over(media: Media, allowed: Callable[[], bool], leaving: Leaving) -> Response:
    """The bytes to save, or nginx told to send them, where the operator has set that up.

    nginx looks at conditions and ranges itself, so the whole is what is said to leave; a withdrawn
    right ends nothing that runs. The caller has authorised it. Raises ObjectNotFound.
    """
    place = current_app.config["SETTINGS"].accel_redirect
    if not place or media.storage_id != MAIN:
        return stream(media, allowed, leaving)
    _store(MAIN).stat(media.key)
    if request.method == "GET":
        leaving(0, media.size)
    headers = _inert(media.content_type) | {"X-Accel-Redirect": place + quote(media.key)}
    return Response(headers=headers)


def direct_address(media: Media) -> str | None:
    """A short-lived address at the storage itself, where the operator wants that and the storage
    can. What the player gets there is in no play log. The caller has authorised it."""
    if current_app.config["SETTINGS"].direct_playback != "on":
        return None
    return _store(media.storage_id).direct_url(media.key, media.content_type, media.version)


def play(media: Media, allowed: Callable[[], bool], leaving: Leaving) -> Response:
    """The bytes for a player, or the way to them."""
    url = direct_address(media) if request.method == "GET" else None  # signed for nothing else
    if url is None:
        return stream(media, allowed, leaving)
    headers = {"Cache-Control": "private, no-store", "Referrer-Policy": "no-referrer"}
    return Response(status=302, headers=headers | {"Location": url})


def _range_header(media: Media) -> str | None:
    """The Range header, unless If-Range says that the client holds something else."""
    condition = request.headers.get("If-Range")
    unchanged = condition in (None, media.tag, http_date(media.modified))
    return request.headers.get("Range") if unchanged else None


def _inert(content_type: str) -> dict[str, str]:
    """Headers that keep served media from being anything but media. What is no sound or film is
    only ever a file to save."""
    plays = content_type.startswith(("audio/", "video/"))
    return {
        "Content-Type": content_type,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-store",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": "inline" if plays else "attachment",
    }


def _store(storage_id: str) -> Store:
    return stores.of(db.session, storage_id)


def watched(body: Any, allowed: Callable[[], bool]) -> Any:
    """The same body, asked about every few seconds until the server closes it."""
    client = request.environ.get("gunicorn.socket")
    if client is None:
        return body
    stop = watch.begin(client, allowed)
    if not isinstance(body, request.environ["wsgi.file_wrapper"]):
        return ClosingIterator(body, stop)
    file_close = body.close
    body.close = lambda: (stop(), file_close())
    return body


def _body(media: Media, start: int, stop: int) -> Any:
    """Local files go from the kernel to the socket; others come through `store.read`."""
    store = _store(media.storage_id)
    path = store.local_path(media.key)
    if path is None:
        return store.read(media.key, start, stop, media.version)
    try:
        file = path.open("rb")
    except FileNotFoundError as error:
        raise ObjectNotFound(f"The file of {media.key!r} is missing.") from error
    file.seek(start)
    # Flask's send_file would read from byte 0 up to the range: 1493 ms at 1000 MiB, this 2.7 ms.
    wrapper = request.environ.get("wsgi.file_wrapper")
    if wrapper is None:
        file.close()
        return store.read(media.key, start, stop)
    return wrapper(file, 256 * 1024)


def _told(body: Any, leaving: Leaving | None, start: int, stop: int) -> Any:
    over = leaving(start, stop) if leaving else None
    return _closing(body, over) if over else body


def _closing(body: Any, over: Callable[[], None]) -> Any:
    """The same body, which says when the server has done with it."""
    if not isinstance(body, request.environ.get("wsgi.file_wrapper", ())):
        return ClosingIterator(body, over)
    close = body.close
    body.close = lambda: (over(), close())
    return body


def send_derived(storage_id: str, key: str, content_type: str) -> Response:
    """A thumbnail or peaks: small, made by us. No browser keeps what the next person at it, or the
    same one without a right or a reason, may not see. Raises ObjectNotFound."""
    headers = {
        "Content-Type": content_type,
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(b"".join(_store(storage_id).read(key)), headers=headers)
