"""Handing a recording over: the original to save, and the record of its history to print."""

from __future__ import annotations

import base64
import unicodedata
from collections.abc import Iterator
from functools import partial
from urllib.parse import quote

from flask import Blueprint, Response, stream_template

from portal.asking import asked
from portal.auth import caller, still, unchanged
from portal.core import record, recordings
from portal.core.models import Recording
from portal.core.ranges import Ranges
from portal.db import db
from portal.parsing import known_id
from portal.streaming import hand_over, original, watched
from portal.web.positions import clock
from portal.web.show import plain

_GONE = "There is no such recording."
_ODD = '"\\/%:*?<>|'
"""What a file's name may not contain on some system, or in a quoted string."""

blueprint = Blueprint("handover", __name__, url_prefix="/recordings/<recording_id>")


@blueprint.get("/download")
def download(recording_id: str) -> Response:
    """The bytes as they were sent, under their name, with their SHA-256."""
    known = known_id(recording_id, _GONE)
    why = asked()
    recording = recordings.find_downloadable(db.session, caller(), known, why)
    may = partial(recordings.find_downloadable, recording_id=known, asked=why)
    leaving = partial(recordings.hand_out, db.session, caller(), recording, why)
    response = hand_over(original(recording), still(may), leaving)
    response.headers["Content-Disposition"] = attachment(recording.filename)
    response.headers.update(digests(recording, response.status_code))
    return response


def digests(recording: Recording, status: int) -> dict[str, str]:
    """RFC 9530: the SHA-256 of the whole, and of what this answer carries where it is the same."""
    value = f"sha-256=:{base64.b64encode(bytes.fromhex(recording.sha256)).decode()}:"
    names = {200: ("Repr-Digest", "Content-Digest"), 206: ("Repr-Digest",)}.get(status, ())
    return dict.fromkeys(names, value)


def attachment(name: str) -> str:
    """Content-Disposition for a sender's file name: RFC 6266, with ASCII for old programs."""
    safe = "".join("_" if each in _ODD else each for each in plain(name)).strip(". ") or "recording"
    simple = unicodedata.normalize("NFKD", safe).encode("ascii", "ignore").decode() or "recording"
    return f"attachment; filename=\"{simple}\"; filename*=UTF-8''{quote(safe, safe='')}"


@blueprint.get("/record")
def show(recording_id: str) -> Response:
    """The record as a page; it is sent while it is read, however long it is."""
    made = record.begin(db.session, caller(), known_id(recording_id, _GONE))
    response = Response(watched(_page(made), unchanged()), mimetype="text/html")
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _page(made: record.Record) -> Iterator[str]:
    return stream_template(
        "handover/record.html",
        record=made,
        recording=made.recording,
        by=caller().label,
        checks=record.events(db.session, made, *record.VERIFICATIONS),
        handed_out=record.events(db.session, made, *record.HANDED_OUT),
        plays=record.plays(db.session, made),
        events=record.events(db.session, made),
        heard=heard,
    )


def heard(ranges: Ranges) -> str:
    """Every stretch, none left out: 0:00–1:01, 1:30–1:35."""
    return ", ".join(f"{clock(start)}–{clock(stop)}" for start, stop in ranges)
