"""The tags and the department of a recording, and the forms on its page that change them."""

from __future__ import annotations

from flask import Blueprint, render_template, request, url_for
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from portal.auth import caller
from portal.core import recordings, tagging
from portal.core.models import Recording
from portal.db import db
from portal.parsing import known_id

blueprint = Blueprint("labels", __name__, url_prefix="/recordings/<recording_id>")


@blueprint.post("/labels")
def change(recording_id: str) -> Response | str:
    """Answers with the changed part of the page for a script, else with the page."""
    known = known_id(recording_id, "There is no such recording.")
    recordings.find(db.session, caller(), known)
    _change(known)
    if "X-Part" not in request.headers:
        return redirect(url_for("recordings.show", recording_id=known), 303)
    # Not found anew: without the label that made it theirs it may be out of this person's scope.
    recording = db.session.get_one(Recording, known)
    tags = tagging.tags_of(db.session, known)
    return render_template("recordings/_labels.html", recording=recording, tags=tags)


def _change(recording_id: str) -> None:
    form = request.form
    if "department" in form:
        name = form["department"].strip() or None
        tagging.set_department(db.session, caller(), recording_id, name)
    elif "remove" in form:
        tagging.remove_tag(db.session, caller(), recording_id, form["remove"])
    else:
        tagging.add_tag(db.session, caller(), recording_id, form.get("tag", ""))
