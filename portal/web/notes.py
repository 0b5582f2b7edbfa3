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
from portal.parsing import known_id, plain
from portal.web.positions import position
from portal.web.recording import told

_GONE = "There is no such recording, or no such note."
blueprint = Blueprint("notes", __name__, url_prefix="/recordings/<recording_id>")


@blueprint.post("/notes")
def add(recording_id: str) -> Response | str:
    made = notes.add(db.session, caller(), known_id(recording_id, _GONE), _written())
    return _all_notes(recording_id, made.id)


@blueprint.post("/notes/<note_id>")
def change(recording_id: str, note_id: str) -> Response | str:
    """Other words for a note, or, with the button `remove`, none at all."""
    about = known_id(recording_id, _GONE), known_id(note_id, _GONE)
    if "remove" in request.form:
        notes.remove(db.session, caller(), *about)
        return _all_notes(recording_id)
    notes.change(db.session, caller(), *about, _written())
    return _all_notes(recording_id, note_id)


@blueprint.post("/review")
def review(recording_id: str) -> Response | str:
    known = known_id(recording_id, _GONE)
    if "withdraw" in request.form:
        reviews.unmark(db.session, caller(), known)
    else:
        outcome = request.form.get("outcome")
        reviews.mark(db.session, caller(), known, outcome or None, keep=outcome is None)
    if "X-Part" not in request.headers:
        return _page(recording_id)
    recording = recordings.find(db.session, caller(), recording_id)
    reviewed = reviews.of_recording(db.session, caller(), recording_id)
    return render_template("recordings/_review.html", recording=recording, reviewed=reviewed)


def _written() -> Written:
    text = request.form.get("text", "").strip().replace("\r\n", "\n").replace("\t", " ")
    if not all(map(plain, text.split("\n"))):
        raise InvalidRequest("A note is plain text.")
    start, end = (request.form.get(name, "").strip() for name in ("start", "end"))
    until = position(end) if end else None
    return Written(text, position(start or "0"), until, "shared" in request.form)


def _all_notes(recording_id: str, new: str | None = None) -> Response | str:
    """The panel for a script, so that what is playing goes on; else the page. It shows the first
    notes, or where the one that is `new` is not among them, that one and what follows."""
    recording = recordings.find(db.session, caller(), recording_id)
    panel = told(recording, "notes")
    begin = None if new in {None, *(each.id for each in panel["rows"])} else new
    if "X-Part" not in request.headers:
        return _page(recording_id, begin)
    lane = notes.of_recording(db.session, caller(), recording_id)
    shown = told(recording, "notes", begin) if begin else panel
    return render_template("recordings/_panel.html", new_lane=lane, **shown)


def _page(recording_id: str, begin: str | None = None) -> Response:
    return redirect(
        url_for("recordings.show", recording_id=recording_id, tab="notes", before=begin), 303
    )
