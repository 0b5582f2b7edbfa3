"""The forms on a recording's page: notes, and the mark of who has reviewed it."""

from __future__ import annotations

from flask import Blueprint, render_template, request, url_for
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from portal.auth import caller
from portal.core import notes, recordings, reviews
from portal.core.errors import InvalidRequest
from portal.core.notes import Written
from portal.db import db
from portal.parsing import known_id
from portal.web.positions import position
from portal.web.recording import told

_GONE = "There is no such recording, or no such note."
UNSEEN = "\x00"
PARTS = {"review": "recordings/_review.html", "notes": "recordings/_panel.html"}
blueprint = Blueprint("notes", __name__, url_prefix="/recordings/<recording_id>")


@blueprint.post("/notes")
def add(recording_id: str) -> Response | str:
    notes.add(db.session, caller(), known_id(recording_id, _GONE), _written())
    return _answer(recording_id)


@blueprint.post("/notes/<note_id>")
def change(recording_id: str, note_id: str) -> Response | str:
    """Other words for a note, or, with the button `remove`, none at all."""
    known_id(recording_id, _GONE)
    known = known_id(note_id, _GONE)
    if "remove" in request.form:
        notes.remove(db.session, caller(), known)
    else:
        notes.change(db.session, caller(), known, _written())
    return _answer(recording_id)


@blueprint.post("/review")
def review(recording_id: str) -> Response | str:
    known = known_id(recording_id, _GONE)
    if "withdraw" in request.form:
        reviews.unmark(db.session, caller(), known)
    else:
        reviews.mark(db.session, caller(), known, request.form.get("outcome") or None)
    return _answer(recording_id, "review")


def _written() -> Written:
    text = request.form.get("text", "").strip()
    if UNSEEN in text:
        raise InvalidRequest("A note is plain text.")
    start, end = (request.form.get(name, "").strip() for name in ("start", "end"))
    until = position(end) if end else None
    return Written(text, position(start or "0"), until, "shared" in request.form)


def _answer(recording_id: str, part: str = "notes") -> Response | str:
    """The changed part of the page for a script, so that what is playing goes on; else the page."""
    if "X-Part" not in request.headers:
        return redirect(url_for("recordings.show", recording_id=recording_id, tab="notes"), 303)
    recording = recordings.find(db.session, caller(), recording_id)
    reviewed = reviews.of_recording(db.session, caller(), recording_id)
    return render_template(PARTS[part], reviewed=reviewed, **told(recording, "notes"))
