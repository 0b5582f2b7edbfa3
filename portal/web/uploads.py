"""Uploads: what is arriving, what failed and why; ending, keeping or retrying one; sending some."""

from __future__ import annotations

from collections.abc import Callable

from flask import (
    Blueprint,
    current_app,
    flash,
    jsonify,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext, lazy_gettext
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response

from portal import queue
from portal.auth import caller
from portal.core import assembly, job_list, leases, passes, recordings, under_way
from portal.core.errors import Conflict
from portal.core.models import Recording, Upload
from portal.core.transaction import release
from portal.db import db
from portal.parsing import known_id, whole_number
from portal.storage import stores
from portal.web import cursors
from portal.web.show import CURES, REASONS

PER_PAGE = 25
_GONE = "There is no such upload."
KEEPING = {
    1: lazy_gettext("1 day"),
    7: lazy_gettext("7 days"),
    under_way.MOST_DAYS: lazy_gettext("30 days"),
}
"""For how many days from now an upload can be kept open."""

blueprint = Blueprint("uploads", __name__, url_prefix="/uploads")


@blueprint.get("")
def index() -> str:
    """Those that somebody should look at, or with `?state=` only those in that state."""
    state, before = request.args.get("state") or None, cursors.by_id()
    if state not in (None, *recordings.UNDER_WAY):
        cursors.damaged()
    rows, older = under_way.page(db.session, caller(), PER_PAGE, state, before)
    return render_template(
        "uploads/list.html",
        rows=rows,
        older=older,
        state=state,
        states=recordings.UNDER_WAY,
    )


@blueprint.get("/<upload_id>")
def show(upload_id: str) -> str:
    found = under_way.find(db.session, caller(), known_id(upload_id, _GONE))
    return render_template(
        "uploads/show.html",
        shown=found,
        upload=found.upload,
        recording=_recording(found.upload),
        changes=found.upload.state == "open" and under_way.may_change(caller(), found.upload),
        again=_can_be_tried_again(upload_id),
        keeping=KEEPING,
    )


def _can_be_tried_again(upload_id: str) -> bool:
    """Whether its assembly failed and the reader may do something about it."""
    mine = "operate" in caller().rights
    return mine and bool(job_list.find(db.session, caller(), [_assembly(upload_id)]))


def _assembly(upload_id: str) -> str:
    return leases.job_id(assembly.KIND, upload_id)


def _recording(upload: Upload) -> Recording | None:
    """What became of it, as far as the reader may know of it."""
    visible = recordings.visible(caller())
    found = db.session.scalar(select(Recording).where(visible, Recording.id == upload.id))
    release(db.session)
    return found


@blueprint.post("/<upload_id>/cancel")
def cancel(upload_id: str) -> Response:
    def act() -> str:
        under_way.cancel(db.session, stores, caller(), upload_id)
        return gettext("Cancelled. What had arrived of it is removed.")

    return _done(upload_id, act)


@blueprint.post("/<upload_id>/extend")
def extend(upload_id: str) -> Response:
    def act() -> str:
        days = whole_number(request.form.get("days"), "days")
        under_way.extend(db.session, caller(), upload_id, days)
        return gettext("It waits longer now.")

    return _done(upload_id, act)


@blueprint.post("/<upload_id>/retry")
def retry(upload_id: str) -> Response:
    """Have its assembly tried again: what the page of jobs does, for whoever came from here."""
    under_way.find(db.session, caller(), known_id(upload_id, _GONE))
    done = job_list.retry(db.session, caller(), [_assembly(upload_id)])
    for job in done:
        queue.ring(job.kind, upload_id, job.epoch)
    again, not_now = gettext("It is tried again."), gettext("It cannot be tried again now.")
    flash(again if done else not_now)
    return redirect(url_for("uploads.show", upload_id=upload_id), 303)


def _done(upload_id: str, act: Callable[[], str]) -> Response:
    """Do it and show the upload; one that has ended meanwhile shows how."""
    known_id(upload_id, _GONE)
    try:
        flash(act())
    except Conflict:
        flash(gettext("The upload has ended meanwhile; this page says how."))
    return redirect(url_for("uploads.show", upload_id=upload_id), 303)


@blueprint.get("/new")
def new() -> str:
    caller().must("upload")
    return render_template("uploads/new.html", person=caller().user_id)


@blueprint.post("/pass")
def make_pass() -> Response:
    """What the upload page shows the tus endpoint. See docs/decisions/0019-upload-pass.md."""
    caller().must("upload")
    made = passes.make(current_app.config["SECRET_KEY"], current_user.session_id)
    answer = jsonify({"pass": made, "seconds": int(passes.GOOD_FOR.total_seconds())})
    answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.get("/<upload_id>/state")
def state(upload_id: str) -> Response:
    """How it stands with an upload, for the page that sends it: a word for the script, words for
    the reader, and where the recording is."""
    upload = under_way.find(db.session, caller(), known_id(upload_id, _GONE)).upload
    found = _recording(upload)
    code = (found or upload).error_code or ""
    words = [str(each[code]) for each in (REASONS, CURES) if code in each]
    at = url_for("recordings.show", recording_id=found.id) if found else None
    standing = "ready" if upload.state == "done" else upload.state
    answer = jsonify(state=found.state if found else standing, words=" ".join(words), address=at)
    answer.headers["Cache-Control"] = "no-store"
    return answer
